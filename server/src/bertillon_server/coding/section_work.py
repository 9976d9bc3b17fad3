"""The sections of one note while they are coded here, one by one, or recalled together."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bertillon_server.coding.note_stages import Coded, NoteStages, Piece, recall
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.results import Outline, SectionResult, Timings
from bertillon_server.coding.section_cache import SectionCache
from bertillon_server.inference.admission import Admission
from bertillon_server.inference.call import Call
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.scheduler import Scheduler

# Clinical English is about 250 tokens a kilobyte; the estimate stands for the whole cost of a note.
CODE_POINTS_PER_TOKEN = 4

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Means:
    """What all notes of an event loop are coded with: threads for stages, the encoder, what was coded before."""

    pool: StagePool
    scheduler: Scheduler
    cache: SectionCache | None = None

    async def compute(self, call: Call, stage: Callable[..., T], *arguments: object) -> T:
        """Run a stage in the pool. Raises DeadlineUnreachableError where it would begin too late."""
        if call.deadline is not None and time.monotonic() >= call.deadline:
            raise DeadlineUnreachableError("the deadline has passed")
        return await asyncio.wrap_future(self.pool.submit(call.priority, stage, *arguments))


@dataclasses.dataclass(frozen=True, slots=True)
class SectionWork:
    """One note whose sections are coded: how, for which call, and since when (`began`, nanoseconds)."""

    means: Means
    stages: NoteStages
    outline: Outline
    call: Call
    admission: Admission
    began: int

    async def section(self, piece: Piece) -> list[SectionResult]:
        """Return a section that was not coded before, or is being coded for another call."""
        cache = self.means.cache
        if cache is None or piece.key is None:
            return [self.result(piece, await self.code(piece))]
        packed = await cache.find(piece.key, piece.code_points, self.call)
        if packed is not None:
            return await self.found([(piece, packed)])
        coded = await cache.code(piece.key, self.call, lambda: self.code(piece))
        return [self.result(piece, coded)]

    async def found(self, found: Sequence[tuple[Piece, bytes]]) -> list[SectionResult]:
        """Return what sections were coded to before."""
        # What has nothing left to be encoded is in nobody's way.
        self.admission.release(sum(piece.code_points for piece, _ in found) // CODE_POINTS_PER_TOKEN)
        return await self.recalled(found, [Timings()] * len(found))

    async def recalled(
        self, found: Sequence[tuple[Piece, bytes]], timings: Sequence[Timings]
    ) -> list[SectionResult]:
        """Return what sections were coded to, in their places, with the time that each took."""
        recalled = await self.means.compute(self.call, recall, found)
        return [
            self.result(piece, coded._replace(timings=spent))
            for (piece, _), coded, spent in zip(found, recalled, timings, strict=True)
        ]

    async def code(self, piece: Piece) -> Coded:
        """Code a section, whatever was coded before."""
        read = await self.means.compute(self.call, self.stages.read, self.outline, piece)
        if isinstance(read, Coded):
            return read
        encoded = await self.means.scheduler.encode(read.windows, self.call)
        coded = await self.means.compute(self.call, self.stages.code, self.outline, piece, read, encoded.rows)
        timings = dataclasses.replace(coded.timings, queue_us=encoded.queue_us, infer_us=encoded.infer_us)
        return coded._replace(timings=timings)

    def result(self, piece: Piece, coded: Coded) -> SectionResult:
        """Return what a section came to, as of now."""
        timings = dataclasses.replace(coded.timings, total_us=microseconds_since(self.began))
        return SectionResult(piece.section, coded.mentions, timings)


def microseconds_since(began: int) -> int:
    """Return the time since `began`, nanoseconds of the performance counter."""
    return (time.perf_counter_ns() - began) // 1000
