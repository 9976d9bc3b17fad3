"""Jobs that wait for a process: in which order they are taken, and which together."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.job_queue import JobQueue
from bertillon_server.coding.results import NoteInput, Section
from bertillon_server.coding.section_jobs import BATCH_CODE_POINTS, Job
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError

BULK, STANDARD = Call(Priority.BULK), Call(Priority.STANDARD)


def job_of_length(code_points: int) -> Job:
    whole = Span(0, code_points)
    section = Section(0, SectionKind.PLAN, whole, None, whole)
    return Job("2026", NoteInput(""), (("x" * code_points, section, True),))


def taken(queue: JobQueue, ways: int) -> list[list[int]]:
    """Take everything; return the lengths of the jobs that were taken together."""
    lengths = []
    while queue:
        if together := queue.take(ways):
            lengths.append([waiting.job.code_points for waiting in together])
    return lengths


async def test_what_someone_waits_for_goes_alone_and_before_bulk() -> None:
    queue = JobQueue()
    for length in (100, 200, 300):
        queue.put(job_of_length(length), BULK)
    for length in (11, 12):
        queue.put(job_of_length(length), STANDARD)
    assert taken(queue, 1) == [[11], [12], [100, 200, 300]]


async def test_bulk_jobs_are_shared_evenly_by_the_processes_that_are_ready() -> None:
    queue = JobQueue()
    for _ in range(8):
        queue.put(job_of_length(100), BULK)
    # Half of what waits at the time, then of what is left.
    assert [len(queue.take(2)) for _ in range(4)] == [4, 2, 1, 1]


async def test_what_was_withdrawn_is_no_part_of_what_is_shared() -> None:
    queue = JobQueue()
    for _ in range(4):
        queue.put(job_of_length(100), BULK)
    for _ in range(20):
        queue.put(job_of_length(100), BULK).cancel()
    await asyncio.sleep(0)
    assert len(queue.take(2)) == 2


async def test_a_queue_that_was_cleared_shares_out_what_comes_afterwards_alone() -> None:
    queue = JobQueue()
    for _ in range(20):
        queue.put(job_of_length(100), BULK)
    queue.clear()
    for _ in range(4):
        queue.put(job_of_length(100), BULK)
    assert len(queue.take(2)) == 2


async def test_withdrawn_and_late_jobs_are_passed_over() -> None:
    queue = JobQueue()
    queue.put(job_of_length(1), BULK).cancel()
    late = queue.put(job_of_length(2), Call(Priority.BULK, deadline=time.monotonic() - 1))
    assert queue.take(1) == []
    assert isinstance(late.exception(), DeadlineUnreachableError)
    queue.put(job_of_length(3), BULK)
    assert taken(queue, 1) == [[3]]


async def test_a_queue_that_is_cleared_returns_who_still_waits() -> None:
    queue = JobQueue()
    waits = queue.put(job_of_length(1), BULK)
    queue.put(job_of_length(2), BULK).cancel()
    assert queue.clear() == [waits]
    assert not queue


@given(
    jobs=st.lists(st.tuples(st.integers(1, 9_000), st.booleans(), st.booleans()), max_size=30),
    ways=st.integers(1, 4),
)
def test_every_job_is_taken_once_and_no_batch_is_too_long(
    jobs: list[tuple[int, bool, bool]], ways: int
) -> None:
    async def check() -> None:
        queue = JobQueue()
        stay = []
        for length, is_bulk, leaves in jobs:
            future = queue.put(job_of_length(length), BULK if is_bulk else STANDARD)
            if leaves:
                future.cancel()
            else:
                stay.append(length)
        together = taken(queue, ways)
        assert sorted(length for lengths in together for length in lengths) == sorted(stay)
        assert all(len(lengths) == 1 or sum(lengths) <= BATCH_CODE_POINTS for lengths in together)

    asyncio.run(check())
