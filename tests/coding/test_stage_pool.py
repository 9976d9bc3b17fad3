"""The stage pool: urgent stages first, failures to whoever waits, nothing lost at the end."""

import threading
import time

import pytest

from bertillon_server.coding.pool import StageFailedError, StagePool
from bertillon_server.coding.way import LONGEST_S, give_way
from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import AGEING_S


def test_urgent_stages_overtake_the_ones_that_wait() -> None:
    pool = StagePool(1)
    gate = threading.Event()
    order: list[str] = []
    for priority in (Priority.BULK, Priority.INTERACTIVE):
        pool.submit(priority, gate.wait)
    futures = [
        pool.submit(Priority.BULK, order.append, "bulk"),
        pool.submit(Priority.STANDARD, order.append, "standard"),
        pool.submit(Priority.STANDARD, order.append, "later"),
    ]
    gate.set()
    for future in futures:
        future.result(10)
    pool.shutdown()
    assert order == ["standard", "later", "bulk"]


def test_an_interactive_stage_does_not_wait_for_those_that_compute() -> None:
    pool = StagePool(2)
    gate = threading.Event()
    held = [pool.submit(Priority.BULK, gate.wait) for _ in range(2)]
    assert pool.submit(Priority.INTERACTIVE, pow, 2, 5).result(10) == 32
    assert not any(future.done() for future in held)
    gate.set()
    pool.shutdown()


def test_long_stages_give_way_while_an_interactive_one_computes() -> None:
    pool = StagePool(1)
    began, go_on, done, computing = (threading.Event() for _ in range(4))

    def urgent() -> bool:
        computing.set()
        return done.wait(10)

    def long() -> float:
        began.set()
        go_on.wait(10)
        at = time.monotonic()
        give_way()
        return time.monotonic() - at

    waited = pool.submit(Priority.BULK, long)
    began.wait(10)
    finished = pool.submit(Priority.INTERACTIVE, urgent)
    computing.wait(10)
    go_on.set()
    # It waits for as long as it may, for the urgent stage does not end; and then goes on all the same.
    assert waited.result(10) >= LONGEST_S / 2
    done.set()
    assert finished.result(10)
    pool.shutdown()


def test_giving_way_costs_nothing_where_nobody_is_in_a_hurry() -> None:
    at = time.monotonic()
    for _ in range(1_000):
        give_way()
    pool = StagePool(1)
    for priority in Priority:
        for _ in range(100):
            pool.submit(priority, give_way).result(10)
    pool.shutdown()
    # Had each waited as long as it may, it would be 26 s.
    assert time.monotonic() - at < 1_300 * LONGEST_S / 4


def test_the_error_of_a_stage_reaches_its_caller_and_the_thread_lives_on() -> None:
    pool = StagePool(1)
    failed = pool.submit(Priority.STANDARD, int, "no number")
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(10)
    assert pool.submit(Priority.STANDARD, int, "7").result(10) == 7
    pool.shutdown()


def test_a_panic_in_a_stage_is_an_error_that_tells_its_type_alone() -> None:
    class Panic(BaseException):
        pass

    def panics() -> None:
        raise Panic("byte index 1 is not a char boundary; it is inside of a note")

    pool = StagePool(1)
    with pytest.raises(StageFailedError, match="^Panic$"):
        pool.submit(Priority.STANDARD, panics).result(10)
    assert pool.submit(Priority.STANDARD, int, "7").result(10) == 7
    pool.shutdown()


def test_bulk_stages_that_wait_for_long_go_before_standard_ones_that_come_later() -> None:
    now = 0.0
    pool = StagePool(1, clock=lambda: now)
    gate = threading.Event()
    order: list[str] = []
    for priority in (Priority.STANDARD, Priority.INTERACTIVE):
        pool.submit(priority, gate.wait)
    futures = [pool.submit(Priority.BULK, order.append, "bulk")]
    now += AGEING_S + 1
    futures += [
        pool.submit(Priority.STANDARD, order.append, "standard"),
        pool.submit(Priority.INTERACTIVE, order.append, "interactive"),
    ]
    gate.set()
    for future in futures:
        future.result(10)
    pool.shutdown()
    assert order.index("bulk") < order.index("standard")


def test_a_stage_that_was_cancelled_while_it_waited_is_not_computed() -> None:
    pool = StagePool(1)
    gate = threading.Event()
    computed: list[int] = []
    pool.submit(Priority.STANDARD, gate.wait)
    dropped = pool.submit(Priority.STANDARD, computed.append, 1)
    kept = pool.submit(Priority.STANDARD, computed.append, 2)
    assert dropped.cancel()
    gate.set()
    kept.result(10)
    pool.shutdown()
    assert computed == [2]


@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_queued_is_finished_before_the_threads_end(threads: int, priority: Priority) -> None:
    pool = StagePool(threads)
    futures = [pool.submit(priority, pow, 2, n) for n in range(50)]
    pool.shutdown()
    assert [future.result(0) for future in futures] == [2**n for n in range(50)]
