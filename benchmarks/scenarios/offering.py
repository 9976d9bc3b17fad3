"""Load of notes no two of which share a sentence, as several scenarios offer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.closed import saturate
from benchmarks.load.generator import GeneratorLagError, LoadResult, run_open_loop
from benchmarks.load.grpc_calls import Caller, note_requests
from benchmarks.scenario import SLO_S, Bench, take

# A tenth of the objective: what the generator adds to a latency stays small against what is judged.
MAX_LAG_S = SLO_S / 10
# Callers that are never idle together, whatever the cores of a small machine.
CALLERS = 16
WARM_UP_NOTES = 16
PATIENT_S = 60.0
"""Deadline of calls that measure a capacity: each waits for all others, long on a slow machine."""


class Capacity(NamedTuple):
    """What a server answers a second when callers never let it rest."""

    notes: float
    characters: float


class NoteLoad:
    """Offers CodeNote to one server. Every request has a text of its own.

    `lengths` are the characters of the notes that were offered last, in the order in which they were due.
    """

    def __init__(self, bench: Bench, caller: Caller, texts: Iterator[str]) -> None:
        self._bench = bench
        self._caller = caller
        self._texts = texts
        self.lengths: Sequence[int] = ()

    async def warm_up(self) -> None:
        """Code a few notes that do not count."""
        requests = note_requests(take(self._texts, WARM_UP_NOTES))
        await saturate(lambda index: self._caller.note(requests[index]), len(requests), CALLERS)

    async def capacity(self, notes: int) -> Capacity:
        """Return what is answered when callers never let the server rest."""
        texts = take(self._texts, notes)
        requests = note_requests(texts)
        with self._bench.steps("capacity", notes) as done:
            rate = await saturate(lambda index: self._caller.note(requests[index]), notes, CALLERS, done)
        return Capacity(rate, rate * sum(map(len, texts)) / notes)

    async def offer(self, rate: float, duration_s: float, seed: int) -> LoadResult:
        """Offer a rate with the arrivals of a seed; see `offer_schedule`."""
        return await self.offer_schedule(poisson_arrivals(rate, duration_s, seed), f"{rate:.1f} notes/s")

    async def offer_schedule(self, schedule: list[float], text: str) -> LoadResult:
        """Offer notes at the times given, in seconds from the start.

        A run in which the generator lagged is done again, once, with new texts: on a shared machine a process may be
        held up. Raises `GeneratorLagError` when it lags again.
        """
        try:
            return await self._offer(schedule, text)
        except GeneratorLagError:
            return await self._offer(schedule, f"{text}, again")

    async def _offer(self, schedule: list[float], text: str) -> LoadResult:
        texts = take(self._texts, len(schedule))
        self.lengths = [len(one) for one in texts]
        requests = note_requests(texts)
        with self._bench.steps(text, len(schedule)) as done:
            return await run_open_loop(
                lambda index: self._caller.note(requests[index]), schedule, max_lag_s=MAX_LAG_S, progress=done
            )
