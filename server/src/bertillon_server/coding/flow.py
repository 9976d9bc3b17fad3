"""Takes one note through its stages and yields events as sections finish.

Nothing here computes: stages (`note_stages`) run in a pool of threads, windows in the scheduler's workers, sections
of many notes in other processes (`elsewhere`), and the event loop only waits for them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence

from bertillon_server.coding.current import Current
from bertillon_server.coding.elsewhere import Plan, code_elsewhere, plan_of
from bertillon_server.coding.note_stages import NoteStages, Piece, stages_for
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.processes import Processes
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import Event, NoteInput, SectionResult, Timings
from bertillon_server.coding.section_cache import SectionCache
from bertillon_server.coding.section_jobs import Identity
from bertillon_server.coding.section_work import (
    CODE_POINTS_PER_TOKEN,
    Means,
    SectionWork,
    microseconds_since,
)
from bertillon_server.coding.short_notes import (
    SHORT_CODE_POINTS,
    CodedNote,
    code_at_once,
    code_note,
    read_note,
)
from bertillon_server.inference.admission import Admission
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.scheduler import Scheduler

IN_COMPANY = 2
"""Notes under way from which on each has company."""

NO_WORDS = 2
"""Tokens of a window without words: [CLS] and [SEP]."""

MOST_STAYING = 2
"""Notes that are coded here at once because they would wait for bulk notes elsewhere. More would share the one thread
in which Python computes; elsewhere they go before bulk notes that are not begun."""


class CodingFlow:
    """Codes notes with the coders of the releases that are loaded. Belongs to one event loop."""

    def __init__(
        self,
        releases: Releases,
        scheduler: Scheduler,
        pool: StagePool,
        cache: SectionCache | None = None,
        processes: Processes | None = None,
    ) -> None:
        self._releases = Current(releases)
        # How often other releases were taken up: what was kept before is of no use afterwards.
        self._generation = 0
        self._means = Means(pool, scheduler, cache)
        self._processes = processes
        # Notes that are being coded, and those of them that would have waited for bulk notes elsewhere.
        self._under_way = self._staying = 0

    def take_up(self, releases: Releases, identity: Identity = ()) -> asyncio.Event:
        """Code with other releases from now on; the event is set when no call uses the old ones any more."""
        self._generation += 1
        if self._processes is not None:
            self._processes.use(identity)
        return self._releases.replace(releases)

    async def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        """Yield the outline, each section as soon as it is done, and the encounter summary.

        Raises the errors of `inference.errors`. Closing the iterator withdraws what is not done yet.
        """
        began = time.perf_counter_ns()
        generation = self._generation
        with self._releases.kept() as releases, await self._admitted(len(note.text), call) as admission:
            await admission.turn(call)
            waited = microseconds_since(began)
            stages = stages_for(note, releases)
            if call.priority is Priority.INTERACTIVE and len(note.text) <= SHORT_CODE_POINTS:
                coded = await self._short(stages, call)
                admission.release(done=True)
                total = _total(coded.results, began, waited)
                yield coded.outline
                for result in coded.results:
                    timings = dataclasses.replace(result.timings, total_us=total.total_us)
                    yield dataclasses.replace(result, timings=timings)
                yield dataclasses.replace(coded.summary, timings=total)
                return
            self._under_way += 1
            try:
                outline, pieces = await self._means.compute(call, stages.cut, self._means.cache, generation)
                work = SectionWork(self._means, stages, outline, call, admission, began)
                tasks, stays = self._begun(work, pieces, generation)
            except BaseException:
                self._under_way -= 1
                raise
            all_done = asyncio.gather(*tasks, return_exceptions=True)
            # A caller that reads slowly holds its results, not the capacity that others wait for.
            all_done.add_done_callback(
                lambda all_done: self._leave(admission, stays=stays, done=_is_done(all_done))
            )
            results: list[SectionResult] = []
            try:
                yield outline
                for finished in asyncio.as_completed(tasks):
                    for result in await finished:
                        results.append(result)
                        yield result
            finally:
                for task in tasks:
                    task.cancel()
                await all_done
            summary = await self._means.compute(call, stages.summarise, outline, results)
            yield dataclasses.replace(summary, timings=_total(results, began, waited))

    def search_terms(self, query: str, system: str, version: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) that a query as a whole is a known term of; blocks for microseconds."""
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
                windows = await self._means.compute(call, searcher.tokenize, query)
                if windows[0].size <= NO_WORDS:
                    # A query of characters that are not seen has no meaning to look for.
                    return []
                encoded = await self._means.scheduler.encode(windows, call)
                return await self._means.compute(call, searcher.nearest, encoded.rows[0], limit)

    async def _admitted(self, code_points: int, call: Call) -> Admission:
        tokens = 1 + code_points // CODE_POINTS_PER_TOKEN
        if call.priority is Priority.BULK:
            return await self._means.scheduler.admit_waiting(tokens, call)
        return self._means.scheduler.admit(tokens, call)

    async def _short(self, stages: NoteStages, call: Call) -> CodedNote:
        """Code a short note with as few hand-overs as the load advises."""
        # The encoder's workers stand back as the coding processes do, and would share the cores with them.
        elsewhere = self._processes is not None and self._processes.are_busy
        if elsewhere or self._means.scheduler.is_busy:
            return await self._means.compute(call, code_at_once, stages, self._means.scheduler.encode_here)
        read = await self._means.compute(call, read_note, stages)
        encoded = await self._means.scheduler.encode(read.windows, call)
        return await self._means.compute(call, code_note, stages, read, encoded)

    def _leave(self, admission: Admission, *, stays: bool, done: bool) -> None:
        self._under_way -= 1
        self._staying -= stays
        admission.release(done=done)

    def _begun(
        self, work: SectionWork, pieces: Sequence[Piece], generation: int
    ) -> tuple[list[asyncio.Future[list[SectionResult]]], bool]:
        """Begin the work of a note: sections found in the cache together, others here one by one or elsewhere.

        Returns whether it stays because it would wait elsewhere, too.
        """
        found, rest = self._look_up(pieces)
        plan = self._plan(rest, work.call, generation)
        self._staying += plan.stays
        begun = [work.section(piece) for piece in plan.here]
        if self._processes is not None:
            begun += [code_elsewhere(work, job, self._processes) for job in plan.jobs]
        if found:
            begun.append(work.found(found))
        return [asyncio.ensure_future(one) for one in begun], plan.stays

    def _plan(self, pieces: Sequence[Piece], call: Call, generation: int) -> Plan:
        # The others have the releases of now alone.
        if self._processes is None or generation != self._generation:
            return Plan(list(pieces), [])
        return plan_of(
            pieces,
            call.priority,
            self._processes,
            has_company=self._under_way >= IN_COMPANY,
            has_room=self._staying < MOST_STAYING,
        )

    def _look_up(self, pieces: Sequence[Piece]) -> tuple[list[tuple[Piece, bytes]], list[Piece]]:
        """Return the sections that were coded before, each with what it was coded to, and the others."""
        cache = self._means.cache
        found, rest = [], []
        for piece in pieces:
            packed = None
            if cache is not None and piece.key is not None:
                packed = cache.recall(piece.key, piece.code_points)
            if packed is None:
                rest.append(piece)
            else:
                found.append((piece, packed))
        return found, rest


def _is_done(work: asyncio.Future[list[list[SectionResult] | BaseException]]) -> bool:
    return not work.cancelled() and not any(isinstance(result, BaseException) for result in work.result())


def _total(results: list[SectionResult], began: int, waited: int) -> Timings:
    """Return the time of a note that began at `began` and waited `waited` microseconds for its turn."""
    timings = [result.timings for result in results]
    return Timings(
        queue_us=waited + sum(t.queue_us for t in timings),
        tokenize_us=sum(t.tokenize_us for t in timings),
        infer_us=sum(t.infer_us for t in timings),
        link_us=sum(t.link_us for t in timings),
        total_us=microseconds_since(began),
    )
