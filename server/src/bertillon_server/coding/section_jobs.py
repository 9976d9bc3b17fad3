"""Sections that another process codes: what it is told of them, and what it answers.

A section by itself depends on nothing else of its note (`section_cache`), so it can be coded anywhere. What goes to
the other process is text between two processes of one server, through a pair of sockets; what comes back has places,
codes and numbers, packed as the cache keeps them.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from bertillon_server.coding.coder import Coder
from bertillon_server.coding.packing import pack
from bertillon_server.coding.reading import Reading
from bertillon_server.coding.results import NoteInput, Section, Timings
from bertillon_server.coding.section_cache import Lone
from bertillon_server.inference.batching import Batcher
from bertillon_server.inference.passes import Encode, Pass, encode_at_once
from bertillon_server.inference.pending import Encoding
from bertillon_server.inference.workers import EncodingFailedError

JOB_CODE_POINTS = 6_000
"""Length of the sections of a job, about, unless one section alone is longer: a quarter to half a second of work."""

SMALLEST_JOB_CODE_POINTS = 600
"""Length below which a job is not worth sharing out: its windows would make poor batches."""

BATCH_CODE_POINTS = 12_000
"""Length of the jobs of bulk notes that a process codes together, about: four notes. The windows of one note alone
make small batches, on which the encoder takes a tenth longer."""

P = ParamSpec("P")
T = TypeVar("T")

Identity = tuple[object, ...]
"""What tells two loads of the same releases from loads of others."""


class Job(NamedTuple):
    """Sections of one note, to be coded with a release; `shared` is what they have in common, without text."""

    release: str
    shared: NoteInput
    sections: tuple[tuple[str, Section, bool], ...]
    """Text of a section by itself, the section in it, and whether it is codeable."""

    @property
    def code_points(self) -> int:
        """Length of the sections."""
        return sum(len(text) for text, _, _ in self.sections)

    def __repr__(self) -> str:
        return f"<Job of {len(self.sections)} sections>"


class Jobs(NamedTuple):
    """Jobs that a process codes together."""

    jobs: tuple[Job, ...]


class Answer(NamedTuple):
    """What the sections of a job were coded to, in order: packed mentions, and the time that each took."""

    packed: tuple[bytes, ...]
    timings: tuple[Timings, ...]
    passes: tuple[Pass, ...]
    """Calls of the encoder that were not told before, for this job and for those beside it."""


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


def code_jobs(
    jobs: Sequence[Job], coders: Mapping[str, Coder], encode: Encode, batcher: Batcher
) -> Iterator[Answer | Failed]:
    """Code jobs in the calling thread, each with the coder of its release; yield in order what they came to.

    Windows of all of them are encoded together, for better batches. One that fails before or after leaves the others
    alone; when the encoder fails, so do all.
    """
    read = [_tried(_read, job, coders) for job in jobs]
    sections = [section for one in read if not isinstance(one, Failed) for section in one]
    windows = [window for section in sections for window in section.reading.windows]
    began = time.perf_counter()
    encoded = _tried(encode_at_once, windows, encode, batcher)
    if isinstance(encoded, Failed):
        yield from (encoded for _ in jobs)
        return
    rows, passes = iter(encoded[0]), encoded[1]
    token_us = (time.perf_counter() - began) * 1e6 / max(1, sum(window.size for window in windows))
    for job, one in zip(jobs, read, strict=True):
        if isinstance(one, Failed):
            yield one
            continue
        own = [[next(rows) for _ in section.reading.windows] for section in one]
        answer = _tried(_coded, one, own, coders[job.release], token_us)
        # They are told once, whichever jobs they were for.
        yield answer if isinstance(answer, Failed) else answer._replace(passes=tuple(passes))
        passes = passes if isinstance(answer, Failed) else []


def in_jobs(lengths: Sequence[int], ways: int = 1) -> list[list[int]]:
    """Return which sections, of given lengths in code points, go into a job together.

    There are as many jobs, about equally long, as are to work on them at once (`ways`), or more where those would be
    longer than a job is, or fewer where they would be shorter.
    """
    total = sum(lengths)
    wanted = max(-(-total // JOB_CODE_POINTS), min(ways, total // SMALLEST_JOB_CODE_POINTS), 1)
    jobs: list[list[int]] = [[] for _ in range(min(wanted, len(lengths)))]
    # Length, sections, job: by their number too, so that none is left without.
    filled = [(0, 0, index) for index in range(len(jobs))]
    # The longest first, each to whom has least.
    for section in sorted(range(len(lengths)), key=lambda section: -lengths[section]):
        length, count, job = heapq.heappop(filled)
        jobs[job].append(section)
        heapq.heappush(filled, (length + lengths[section], count + 1, job))
    return [sorted(job) for job in jobs]


class _Read(NamedTuple):
    """A section that was read."""

    note: NoteInput
    reading: Reading
    codeable: bool


def _read(job: Job, coders: Mapping[str, Coder]) -> list[_Read]:
    coder = coders[job.release]
    notes = [dataclasses.replace(job.shared, text=text) for text, _, _ in job.sections]
    return [
        _Read(note, coder.read(note, section), codeable)
        for note, (_, section, codeable) in zip(notes, job.sections, strict=True)
    ]


def _coded(
    sections: Sequence[_Read], rows: Sequence[Sequence[Encoding]], coder: Coder, token_us: float
) -> Answer:
    packed, timings = [], []
    for section, encoded in zip(sections, rows, strict=True):
        done = coder.code(section.note, section.reading, encoded, codeable=section.codeable)
        packed.append(pack(done.mentions))
        # They were encoded together with others: its share is by its tokens.
        spent = round(token_us * sum(window.size for window in section.reading.windows))
        timings.append(dataclasses.replace(done.timings, infer_us=spent))
    return Answer(tuple(packed), tuple(timings), ())


def _tried(step: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | Failed:
    """Return what a step comes to, or that it failed: the server codes the sections itself then."""
    try:
        return step(*arguments, **named)
    except EncodingFailedError as error:
        return Failed(type(error.__cause__ or error).__name__)
    except BaseException as error:  # noqa: BLE001 - whatever it is, a panic of a library too, only its type may be told
        return Failed(type(error).__name__)
