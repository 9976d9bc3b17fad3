"""Takes one note through its stages and yields events as sections finish.

Nothing here computes: stages run in a pool of threads, windows in the scheduler's workers, and the event loop
only waits for both.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.coder import Coder
from bertillon_server.coding.current import Current
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.procedures.choice import codes_diagnoses
from bertillon_server.coding.procedures.coder import ProcedureCoder, ProcedurePlan
from bertillon_server.coding.reading import PHRASE_KINDS, Reading
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import (
    EncounterSummary,
    Event,
    NoteInput,
    Notice,
    Outline,
    Section,
    SectionResult,
    Timings,
)
from bertillon_server.inference.admission import Admission
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.scheduler import Scheduler

# Clinical English is about 250 tokens a kilobyte; the estimate stands for the whole cost of a note.
CODE_POINTS_PER_TOKEN = 4

T = TypeVar("T")


class CodingFlow:
    """Codes notes with the coders of the releases that are loaded. Belongs to one event loop."""

    def __init__(self, releases: Releases, scheduler: Scheduler, pool: StagePool) -> None:
        self._releases = Current(releases)
        self._scheduler = scheduler
        self._pool = pool

    def take_up(self, releases: Releases) -> asyncio.Event:
        """Code with other releases from now on; the event is set when no call uses the old ones any more."""
        return self._releases.replace(releases)

    async def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        """Yield the outline, each section as soon as it is done, and the encounter summary.

        Raises the errors of `inference.errors`. Closing the iterator withdraws what is not done yet.
        """
        began = time.perf_counter_ns()
        with self._releases.kept() as releases, await self._admitted(len(note.text), call) as admission:
            coders = _coders_for(note, releases)
            outline = await self._compute(call, coders.outline, note)
            yield outline
            results: list[SectionResult] = []
            tasks = [
                asyncio.ensure_future(self._section(coders, note, outline, section, call, began))
                for section in _longest_first(outline)
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
            summary = await self._compute(call, coders.summarise, note, outline, results)
            yield dataclasses.replace(summary, timings=_total(results, began))

    def search_terms(self, query: str, system: str, version: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) that a query as a whole is a known term of; blocks for milliseconds."""
        return self._releases.value.known_as(query, system, version)

    async def search_semantic(
        self, query: str, system: str, version: str, limit: int, call: Call
    ) -> list[tuple[str, str, float]]:
        """Return the codes nearest in meaning to a query as (code, title, cosine), best first."""
        with self._releases.kept() as releases:
            searcher = releases.searcher_of(system, version)
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
        self, coders: _Coders, note: NoteInput, outline: Outline, section: Section, call: Call, began: int
    ) -> SectionResult:
        done, reading, plan = await self._compute(call, coders.read, note, outline, section)
        queue_us = infer_us = 0
        if done is None:
            windows = [*reading.windows, *(window.ids for window in plan.windows)]
            encoded = await self._scheduler.encode(windows, call)
            queue_us, infer_us = encoded.queue_us, encoded.infer_us
            done = await self._compute(call, coders.code, note, outline, reading, plan, encoded.rows)
        timings = dataclasses.replace(
            done.timings, queue_us=queue_us, infer_us=infer_us, total_us=_microseconds_since(began)
        )
        return dataclasses.replace(done, timings=timings)

    async def _compute(self, call: Call, stage: Callable[..., T], *arguments: object) -> T:
        if call.deadline is not None and time.monotonic() >= call.deadline:
            raise DeadlineUnreachableError("the deadline has passed")
        return await asyncio.wrap_future(self._pool.submit(call.priority, stage, *arguments))


def _longest_first(outline: Outline) -> list[Section]:
    """Return the sections in the order in which they are begun: those that take longest to link go first.

    Linking computes in one thread, so that of the assessment would run alone at the end if it were begun in its turn.
    """
    return sorted(outline.sections, key=lambda section: section.kind not in PHRASE_KINDS)


@dataclasses.dataclass(frozen=True, slots=True)
class _Coders:
    """What codes one note: diagnoses, procedures or both, as stages of the note."""

    coder: Coder
    procedures: ProcedureCoder | None
    notices: tuple[Notice, ...]
    diagnoses: bool

    def outline(self, note: NoteInput) -> Outline:
        """Cut a note into sections."""
        outline = self.coder.outline(note, self.notices)
        if self.procedures is None:
            return outline
        code_sets = (*(outline.versions.code_sets if self.diagnoses else ()), *self.procedures.code_sets)
        return dataclasses.replace(
            outline, versions=dataclasses.replace(outline.versions, code_sets=code_sets)
        )

    def read(
        self, note: NoteInput, outline: Outline, section: Section
    ) -> tuple[SectionResult | None, Reading, ProcedurePlan]:
        """Read a section and, where the encoder has nothing to see, code it at once."""
        reading = self.coder.read(note, section)
        if not self.diagnoses:
            reading = dataclasses.replace(reading, seen=())
        plan = ProcedurePlan() if self.procedures is None else self.procedures.read(note, outline, reading)
        if reading.windows or plan.windows:
            return None, reading, plan
        return self.code(note, outline, reading, plan, ()), reading, plan

    def code(
        self,
        note: NoteInput,
        outline: Outline,
        reading: Reading,
        plan: ProcedurePlan,
        rows: Sequence[NDArray[np.floating]],
    ) -> SectionResult:
        """Code a section; `rows` [tokens, width] of the windows of its reading, then of those of the plan."""
        if self.diagnoses:
            done = self.coder.code(note, outline, reading, rows[: len(reading.seen)])
        else:
            done = SectionResult(reading.section, (), Timings(tokenize_us=reading.tokenize_us))
        if self.procedures is None:
            return done
        return self.procedures.add(note, outline, reading, plan, rows, done)

    def summarise(
        self, note: NoteInput, outline: Outline, results: Sequence[SectionResult]
    ) -> EncounterSummary:
        """Bring the sections together."""
        summary = self.coder.summarise(note, outline, results)
        if self.procedures is None:
            return summary
        return self.procedures.summarise(note, outline, results, summary)


def _coders_for(note: NoteInput, releases: Releases) -> _Coders:
    coder, said = releases.coder_for(note.date_of_service)
    procedures, more = releases.procedures_for(note, coder.dimensions)
    diagnoses = codes_diagnoses(note)
    return _Coders(coder, procedures, (*(said if diagnoses else ()), *more), diagnoses)


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
