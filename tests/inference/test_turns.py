"""Who of those admitted is begun: a few at a time, in order, and nobody for whom it is too late."""

import asyncio

import pytest
from scheduling_fakes import Clock, Notes, turns

from bertillon_server.inference.admission import Admission, AdmissionControl
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.cost import BACKLOG_TOKENS, CostModel
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.observer import ShedReason
from bertillon_server.inference.turns import AT_ONCE_TOKENS, LARGEST_SHARE

SECONDS_PER_TOKEN = 0.01
INTERACTIVE, STANDARD, BULK = (Call(priority) for priority in Priority)
# Notes that count in full, and how many of them are worked on at once.
SIZE = BACKLOG_TOKENS // 4
AT_ONCE = 4


class Line(AdmissionControl):
    """An admission control of one worker at 10 ms a token, and the notes begun, in order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.notes = Notes()
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        cost = CostModel(workers=1)
        for _ in range(2000):
            cost.observe(100, 100 * SECONDS_PER_TOKEN)
        super().__init__(
            max_tokens=1_000_000,
            cost=cost,
            clock=self.clock,
            observer=self.notes,
            in_encoder=lambda: 0,
            left=lambda: None,
        )

    async def bring(self, name: str, call: Call = STANDARD, tokens: int = SIZE) -> Admission:
        """Have a note admitted that takes its turn beside the test."""
        admission = self.admit(tokens, call)

        async def begin() -> None:
            await admission.turn(call)
            self.begun.append(name)

        self.tasks.append(asyncio.create_task(begin()))
        await turns()
        return admission


async def test_a_few_notes_are_worked_on_at_once_and_the_others_in_the_order_they_came() -> None:
    line = Line()
    notes = [await line.bring(str(number)) for number in range(AT_ONCE + 3)]
    assert line.begun == [str(number) for number in range(AT_ONCE)]
    assert line.turns.waiting == 3
    for note in notes[:2]:
        note.release()
    await turns()
    assert line.begun == [str(number) for number in range(AT_ONCE + 2)]
    notes[2].release()
    await turns()
    assert not line.turns.waiting


async def test_a_part_that_is_done_makes_room_for_the_next() -> None:
    line = Line()
    first, *_ = [await line.bring(str(number)) for number in range(AT_ONCE + 1)]
    first.release(SIZE // 2)
    await turns()
    assert not line.turns.waiting


async def test_who_is_more_urgent_does_not_wait_for_who_is_less() -> None:
    line = Line()
    for number in range(AT_ONCE + 2):
        await line.bring(str(number))
    await line.bring("typed", INTERACTIVE)
    assert line.begun[-1] == "typed"


async def test_who_has_waited_long_goes_before_who_is_more_urgent_and_comes_later() -> None:
    line = Line()
    notes = [await line.bring(str(number), INTERACTIVE) for number in range(AT_ONCE)]
    await line.bring("standard")
    line.clock.now += 60
    await line.bring("interactive", INTERACTIVE)
    for note in notes[:2]:
        note.release()
        await turns()
    assert line.begun[AT_ONCE:] == ["standard", "interactive"]


async def test_who_is_more_urgent_does_not_wait_behind_one_for_whom_there_is_no_room() -> None:
    line = Line()
    for number in range(AT_ONCE):
        await line.bring(str(number))
    await line.bring("standard")
    line.clock.now += 60
    await line.bring("interactive", INTERACTIVE)
    assert line.begun[AT_ONCE:] == ["interactive"]


async def test_bulk_notes_are_begun_at_once_and_keep_nobody_waiting() -> None:
    line = Line()
    for number in range(3 * AT_ONCE):
        await line.bring(f"bulk {number}", BULK)
    assert len(line.begun) == 3 * AT_ONCE
    await line.bring("note")
    assert line.begun[-1] == "note"


async def test_others_are_begun_beside_a_very_long_note() -> None:
    line = Line()
    await line.bring("long", tokens=100 * AT_ONCE_TOKENS)
    for number in range(AT_ONCE):
        await line.bring(str(number))
    beside = int(AT_ONCE * (1 - LARGEST_SHARE))
    assert line.begun[: beside + 1] == ["long", *(str(number) for number in range(beside))]


async def test_a_note_whose_turn_comes_too_late_is_refused_before_it_is_begun() -> None:
    line = Line()
    first, *_ = [await line.bring(str(number)) for number in range(AT_ONCE)]
    await line.bring("hasty", Call(Priority.STANDARD, line.clock.now + 1_000))
    line.clock.now += 999
    first.release()
    await turns()
    with pytest.raises(DeadlineUnreachableError):
        await line.tasks[-1]
    assert line.notes.sheds == [ShedReason.DEADLINE]
    await line.bring("next")
    assert line.begun[-1] == "next"


async def test_the_wait_for_a_turn_ends_when_the_deadline_comes_out_of_reach() -> None:
    line = Line()
    for number in range(AT_ONCE):
        await line.bring(str(number))
    soon = line.admit(0, STANDARD), Call(Priority.STANDARD, line.clock.now + 0.01)
    with pytest.raises(DeadlineUnreachableError):
        await soon[0].turn(soon[1])
    assert not line.turns.waiting


async def test_a_caller_that_leaves_the_line_takes_nothing() -> None:
    line = Line()
    first, *_ = [await line.bring(str(number)) for number in range(AT_ONCE)]
    gone = await line.bring("gone")
    line.tasks[-1].cancel()
    await turns()
    assert not line.turns.waiting
    gone.release(done=False)
    first.release()
    await line.bring("next")
    assert line.begun[-1] == "next"


async def test_a_caller_cancelled_in_the_turn_it_is_begun_takes_nothing() -> None:
    line = Line()
    first, *_ = [await line.bring(str(number)) for number in range(AT_ONCE)]
    gone = await line.bring("gone")
    first.release()
    line.tasks[-1].cancel()
    await turns()
    gone.release(done=False)
    await line.bring("next")
    assert line.begun[-1] == "next"
