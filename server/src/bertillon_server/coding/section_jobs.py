"""Sections that another process codes: what it is told of them, and what it answers.

A section by itself depends on nothing else of its note (`section_cache`), so it can be coded anywhere. What goes to
the other process is text between two processes of one server, through a pair of sockets; what comes back has places,
codes and numbers, packed as the cache keeps them.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Sequence
from typing import NamedTuple

from bertillon_server.coding.coder import Coder
from bertillon_server.coding.packing import pack
from bertillon_server.coding.results import NoteInput, Section, Timings
from bertillon_server.coding.section_cache import Lone
from bertillon_server.inference.batching import Batcher
from bertillon_server.inference.passes import Encode, Pass, encode_at_once

JOB_CODE_POINTS = 6_000
"""Length of the sections of a job, about, unless one section alone is longer: a quarter to half a second of work."""

SMALLEST_JOB_CODE_POINTS = 600
"""Length below which a job is not worth sharing out: its windows would make poor batches."""

Identity = tuple[object, ...]
"""What tells two loads of the same releases from loads of others."""


class Job(NamedTuple):
    """Sections of one note, to be coded with a release; `shared` is what they have in common, without text."""

    release: str
    shared: NoteInput
    sections: tuple[tuple[str, Section, bool], ...]
    """Text of a section by itself, the section in it, and whether it is codeable."""


class Answer(NamedTuple):
    """What the sections of a job were coded to, in order: packed mentions, and the time that each took."""

    packed: tuple[bytes, ...]
    timings: tuple[Timings, ...]
    passes: tuple[Pass, ...]


class Failed(NamedTuple):
    """A job could not be done; `reason` is the type of the error, never its message, which may quote the text."""

    reason: str


class Ready(NamedTuple):
    """A process can take jobs: with what it has loaded."""

    identity: Identity


def job_of(release: str, lones: Sequence[Lone]) -> Job:
    """Return the job of coding sections by themselves; all are of one note."""
    shared = dataclasses.replace(lones[0].note, text="")
    return Job(release, shared, tuple((lone.note.text, lone.section, lone.codeable) for lone in lones))


def code_job(job: Job, coder: Coder, encode: Encode, batcher: Batcher) -> Answer:
    """Code the sections of a job in the calling thread; windows of all of them are encoded together."""
    notes = [dataclasses.replace(job.shared, text=text) for text, _, _ in job.sections]
    read = [coder.read(note, section) for note, (_, section, _) in zip(notes, job.sections, strict=True)]
    windows = [window for reading in read for window in reading.windows]
    began = time.perf_counter()
    rows, passes = encode_at_once(windows, encode, batcher)
    infer_us = round((time.perf_counter() - began) * 1e6)
    every = iter(rows)
    packed, timings = [], []
    for note, reading, (_, _, codeable) in zip(notes, read, job.sections, strict=True):
        done = coder.code(note, reading, [next(every) for _ in reading.windows], codeable=codeable)
        packed.append(pack(done.mentions))
        # The windows of all sections were encoded together: the time is told once, with the first that has any.
        spent, infer_us = (infer_us, 0) if reading.windows else (0, infer_us)
        timings.append(dataclasses.replace(done.timings, infer_us=spent))
    return Answer(tuple(packed), tuple(timings), tuple(passes))


def in_jobs(lengths: Sequence[int], ways: int = 1) -> list[list[int]]:
    """Return which sections, of given lengths in code points, go into a job together.

    There are as many jobs, about equally long, as are to work on them at once (`ways`), or more where those would be
    longer than a job is, or fewer where they would be shorter.
    """
    total = sum(lengths)
    wanted = max(-(-total // JOB_CODE_POINTS), min(ways, total // SMALLEST_JOB_CODE_POINTS), 1)
    jobs: list[list[int]] = [[] for _ in range(min(wanted, len(lengths)))]
    filled = [(0, index) for index in range(len(jobs))]
    # The longest first, each to whom has least.
    for section in sorted(range(len(lengths)), key=lambda section: -lengths[section]):
        length, job = heapq.heappop(filled)
        jobs[job].append(section)
        heapq.heappush(filled, (length + lengths[section], job))
    return [sorted(job) for job in jobs]
