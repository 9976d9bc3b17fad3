"""Who gets in: capacity, shares, deadlines, fair waiting, and accounts that always return to zero."""

import asyncio
import contextlib
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_fakes import STUCK_S, Clock, Notes, turns

from bertillon_server.inference.admission import (
    LONGEST_RETRY_S,
    RESERVED,
    SHORTEST_RETRY_S,
    Admission,
    AdmissionControl,
)
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.cost import BACKLOG_TOKENS, MARGIN, CostModel
from bertillon_server.inference.errors import (
    DeadlineUnreachableError,
    DrainingError,
    InferenceRefusedError,
    OverloadedError,
)
from bertillon_server.inference.observer import ShedReason

CAPACITY = 1600
SECONDS_PER_TOKEN = 0.01
INTERACTIVE, STANDARD, BULK = (Call(priority) for priority in Priority)


class Gate(AdmissionControl):
    """An admission control at 10 ms a token, with what it was built from."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.clock = Clock()
        self.notes = Notes()
        self.encoding = 0
        self.leaves = 0
        cost = CostModel(workers=1)
        for _ in range(2000):
            cost.observe(100, 100 * SECONDS_PER_TOKEN)
        super().__init__(
            max_tokens=capacity,
            cost=cost,
            clock=self.clock,
            observer=self.notes,
            in_encoder=lambda: self.encoding,
            left=self._count_leave,
        )

    def _count_leave(self) -> None:
        self.leaves += 1

    def until(self, seconds: float, priority: Priority = Priority.STANDARD) -> Call:
        return Call(priority, self.clock.now + seconds)


def fill(gate: Gate, call: Call, size: int = 10) -> list[Admission]:
    held = []
    while True:
        try:
            held.append(gate.admit(size, call))
        except OverloadedError:
            return held


def test_a_note_holds_its_tokens_until_it_leaves() -> None:
    gate = Gate()
    with gate.admit(100, STANDARD) as admission:
        assert gate.tokens[Priority.STANDARD] == admission.tokens == 100
        assert gate.open == 1
    assert sum(gate.tokens) == gate.open == 0
    assert gate.leaves == 1


def test_encoded_parts_are_given_back_before_the_note_leaves() -> None:
    gate = Gate()
    admission = gate.admit(100, STANDARD)
    admission.release(60)
    assert (gate.tokens[Priority.STANDARD], gate.open) == (40, 1)
    admission.release(60)
    assert (gate.tokens[Priority.STANDARD], gate.open) == (0, 1)
    admission.release()
    admission.release()
    assert (sum(gate.tokens), gate.open, gate.leaves) == (0, 0, 1)


def test_an_exception_gives_the_capacity_back() -> None:
    gate = Gate()
    with pytest.raises(KeyError), gate.admit(100, BULK):
        raise KeyError
    assert sum(gate.tokens) == 0


def test_a_full_queue_says_when_to_come_back_by_what_must_be_worked_off() -> None:
    gate = Gate()
    fill(gate, STANDARD)
    with pytest.raises(OverloadedError) as refused:
        gate.admit(50, STANDARD)
    assert refused.value.retry_after_s == pytest.approx(50 * SECONDS_PER_TOKEN, rel=0.05)
    assert gate.notes.sheds[-1] is ShedReason.OVERLOADED


def test_retry_advice_stays_within_reason() -> None:
    gate = Gate()
    held = fill(gate, STANDARD)
    with pytest.raises(OverloadedError) as least:
        gate.admit(1, STANDARD)
    held.pop().release()
    with pytest.raises(OverloadedError) as most:
        gate.admit(10_000_000, STANDARD)
    assert least.value.retry_after_s == SHORTEST_RETRY_S
    assert most.value.retry_after_s <= LONGEST_RETRY_S


def test_room_is_there_as_soon_as_it_is_given_back() -> None:
    gate = Gate()
    held = fill(gate, STANDARD)
    held.pop().release()
    gate.admit(10, STANDARD)


@pytest.mark.parametrize("crowd", list(Priority))
def test_no_priority_takes_the_share_of_another(crowd: Priority) -> None:
    gate = Gate()
    fill(gate, Call(crowd))
    for other in Priority:
        if other is not crowd:
            assert len(fill(gate, Call(other))) * 10 == CAPACITY * RESERVED[other]
    assert sum(gate.tokens) == CAPACITY


def test_a_note_larger_than_the_queue_gets_in_when_nothing_else_of_its_share_is_there() -> None:
    gate = Gate()
    small = gate.admit(10, BULK)
    with pytest.raises(OverloadedError):
        gate.admit(50 * CAPACITY, BULK)
    small.release()
    large = gate.admit(50 * CAPACITY, BULK)
    with pytest.raises(OverloadedError):
        gate.admit(10, BULK)
    gate.admit(10, INTERACTIVE).release()
    large.release(49 * CAPACITY)
    large.release()
    gate.admit(10, BULK)
    assert sum(gate.tokens) == 10


@pytest.mark.parametrize(("crowd", "kept_out"), list(itertools.permutations(Priority, 2)))
def test_no_length_of_a_note_lets_others_keep_it_out_for_ever(crowd: Priority, kept_out: Priority) -> None:
    gate = Gate()
    fill(gate, Call(crowd))
    long = Call(kept_out)
    with gate.admit(CAPACITY, long):
        with pytest.raises(OverloadedError):
            gate.admit(10, long)
        # It counts as no more than what there was: the share of the third is still there.
        (third,) = set(Priority) - {crowd, kept_out}
        assert fill(gate, Call(third))


async def test_a_long_bulk_note_that_waits_gets_in_once_those_before_it_have_left() -> None:
    gate = Gate()
    fill(gate, STANDARD)
    held = fill(gate, BULK)
    waiting = asyncio.create_task(gate.admit_waiting(CAPACITY, BULK))
    for admission in held:
        await turns()
        assert not waiting.done()
        admission.release()
    (await asyncio.wait_for(waiting, STUCK_S)).release()


def test_a_note_without_tokens_is_always_welcome() -> None:
    gate = Gate()
    fill(gate, STANDARD)
    gate.admit(0, STANDARD).release()


def test_a_negative_size_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="fewer"):
        Gate().admit(-1, STANDARD)


def test_work_that_cannot_end_in_time_is_refused_at_once() -> None:
    gate = Gate()
    with pytest.raises(DeadlineUnreachableError):
        gate.admit(100, gate.until(0.9))
    assert gate.notes.sheds == [ShedReason.DEADLINE]
    gate.admit(100, gate.until(1.1))


def test_the_backlog_counts_against_the_deadline() -> None:
    gate = Gate()
    gate.admit(100, STANDARD)
    with pytest.raises(DeadlineUnreachableError):
        gate.admit(100, gate.until(1.5))
    gate.admit(100, gate.until(2.1))


def test_a_deadline_is_judged_by_what_whole_notes_take_once_a_backlog_has_shown_it() -> None:
    gate = Gate(100_000)
    backlog = [gate.admit(100, STANDARD) for _ in range(BACKLOG_TOKENS // 100 + 601)]
    # The encoder takes a second for each; with all that surrounds it, two.
    for note in backlog[:600]:
        gate.clock.now += 2.0
        note.release()
    ahead = len(backlog) - 600
    with pytest.raises(DeadlineUnreachableError):
        gate.admit(100, gate.until(2.1 * (ahead + 1)))
    # A promise allows for notes that cost more than most.
    gate.admit(100, gate.until(2.1 * MARGIN * (ahead + 1))).release()
    for note in backlog:
        note.release()
    # With nothing ahead of it a note is let in, whatever the backlog was like.
    gate.admit(100, gate.until(1.1)).release()


def test_what_was_given_up_counts_as_time_and_not_as_work_done() -> None:
    gate = Gate(200_000)
    backlog = [gate.admit(100, STANDARD) for _ in range(BACKLOG_TOKENS // 100 + 1201)]
    # Every other note misses its deadline half done: only half of the work comes to anything.
    for note, other in zip(backlog[:1200:2], backlog[1:1200:2], strict=True):
        gate.clock.now += 1.0
        note.release(done=False)
        gate.clock.now += 1.0
        other.release()
    ahead = len(backlog) - 1200
    with pytest.raises(DeadlineUnreachableError):
        gate.admit(100, gate.until(1.9 * MARGIN * (ahead + 1)))
    gate.admit(100, gate.until(2.1 * MARGIN * (ahead + 1)))


def test_how_long_a_note_takes_that_is_alone_says_nothing_of_a_backlog() -> None:
    gate = Gate(100_000)
    for _ in range(50):
        alone = gate.admit(10, STANDARD)
        gate.clock.now += 10.0
        alone.release()
    gate.admit(100, gate.until(1.1)).release()


def test_less_urgent_work_does_not_count_except_for_what_is_in_the_encoder() -> None:
    gate = Gate()
    gate.admit(900, BULK)
    urgent = gate.until(0.5, Priority.INTERACTIVE)
    gate.admit(10, urgent).release()
    gate.encoding = 50
    with pytest.raises(DeadlineUnreachableError):
        gate.admit(10, urgent)
    gate.admit(10, gate.until(0.7, Priority.INTERACTIVE))


def test_nothing_is_admitted_while_draining() -> None:
    gate = Gate()
    gate.drain()
    with pytest.raises(DrainingError):
        gate.admit(1, INTERACTIVE)
    assert gate.notes.sheds == [ShedReason.DRAINING]


async def test_waiting_callers_get_in_first_come_first_served() -> None:
    gate = Gate()
    held = fill(gate, BULK)
    order: list[int] = []

    async def wait(number: int, tokens: int) -> Admission:
        admission = await gate.admit_waiting(tokens, BULK)
        order.append(number)
        return admission

    waiting = [asyncio.create_task(wait(number, tokens)) for number, tokens in enumerate((30, 10, 10))]
    await turns()
    assert (order, gate.waiting) == ([], 3)
    held.pop().release()
    await turns()
    assert order == []  # the small ones do not overtake the large one
    for _ in range(4):
        held.pop().release()
    await turns()
    assert (order, gate.waiting) == ([0, 1, 2], 0)
    for task in waiting:
        (await task).release()


async def test_there_is_no_waiting_where_there_is_room() -> None:
    gate = Gate()
    with await gate.admit_waiting(10, BULK):
        assert gate.open == 1


async def test_newcomers_do_not_overtake_who_waits_with_the_same_urgency() -> None:
    gate = Gate()
    held = fill(gate, BULK)
    waiting = asyncio.create_task(gate.admit_waiting(200, BULK))
    await turns()
    for _ in range(10):
        held.pop().release()
    with pytest.raises(OverloadedError):
        gate.admit(10, BULK)
    gate.admit(10, STANDARD).release()
    for _ in range(10):
        held.pop().release()
    (await waiting).release()


async def test_more_urgent_callers_wait_in_front() -> None:
    gate = Gate()
    held = fill(gate, BULK) + fill(gate, STANDARD) + fill(gate, INTERACTIVE)
    order: list[Priority] = []

    async def wait(call: Call) -> None:
        with await gate.admit_waiting(10, call):
            order.append(call.priority)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for call in (BULK, STANDARD, INTERACTIVE):
            group.create_task(wait(call))
            await turns()
        for admission in held:
            admission.release()
    assert order == sorted(order)


async def test_who_has_room_does_not_wait_for_less_urgent_callers() -> None:
    gate = Gate()
    fill(gate, BULK)
    waiting = asyncio.create_task(gate.admit_waiting(10, BULK))
    await turns()
    async with asyncio.timeout(STUCK_S):
        (await gate.admit_waiting(10, INTERACTIVE)).release()
    assert not waiting.done()
    gate.drain()
    with pytest.raises(DrainingError):
        await waiting


async def test_a_waiting_caller_that_is_cancelled_leaves_its_place() -> None:
    gate = Gate()
    held = fill(gate, BULK)
    first = asyncio.create_task(gate.admit_waiting(CAPACITY, BULK))
    second = asyncio.create_task(gate.admit_waiting(10, BULK))
    await turns()
    held.pop().release()
    await turns()
    assert gate.waiting == 2
    first.cancel()
    (await asyncio.wait_for(second, STUCK_S)).release()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert gate.waiting == 0


async def test_a_caller_cancelled_in_the_turn_it_is_admitted_holds_nothing() -> None:
    gate = Gate()
    held = fill(gate, BULK)
    task = asyncio.create_task(gate.admit_waiting(10, BULK))
    await turns()
    for admission in held:
        admission.release()
    assert gate.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (gate.open, sum(gate.tokens)) == (0, 0)


async def test_a_waiting_caller_whose_deadline_went_out_of_reach_is_not_admitted_late() -> None:
    gate = Gate()
    full = gate.admit(CAPACITY, BULK)
    late = asyncio.create_task(gate.admit_waiting(100, Call(Priority.BULK, gate.clock.now + 60.0)))
    next_in_line = asyncio.create_task(gate.admit_waiting(10, BULK))
    await turns()
    assert gate.waiting == 2
    gate.clock.now += 59.5
    full.release()
    with pytest.raises(DeadlineUnreachableError):
        await late
    (await next_in_line).release()
    assert gate.notes.sheds == [ShedReason.DEADLINE]


async def test_the_wait_for_room_ends_when_the_deadline_comes_out_of_reach() -> None:
    gate = Gate()
    fill(gate, BULK)
    gate.admit(10, STANDARD)
    own = (10 + 600) * SECONDS_PER_TOKEN
    waiter = asyncio.create_task(gate.admit_waiting(600, gate.until(own + 0.01)))
    behind = asyncio.create_task(gate.admit_waiting(10, STANDARD))
    await turns()
    assert gate.waiting == 2
    with pytest.raises(DeadlineUnreachableError):
        await waiter
    (await asyncio.wait_for(behind, STUCK_S)).release()
    assert gate.notes.sheds[-1] is ShedReason.DEADLINE


async def test_draining_turns_away_who_waits() -> None:
    gate = Gate()
    fill(gate, BULK)
    tasks = [asyncio.create_task(gate.admit_waiting(10, BULK)) for _ in range(3)]
    await turns()
    gate.drain()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DrainingError] * 3
    assert gate.waiting == 0


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), capacity=st.integers(1, 200), steps=st.integers(1, 80))
def test_after_any_storm_the_accounts_are_at_zero(seed: int, capacity: int, steps: int) -> None:
    asyncio.run(_storm(random.Random(seed), Gate(capacity), steps))


async def _storm(draw: random.Random, gate: Gate, steps: int) -> None:
    held: list[Admission] = []
    waiting: list[asyncio.Task[Admission]] = []
    for _ in range(steps):
        _step(draw, gate, held, waiting)
        await turns(draw.randrange(3))
        assert sum(gate._charged) <= gate._max_tokens
    while held or waiting:
        for admission in held:
            admission.release()
        await turns()
        done = [task for task in waiting if task.done()]
        waiting = [task for task in waiting if not task.done()]
        held = [task.result() for task in done if not task.cancelled() and task.exception() is None]
        if not held:
            gate.drain()
    assert gate.open == gate.waiting == sum(gate.tokens) == sum(gate._charged) == 0


def _step(
    draw: random.Random, gate: Gate, held: list[Admission], waiting: list[asyncio.Task[Admission]]
) -> None:
    call = Call(draw.choice(list(Priority)), draw.choice([None, gate.clock.now + draw.uniform(-1, 5)]))
    step = draw.randrange(6)
    if step == 0:
        waiting.append(asyncio.create_task(gate.admit_waiting(draw.randint(0, 300), call)))
    elif step == 1 and waiting:
        draw.choice(waiting).cancel()
    elif step == 2 and held:
        held.pop(draw.randrange(len(held))).release()
    elif step == 3 and held:
        draw.choice(held).release(draw.randint(0, 50))
    elif step == 4:
        gate.clock.now += draw.uniform(0, 1)
    else:
        with contextlib.suppress(InferenceRefusedError):
            held.append(gate.admit(draw.randint(0, 100), call))
