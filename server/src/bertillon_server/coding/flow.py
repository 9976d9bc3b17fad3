"""Takes one note through its stages and yields events as sections finish.

Nothing here computes: stages run in a pool of threads, windows in the scheduler's workers, and the event loop
only waits for both.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.reading import PHRASE_KINDS, Reading
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import (
    Event,
    Mention,
    NoteInput,
    Notice,
    Outline,
    Section,
    SectionResult,
    Timings,
)
from bertillon_server.coding.section_cache import Lone, SectionCache, alone, pack, unpack
from bertillon_server.inference.admission import Admission
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.scheduler import Scheduler

# Clinical English is about 250 tokens a kilobyte; the estimate stands for the whole cost of a note.
CODE_POINTS_PER_TOKEN = 4

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A section where it stands in its note, the same by itself, and its key in the cache (None without one)."""

    section: Section
    lone: Lone
    key: bytes | None


class Coded(NamedTuple):
    """What a section was coded to, in its place; `packed` as if by itself, empty where nothing is kept."""

    mentions: tuple[Mention, ...]
    timings: Timings
    packed: bytes


class CodingFlow:
    """Codes notes with the coders of the releases that are loaded. Belongs to one event loop."""

    def __init__(
        self, releases: Releases, scheduler: Scheduler, pool: StagePool, cache: SectionCache | None = None
    ) -> None:
        self._releases = releases
        self._scheduler = scheduler
        self._pool = pool
        self._cache = cache

    async def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        """Yield the outline, each section as soon as it is done, and the encounter summary.

        Raises the errors of `inference.errors`. Closing the iterator withdraws what is not done yet.
        """
        began = time.perf_counter_ns()
        with await self._admitted(len(note.text), call) as admission:
            coder, notices = self._releases.coder_for(note.date_of_service)
            outline, pieces = await self._compute(call, _cut, coder, note, notices, self._cache)
            yield outline
            results: list[SectionResult] = []
            tasks = [
                asyncio.ensure_future(self._section(coder, piece, call, admission, began)) for piece in pieces
            ]
            work = asyncio.gather(*tasks, return_exceptions=True)
            # A caller that reads slowly holds its results, not the capacity that others wait for.
            work.add_done_callback(lambda _: admission.release())
            try:
                for finished in asyncio.as_completed(tasks):
                    result = await finished
                    results.append(result)
                    yield result
            finally:
                for task in tasks:
                    task.cancel()
                await work
            summary = await self._compute(call, coder.summarise, note, outline, results)
            yield dataclasses.replace(summary, timings=_total(results, began))

    def search_terms(self, query: str, system: str, version: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) that a query as a whole is a known term of; blocks for microseconds."""
        coder = self._releases.coder_of(system, version)
        return [] if coder is None else coder.known_as(query)

    async def search_semantic(
        self, query: str, system: str, version: str, limit: int, call: Call
    ) -> list[tuple[str, str, float]]:
        """Return the codes nearest in meaning to a query as (code, title, cosine), best first."""
        searcher = self._releases.searcher_of(system, version)
        if searcher is None:
            return []
        with await self._admitted(len(query), call):
            windows = await self._compute(call, searcher.tokenize, query)
            encoded = await self._scheduler.encode(windows, call)
            return await self._compute(call, searcher.nearest, encoded.rows[0], limit)

    async def _admitted(self, code_points: int, call: Call) -> Admission:
        tokens = 1 + code_points // CODE_POINTS_PER_TOKEN
        if call.priority is Priority.BULK:
            return await self._scheduler.admit_waiting(tokens, call)
        return self._scheduler.admit(tokens, call)

    async def _section(
        self, coder: Coder, piece: Piece, call: Call, admission: Admission, began: int
    ) -> SectionResult:
        if self._cache is None or piece.key is None:
            coded = await self._code(coder, piece, call)
        else:
            coded = await self._recalled(self._cache, piece.key, coder, piece, call, admission)
        timings = dataclasses.replace(coded.timings, total_us=_microseconds_since(began))
        return SectionResult(piece.section, coded.mentions, timings)

    async def _recalled(
        self, cache: SectionCache, key: bytes, coder: Coder, piece: Piece, call: Call, admission: Admission
    ) -> Coded:
        """Return what the section was coded to before, or code it."""
        text = piece.lone.note.text
        packed = await cache.find(key, len(text), call)
        if packed is None:
            return await cache.code(key, call, lambda: self._code(coder, piece, call))
        # What has nothing left to be encoded is in nobody's way.
        admission.release(len(text) // CODE_POINTS_PER_TOKEN)
        return await self._compute(call, _recall, piece, packed)

    async def _code(self, coder: Coder, piece: Piece, call: Call) -> Coded:
        """Code a section."""
        at_once, reading = await self._compute(call, _read, coder, piece)
        if at_once is not None:
            return at_once
        encoded = await self._scheduler.encode(reading.windows, call)
        coded = await self._compute(call, _code, coder, piece, reading, encoded.rows)
        timings = dataclasses.replace(coded.timings, queue_us=encoded.queue_us, infer_us=encoded.infer_us)
        return coded._replace(timings=timings)

    async def _compute(self, call: Call, stage: Callable[..., T], *arguments: object) -> T:
        if call.deadline is not None and time.monotonic() >= call.deadline:
            raise DeadlineUnreachableError("the deadline has passed")
        return await asyncio.wrap_future(self._pool.submit(call.priority, stage, *arguments))


def _cut(
    coder: Coder, note: NoteInput, notices: tuple[Notice, ...], cache: SectionCache | None
) -> tuple[Outline, list[Piece]]:
    """Cut a note into sections, and take each by itself; those that take longest to link go first.

    Linking computes in one thread, so that of the assessment would run alone at the end if it were begun in its turn.
    """
    outline = coder.outline(note, notices)
    codeable = codeable_sections(outline.sections, note.options.profile)
    pieces = []
    for section in sorted(outline.sections, key=lambda section: section.kind not in PHRASE_KINDS):
        lone = alone(note, section, outline.versions, codeable=section.kind in codeable)
        pieces.append(Piece(section, lone, None if cache is None else cache.key(lone)))
    return outline, pieces


def _read(coder: Coder, piece: Piece) -> tuple[Coded | None, Reading]:
    """Read a section and, where the encoder has nothing to see, code it at once."""
    reading = coder.read(piece.lone.note, piece.lone.section)
    if reading.windows:
        return None, reading
    return _code(coder, piece, reading, ()), reading


def _code(coder: Coder, piece: Piece, reading: Reading, rows: Sequence[NDArray[np.floating]]) -> Coded:
    """Code what was read and encoded, and pack it where it is to be kept."""
    done = coder.code(piece.lone.note, reading, rows, codeable=piece.lone.codeable)
    packed = b"" if piece.key is None else pack(done.mentions)
    return Coded(_placed(done.mentions, piece), done.timings, packed)


def _recall(piece: Piece, packed: bytes) -> Coded:
    """Return what a section was coded to elsewhere."""
    return Coded(_placed(unpack(packed), piece), Timings(), packed)


def _placed(mentions: Sequence[Mention], piece: Piece) -> tuple[Mention, ...]:
    """Return the mentions of a section by itself where it stands in its note."""
    return tuple(mention.shifted(piece.section.span.start) for mention in mentions)


def _total(results: list[SectionResult], began: int) -> Timings:
    timings = [result.timings for result in results]
    return Timings(
        queue_us=sum(t.queue_us for t in timings),
        tokenize_us=sum(t.tokenize_us for t in timings),
        infer_us=sum(t.infer_us for t in timings),
        link_us=sum(t.link_us for t in timings),
        total_us=_microseconds_since(began),
    )


def _microseconds_since(began: int) -> int:
    return (time.perf_counter_ns() - began) // 1000
