"""Coding processes that cannot be had: the caller is told to do without, and they are tried again."""

from __future__ import annotations

import asyncio
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.processes import ElsewhereError, Processes
from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.section_jobs import JOB_CODE_POINTS, Job, in_jobs
from bertillon_server.inference.call import Call

JOB = Job("2026", NoteInput(""), ())


@pytest.mark.parametrize("command", [["/there/is/no/such/program"], [sys.executable, "-c", "pass"]])
async def test_a_process_that_does_not_start_or_ends_at_once_is_tried_again(command: list[str]) -> None:
    processes = Processes(1, command, None)
    assert not processes.are_ready()
    async with asyncio.timeout(30):
        while processes.restarts < 1:  # noqa: ASYNC110 - another process, which does not tell when it has ended
            await asyncio.sleep(0.01)
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


@given(st.lists(st.integers(0, 20_000), max_size=30), st.integers(0, 8))
def test_every_section_is_in_one_job_and_no_job_is_empty(lengths: list[int], ways: int) -> None:
    jobs = in_jobs(lengths, ways)
    assert sorted(section for job in jobs for section in job) == list(range(len(lengths)))
    assert all(jobs)
    longest = max(sum(lengths[section] for section in job) for job in jobs) if jobs else 0
    assert longest <= JOB_CODE_POINTS + max(lengths, default=0)
