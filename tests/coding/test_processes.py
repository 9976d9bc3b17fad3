"""Coding processes: which jobs go to one together, and what happens when they cannot be had."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.processes import HANGS_S, ElsewhereError, HungError, Processes
from bertillon_server.coding.results import NoteInput, Section
from bertillon_server.coding.section_jobs import BATCH_CODE_POINTS, JOB_CODE_POINTS, Job, in_jobs
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.passes import Pass

JOB = Job("2026", NoteInput(""), ())
BULK, STANDARD = Call(Priority.BULK), Call(Priority.STANDARD)

# Answers each job with its length, the number of its batch and how many jobs were in that. One of no length fails,
# one of 13 code points ends the process, and with one of 17 it hangs.
ECHO = """
import socket, sys, time
from bertillon_server.coding.process_messages import read_message, write_message
from bertillon_server.coding.section_jobs import Answer, Failed, Ready
from bertillon_server.inference.passes import Pass
with socket.socket(fileno=int(sys.argv[1])) as server, server.makefile("rb") as told:
    read_message(told.read)
    server.sendall(write_message(Ready(())))
    number = 0
    try:
        while True:
            jobs = read_message(told.read).jobs
            number += 1
            for job in jobs:
                while job.code_points == 17:
                    time.sleep(1)
                if job.code_points == 13:
                    sys.exit(1)
                echo = str(job.code_points).encode(), bytes([number, len(jobs)])
                answer = Answer(echo, (), (Pass(1, job.code_points, 0.0, 0.0),))
                server.sendall(write_message(answer if job.code_points else Failed("ValueError")))
    except EOFError:
        pass
