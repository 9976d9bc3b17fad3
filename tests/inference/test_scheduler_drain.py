"""Stopping without loss, and storms that leave nothing behind."""

import asyncio
import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scheduling_fakes import (
    STUCK_S,
    HeldEncoder,
    InstantEncoder,
    Notes,
    expected,
    is_idle,
    running,
    turns,
    vectors_of,
    window,
)

from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DrainingError, InferenceRefusedError
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.workers import EncodingFailedError

CALL = Call()


def encoder_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("bertillon-encoder")]


async def test_what_was_admitted_is_answered_while_new_work_is_turned_away() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        admission = scheduler.admit(10, CALL)
        running_call = asyncio.create_task(scheduler.encode([window(1), window(2, 2)], CALL))
        held = await encoder.begun()
        stopping = asyncio.create_task(scheduler.stop(STUCK_S))
        await turns()
        with pytest.raises(DrainingError):
            scheduler.admit(1, CALL)
        with pytest.raises(DrainingError):
            await scheduler.admit_waiting(1, CALL)
        next_section = asyncio.create_task(scheduler.encode([window(3, 3, 3)], CALL))
        await turns()
        held.answer()
        encoder.let_go()
        np.testing.assert_array_equal((await running_call).rows, expected([window(1), window(2, 2)]))
        np.testing.assert_array_equal((await next_section).rows, expected([window(3, 3, 3)]))
        assert not stopping.done()  # the note may have one more section
        admission.release()
        async with asyncio.timeout(STUCK_S / 2):
            await stopping
        assert is_idle(scheduler)
        with pytest.raises(DrainingError):
            await scheduler.encode([window(1)], CALL)


async def test_an_idle_scheduler_stops_at_once() -> None:
    scheduler = Scheduler(InstantEncoder(), workers=2)
    await scheduler.start()
    await scheduler.encode([window(1)], CALL)
    async with asyncio.timeout(STUCK_S / 2):
        await scheduler.stop(STUCK_S)


async def test_work_that_was_never_admitted_is_turned_away_while_draining() -> None:
    encoder, notes = HeldEncoder(), Notes()
    async with running(encoder, observer=notes) as scheduler:
        task = asyncio.create_task(scheduler.encode([window(1)], CALL))
        await encoder.begun()
        stopping = asyncio.create_task(scheduler.stop(STUCK_S))
        await turns()
        with pytest.raises(DrainingError):
            await scheduler.encode([window(2)], CALL)
        encoder.let_go()
        await task
        async with asyncio.timeout(STUCK_S / 2):
            await stopping
    assert [reason.value for reason in notes.sheds] == ["draining"]


async def test_after_the_grace_what_is_left_fails_and_the_workers_end() -> None:
    encoder = HeldEncoder()
    scheduler = Scheduler(encoder, workers=1)
    await scheduler.start()
    before = set(encoder_threads())
    admission = scheduler.admit(10, CALL)
    tasks = [asyncio.create_task(scheduler.encode([window(*[n] * n)], CALL)) for n in range(1, 5)]
    held = await encoder.begun()
    stopping = asyncio.create_task(scheduler.stop(0))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DrainingError] * 4
    held.answer()
    await stopping
    admission.release()
    assert is_idle(scheduler)
    assert len(encoder.batches) == 1
    for thread in before:
        thread.join(STUCK_S)
        assert not thread.is_alive()


async def test_stopping_twice_or_before_the_start_is_harmless() -> None:
    scheduler = Scheduler(InstantEncoder(), workers=2)
    await scheduler.stop(0)
    await scheduler.stop(0)
    with pytest.raises(DrainingError):
        scheduler.admit(1, CALL)
    with pytest.raises(RuntimeError):
        await scheduler.start()


class _Moody:
    """Answers, fails or waits for a moment, by the ids that it is given."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        if (ids == 13).any():
            raise ArithmeticError
        if (ids == 7).any() and not self.gate.wait(STUCK_S):
            raise TimeoutError
        return vectors_of(ids)


async def _storm(draw: random.Random, calls: int, workers: int) -> None:
    encoder = _Moody()
    tasks_before = len(asyncio.all_tasks())
    scheduler = Scheduler(encoder, workers=workers, batch_tokens=32, max_queued_tokens=400)
    await scheduler.start()
    clock = asyncio.get_running_loop().time

    async def one() -> None:
        deadline = draw.choice([None, None, clock() + draw.choice([-1.0, 0.0, 0.0005, 60.0])])
        call = Call(draw.choice(list(Priority)), deadline)
        windows = [
            np.array([draw.randint(0, 15) for _ in range(draw.randint(1, 4))], dtype=np.int64)
            for _ in range(draw.randint(0, 12))
        ]
        tokens = sum(one.size for one in windows)
        waits = draw.random() < 0.5
        admission = await scheduler.admit_waiting(tokens, call) if waits else scheduler.admit(tokens, call)
        with admission:
            answer = await scheduler.encode(windows, call)
            if windows:
                np.testing.assert_array_equal(answer.rows, expected(windows))

    tasks = []
    for _ in range(calls):
        tasks.append(asyncio.create_task(one()))
        await turns(draw.randrange(3))
        if draw.random() < 0.3:
            draw.choice(tasks).cancel()
    encoder.gate.set()
    async with asyncio.timeout(STUCK_S):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            assert isinstance(
                outcome, asyncio.CancelledError | InferenceRefusedError | EncodingFailedError
            ), outcome
    await scheduler.stop(STUCK_S)
    assert is_idle(scheduler)
    assert not scheduler._dispatcher._under_way
    assert not scheduler._dispatcher.queue._lanes
    assert len(asyncio.all_tasks()) == tasks_before


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), calls=st.integers(1, 40), workers=st.integers(1, 3))
def test_after_any_storm_of_cancellations_deadlines_and_errors_nothing_is_left(
    seed: int, calls: int, workers: int
) -> None:
    asyncio.run(_storm(random.Random(seed), calls, workers))
