"""Takes one note through its stages and yields events as sections finish.

Nothing here computes: stages (`note_stages`) run in a pool of threads, windows in the scheduler's workers, and the
event loop only waits for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from bertillon_server.coding.current import Current
from bertillon_server.coding.note_stages import Coded, NoteStages, Piece, recall, stages_for
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.processes import ElsewhereError, Processes
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import Event, NoteInput, Outline, SectionResult, Timings
from bertillon_server.coding.section_cache import Begun, Lone, SectionCache
from bertillon_server.coding.section_jobs import Identity, in_jobs, job_of
from bertillon_server.coding.short_notes import (
    SHORT_CODE_POINTS,
    CodedNote,
    code_at_once,
    code_note,
    read_note,
)
from bertillon_server.inference.admission import Admission
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.scheduler import Scheduler

# Clinical English is about 250 tokens a kilobyte; the estimate stands for the whole cost of a note.
CODE_POINTS_PER_TOKEN = 4

IN_COMPANY = 2
"""Notes under way from which on one that is no bulk note is coded in another process: alone it has all cores here."""

T = TypeVar("T")


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
        self._scheduler = scheduler
        self._pool = pool
        self._cache = cache
        self._processes = processes
        # Notes that are being coded.
        self._under_way = 0

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
            waited = _microseconds_since(began)
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
                outline, pieces = await self._compute(call, stages.cut, self._cache, generation)
                tasks = self._begun(stages, outline, pieces, call, admission, began, generation)
            except BaseException:
                self._under_way -= 1
                raise
            work = asyncio.gather(*tasks, return_exceptions=True)
            # A caller that reads slowly holds its results, not the capacity that others wait for.
            work.add_done_callback(lambda work: self._leave(admission, done=_is_done(work)))
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
                await work
            summary = await self._compute(call, stages.summarise, outline, results)
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
                windows = await self._compute(call, searcher.tokenize, query)
                encoded = await self._scheduler.encode(windows, call)
                return await self._compute(call, searcher.nearest, encoded.rows[0], limit)

    async def _admitted(self, code_points: int, call: Call) -> Admission:
        tokens = 1 + code_points // CODE_POINTS_PER_TOKEN
        if call.priority is Priority.BULK:
            return await self._scheduler.admit_waiting(tokens, call)
        return self._scheduler.admit(tokens, call)

    async def _short(self, stages: NoteStages, call: Call) -> CodedNote:
        """Code a short note with as few hand-overs as the load advises."""
        # The encoder's workers stand back as the coding processes do, and would share the cores with them.
        elsewhere = self._processes is not None and self._processes.are_busy
        if elsewhere or self._scheduler.is_busy:
            return await self._compute(call, code_at_once, stages, self._scheduler.encode_here)
        read = await self._compute(call, read_note, stages)
        encoded = await self._scheduler.encode(read.windows, call)
        return await self._compute(call, code_note, stages, read, encoded)

    def _leave(self, admission: Admission, *, done: bool) -> None:
        self._under_way -= 1
        admission.release(done=done)

    def _begun(
        self,
        stages: NoteStages,
        outline: Outline,
        pieces: Sequence[Piece],
        call: Call,
        admission: Admission,
        began: int,
        generation: int,
    ) -> list[asyncio.Future[list[SectionResult]]]:
        """Begin the work of a note: sections found in the cache together, others here one by one or elsewhere."""
        found, rest = self._look_up(pieces)
        if self._goes_elsewhere(rest, call, generation):
            jobs = in_jobs([_code_points(piece) for piece in rest])
            work = [
                self._elsewhere(stages, outline, [rest[index] for index in job], call, admission, began)
                for job in jobs
            ]
        else:
            work = [self._section(stages, outline, piece, call, admission, began) for piece in rest]
        if found:
            work.append(self._found(found, call, admission, began))
        return [asyncio.ensure_future(one) for one in work]

    def _goes_elsewhere(self, pieces: Sequence[Piece], call: Call, generation: int) -> bool:
        """Whether other processes are to code sections of a note.

        A note that is alone has all cores here, and its first section soon. In company each has one, and what is done
        for it elsewhere is in nobody's way. Notes that someone waits for stay, and those whose releases were replaced
        or whose sections are coded in their note.
        """
        return (
            self._processes is not None
            and call.priority is not Priority.INTERACTIVE
            and (call.priority is Priority.BULK or self._under_way >= IN_COMPANY)
            and generation == self._generation
            and all(piece.lone is not None for piece in pieces)
            and self._processes.are_ready()
        )

    async def _elsewhere(
        self,
        stages: NoteStages,
        outline: Outline,
        pieces: Sequence[Piece],
        call: Call,
        admission: Admission,
        began: int,
    ) -> list[SectionResult]:
        """Return sections that another process codes; or this one, where that came to nothing."""
        begun: dict[int, Begun] = {}
        joined: list[Piece] = []
        chosen: list[Piece] = []
        for piece in pieces:
            if self._cache is not None and piece.key is not None:
                own = self._cache.begin(piece.key, _code_points(piece), call)
                if own is None:
                    joined.append(piece)
                    continue
                begun[len(chosen)] = own
            chosen.append(piece)
        packed: dict[int, bytes] = {}
        try:
            results = await self._coded_elsewhere(stages, outline, chosen, packed, call, began)
        finally:
            for index, own in begun.items():
                key = chosen[index].key
                if self._cache is not None and key is not None:
                    self._cache.end(key, own, packed.get(index))
        for piece in joined:
            results += await self._section(stages, outline, piece, call, admission, began)
        return results

    async def _coded_elsewhere(
        self,
        stages: NoteStages,
        outline: Outline,
        pieces: Sequence[Piece],
        packed: dict[int, bytes],
        call: Call,
        began: int,
    ) -> list[SectionResult]:
        if not pieces:
            return []
        with contextlib.suppress(ElsewhereError):
            return await self._answered(pieces, packed, call, began)
        results = []
        for index, piece in enumerate(pieces):
            coded = await self._code(stages, outline, piece, call)
            packed[index] = coded.packed
            results.append(_result(piece, coded, began))
        return results

    async def _answered(
        self, pieces: Sequence[Piece], packed: dict[int, bytes], call: Call, began: int
    ) -> list[SectionResult]:
        """Have another process code sections; `packed` is given what each came to."""
        if self._processes is None:
            raise ElsewhereError
        lones: list[Lone] = [piece.lone for piece in pieces if piece.lone is not None]
        ((_, release),) = lones[0].versions.code_sets
        sent = time.perf_counter_ns()
        answer = await self._processes.code(job_of(release, lones), call)
        for windows, tokens, seconds, processor_s in answer.passes:
            self._scheduler.encoded_elsewhere(windows, tokens, seconds, processor_s)
        packed.update(enumerate(answer.packed))
        worked = sum(t.tokenize_us + t.infer_us + t.link_us for t in answer.timings)
        queue_us = max(0, _microseconds_since(sent) - worked)
        recalled = await self._compute(call, recall, list(zip(pieces, answer.packed, strict=True)))
        results = []
        for piece, coded, timings in zip(pieces, recalled, answer.timings, strict=True):
            # They waited together: the time is told once.
            told = dataclasses.replace(timings, queue_us=queue_us)
            results.append(_result(piece, coded._replace(timings=told), began))
            queue_us = 0
        return results

    def _look_up(self, pieces: Sequence[Piece]) -> tuple[list[tuple[Piece, bytes]], list[Piece]]:
        """Return the sections that were coded before, each with what it was coded to, and the others."""
        found, rest = [], []
        for piece in pieces:
            packed = None
            if self._cache is not None and piece.key is not None:
                packed = self._cache.recall(piece.key, _code_points(piece))
            if packed is None:
                rest.append(piece)
            else:
                found.append((piece, packed))
        return found, rest

    async def _found(
        self, found: Sequence[tuple[Piece, bytes]], call: Call, admission: Admission, began: int
    ) -> list[SectionResult]:
        """Return what sections were coded to before."""
        # What has nothing left to be encoded is in nobody's way.
        admission.release(sum(_code_points(piece) for piece, _ in found) // CODE_POINTS_PER_TOKEN)
        recalled = await self._compute(call, recall, found)
        return [_result(piece, coded, began) for (piece, _), coded in zip(found, recalled, strict=True)]

    async def _section(
        self,
        stages: NoteStages,
        outline: Outline,
        piece: Piece,
        call: Call,
        admission: Admission,
        began: int,
    ) -> list[SectionResult]:
        """Return a section that was not coded before, or is being coded for another call."""
        if self._cache is None or piece.key is None:
            return [_result(piece, await self._code(stages, outline, piece, call), began)]
        packed = await self._cache.find(piece.key, _code_points(piece), call)
        if packed is not None:
            return await self._found([(piece, packed)], call, admission, began)
        coded = await self._cache.code(piece.key, call, lambda: self._code(stages, outline, piece, call))
        return [_result(piece, coded, began)]

    async def _code(self, stages: NoteStages, outline: Outline, piece: Piece, call: Call) -> Coded:
        """Code a section."""
        read = await self._compute(call, stages.read, outline, piece)
        if isinstance(read, Coded):
            return read
        encoded = await self._scheduler.encode(read.windows, call)
        coded = await self._compute(call, stages.code, outline, piece, read, encoded.rows)
        timings = dataclasses.replace(coded.timings, queue_us=encoded.queue_us, infer_us=encoded.infer_us)
        return coded._replace(timings=timings)

    async def _compute(self, call: Call, stage: Callable[..., T], *arguments: object) -> T:
        if call.deadline is not None and time.monotonic() >= call.deadline:
            raise DeadlineUnreachableError("the deadline has passed")
        return await asyncio.wrap_future(self._pool.submit(call.priority, stage, *arguments))


def _code_points(piece: Piece) -> int:
    return piece.section.span.end - piece.section.span.start


def _result(piece: Piece, coded: Coded, began: int) -> SectionResult:
    timings = dataclasses.replace(coded.timings, total_us=_microseconds_since(began))
    return SectionResult(piece.section, coded.mentions, timings)


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
        total_us=_microseconds_since(began),
    )


def _microseconds_since(began: int) -> int:
    return (time.perf_counter_ns() - began) // 1000
