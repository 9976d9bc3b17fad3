"""Sections that another process codes: what it is told of them, and what it answers.

A section by itself depends on nothing else of its note (`section_cache`), so it can be coded anywhere. What goes to
the other process is text between two processes of one server, through a pair of sockets; what comes back has places,
codes and numbers, packed as the cache keeps them.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.coder import Coder
from bertillon_server.coding.packing import pack
from bertillon_server.coding.results import NoteInput, Section, Timings
from bertillon_server.coding.section_cache import Lone
from bertillon_server.inference.batching import Batcher

JOB_CODE_POINTS = 6_000
"""Length of the sections from which on a job takes no more of them: half a second of work at most, unless one section
alone is longer, so that several processes share a long note."""

Identity = tuple[object, ...]
"""What tells two loads of the same releases from loads of others."""


class Job(NamedTuple):
    """Sections of one note, to be coded with a release; `shared` is what they have in common, without text."""

    release: str
    shared: NoteInput
    sections: tuple[tuple[str, Section, bool], ...]
    """Text of a section by itself, the section in it, and whether it is codeable."""


class Pass(NamedTuple):
    """A call of the encoder: windows, their tokens, seconds by the clock and of the processor."""

    windows: int
    tokens: int
    seconds: float
    processor_s: float


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


class Encode(Protocol):
    """An encoder of windows of one length: int64 [windows, tokens] to [windows, tokens, width]."""

    def __call__(self, ids: NDArray[np.int64], /) -> NDArray[np.floating]:
        """Return the rows of each window."""
        ...


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
    rows, passes = _encoded(windows, encode, batcher)
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


def in_jobs(lengths: Sequence[int]) -> list[list[int]]:
    """Return which sections, of given lengths in code points, go into a job together."""
    jobs: list[list[int]] = []
    taken = JOB_CODE_POINTS
    for index, length in enumerate(lengths):
        if taken >= JOB_CODE_POINTS:
            jobs.append([])
            taken = 0
        jobs[-1].append(index)
        taken += length
    return jobs


def _encoded(
    windows: Sequence[NDArray[np.int64]],
    encode: Callable[[NDArray[np.int64]], NDArray[np.floating]],
    batcher: Batcher,
) -> tuple[list[NDArray[np.floating]], list[Pass]]:
    rows: list[NDArray[np.floating]] = [np.empty(0, np.float16)] * len(windows)
    passes = []
    for indices in batcher.of_one_length([window.size for window in windows]):
        began, spent = time.perf_counter(), time.thread_time()
        encoded = encode(np.stack([windows[index] for index in indices]))
        seconds, spent = time.perf_counter() - began, time.thread_time() - spent
        passes.append(Pass(len(indices), len(indices) * windows[indices[0]].size, seconds, spent))
        for index, row in zip(indices, encoded, strict=True):
            rows[index] = row
    return rows, passes