"""


def job_of_length(code_points: int) -> Job:
    text, whole = "x" * code_points, Span(0, code_points)
    return Job("2026", NoteInput(""), ((text, Section(0, SectionKind.PLAN, whole, None, whole), True),))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - another process changes it, which does not tell
            await asyncio.sleep(0.01)


@asynccontextmanager
async def one_process(told: list[Pass] | None = None, hangs_s: float = HANGS_S) -> AsyncIterator[Processes]:
    """Run a process that is ready; `told` is given what is observed."""
    observe = ignore if told is None else told.append
    processes = Processes(1, [sys.executable, "-c", ECHO], None, observe, hangs_s=hangs_s)
    try:
        await until(processes.are_ready)
        yield processes
    finally:
        await processes.stop()


async def batch_of(processes: Processes, job: Job, call: Call) -> tuple[int, int]:
    """Return which batch a job was in, and how many were in that."""
    own, (number, jobs) = (await processes.code(job, call)).packed
    assert int(own) == job.code_points, "the answer of another job"
    return number, jobs


def ignore(one: Pass) -> None:
    assert one.windows


async def test_bulk_jobs_that_wait_go_together_and_what_someone_waits_for_goes_before_them_alone() -> None:
    async with one_process() as processes:
        calls = [BULK, BULK, BULK, BULK, BULK, STANDARD]
        batches = await asyncio.gather(*(batch_of(processes, job_of_length(100), call) for call in calls))
    # The first two are in its hands before the others are there.
    assert batches == [(1, 1), (2, 1), (4, 3), (4, 3), (4, 3), (3, 1)]


async def test_bulk_jobs_go_together_up_to_a_length() -> None:
    half = BATCH_CODE_POINTS // 2
    async with one_process() as processes:
        batches = await asyncio.gather(*(batch_of(processes, job_of_length(half), BULK) for _ in range(6)))
    assert batches == [(1, 1), (2, 1), (3, 2), (3, 2), (4, 2), (4, 2)]


async def test_a_job_whose_deadline_has_passed_or_whose_caller_has_left_is_not_coded() -> None:
    async with one_process() as processes:
        late = Call(Priority.STANDARD, deadline=time.monotonic() - 1)
        with pytest.raises(DeadlineUnreachableError):
            await processes.code(job_of_length(100), late)
        waiting = [asyncio.ensure_future(batch_of(processes, job_of_length(100), BULK)) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[2].cancel()
        batches = await asyncio.gather(waiting[0], waiting[1], waiting[3])
    assert list(batches) == [(1, 1), (2, 1), (3, 1)]


async def test_a_caller_who_leaves_takes_nobody_elses_answer_and_what_was_coded_for_it_counts() -> None:
    told: list[Pass] = []
    async with one_process(told) as processes:
        waiting = [
            asyncio.ensure_future(batch_of(processes, job_of_length(n), BULK)) for n in (1, 2, 3, 4, 5)
        ]
        await asyncio.sleep(0)
        # The first two are in the process's hands.
        waiting[1].cancel()
        assert [await one for one in (waiting[0], *waiting[2:])] == [(1, 1), (3, 3), (3, 3), (3, 3)]
    assert sorted(one.tokens for one in told) == [1, 2, 3, 4, 5]


async def test_what_a_process_had_in_hand_when_it_ended_is_left_to_the_callers() -> None:
    async with one_process() as processes:
        calls = [processes.code(job_of_length(length), BULK) for length in (100, 101, 102, 13, 103)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(answer, ElsewhereError) for answer in answers] == [False] * 3 + [True] * 2
        await until(lambda: processes.pids != ())
        assert await batch_of(processes, job_of_length(7), BULK) == (1, 1)
        assert processes.restarts == 1


async def test_a_process_that_hangs_is_replaced_and_only_what_it_was_at_fails() -> None:
    async with one_process(hangs_s=3.0) as processes:
        hanging = processes.pids
        # The first goes by itself, the second, while that is coded, too.
        calls = [processes.code(job_of_length(length), BULK) for length in (17, 100)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [HungError, ElsewhereError]
        await until(lambda: processes.pids not in {(), hanging})
        assert await batch_of(processes, job_of_length(7), BULK) == (1, 1)


async def test_a_process_without_jobs_is_left_alone_however_long() -> None:
    async with one_process(hangs_s=0.01) as processes:
        idle = processes.pids
        await asyncio.sleep(0.1)
        assert processes.pids == idle


async def test_jobs_that_wait_when_other_releases_are_used_are_left_to_their_callers() -> None:
    async with one_process() as processes:
        waiting = [asyncio.ensure_future(processes.code(job_of_length(n), BULK)) for n in (50, 51, 52, 53)]
        await asyncio.sleep(0)
        processes.use(("other",))
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(answer, ElsewhereError) for answer in answers] == [False, False, True, True]


async def test_a_job_that_fails_is_left_to_the_caller_and_the_process_goes_on() -> None:
    async with one_process() as processes:
        with pytest.raises(ElsewhereError):
            await processes.code(JOB, BULK)
        assert await batch_of(processes, job_of_length(100), BULK) == (2, 1)
        assert processes.restarts == 0


async def test_a_process_with_other_releases_than_the_server_codes_nothing() -> None:
    processes = Processes(1, [sys.executable, "-c", ECHO], None, ignore)
    processes.use(("other",))
    assert not processes.are_ready()
    await until(lambda: processes.restarts > 0)
    assert not processes.pids
    await processes.stop()


async def test_processes_are_replaced_when_other_releases_are_used() -> None:
    async with one_process() as processes:
        before = processes.pids
        processes.use(("other",))
        assert not processes.pids
        with pytest.raises(ElsewhereError):
            await processes.code(job_of_length(100), BULK)
        processes.use(())
        await until(lambda: processes.pids != ())
        assert processes.pids != before


@pytest.mark.parametrize("command", [["/there/is/no/such/program"], [sys.executable, "-c", "pass"]])
async def test_a_process_that_does_not_start_or_ends_at_once_is_tried_again(command: list[str]) -> None:
    processes = Processes(1, command, None, ignore)
    assert not processes.are_ready()
    await until(lambda: processes.restarts > 0)
    with pytest.raises(ElsewhereError):
        await processes.code(JOB, Call())
    await processes.stop()


def test_sections_share_a_job_up_to_a_length_and_each_is_in_one() -> None:
    assert in_jobs([]) == []
    assert in_jobs([100, 200]) == [[0, 1]]
    assert sorted(in_jobs([5_000, 5_000, 90_000, 10])) == [[0], [1], [2], [3]]
    assert sorted(in_jobs([3_000] * 4)) == [[0, 2], [1, 3]]


def test_as_many_as_are_idle_share_a_note_about_evenly_unless_it_is_short() -> None:
    assert sorted(in_jobs([100, 900, 200, 1_000], ways=2)) == [[0, 3], [1, 2]]
    assert in_jobs([100, 900, 200, 1_000], ways=0) == [[0, 1, 2, 3]]
    assert in_jobs([300, 400], ways=2) == [[0, 1]]
    assert sorted(in_jobs([13_000, 0, 0])) == [[0], [1], [2]]


@given(st.lists(st.integers(0, 20_000), max_size=30), st.integers(0, 8))
def test_every_section_is_in_one_job_and_no_job_is_empty(lengths: list[int], ways: int) -> None:
    jobs = in_jobs(lengths, ways)
    assert sorted(section for job in jobs for section in job) == list(range(len(lengths)))
    assert all(jobs)
    longest = max(sum(lengths[section] for section in job) for job in jobs) if jobs else 0
    assert longest <= JOB_CODE_POINTS + max(lengths, default=0)
