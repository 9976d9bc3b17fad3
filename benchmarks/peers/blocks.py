"""One contender measured once: started, checked against our answers, measured, stopped.

A block is what is interleaved and repeated, and what a run that was cut short does not measure again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.generator import GeneratorLagError, LoadResult, run_open_loop
from benchmarks.load.grpc_calls import bulk_requests, calling
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.load.search import highest_rate
from benchmarks.peers.callers import FAILURES, OFFERED_TIMEOUT_S, Caller
from benchmarks.peers.equality import Coded
from benchmarks.scenario import LEAST_REQUESTS, SLO_S
from benchmarks.service import Service

PROTOCOL = 3
"""Counts up when what a block holds is measured in another way: a run does not go on from older blocks then."""
SIDE_BY_SIDE = 16
"""Calls under way while throughput is measured: enough that no process of a server ever waits for one."""
MAX_LAG_S = SLO_S / 10
"""What 99 % of the requests of a trial may be sent late by. It counts as latency, for every contender alike."""
RESOLUTION = 0.1
"""Share to which the highest rate is found, in each repeat anew."""
LOWEST_RATE, LOWEST_SHARE = 0.5, 0.25
"""Nothing below this share of the first rate tried is: trials would take minutes."""
_SETTLED_S, _SETTLE_LIMIT_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: repeats, and in each the notes of each part.

    `limit_s` seconds bound the throughput part; a trial of the rate search takes `trial_s`, or as some 40 notes do.
    The rate is searched in the first `rate_repeats` repeats only, since that takes most of the time. Without
    choosing, the first setting of each peer is taken.
    """

    repeats: int
    rate_repeats: int
    checked: int
    idle: int
    saturating: int
    limit_s: float
    trial_s: float
    is_choosing: bool = True


QUICK = Plan(
    repeats=2, rate_repeats=0, checked=8, idle=16, saturating=60, limit_s=5.0, trial_s=8.0, is_choosing=False
)
FULL = Plan(repeats=5, rate_repeats=5, checked=16, idle=40, saturating=200, limit_s=15.0, trial_s=8.0)


@dataclass(frozen=True, slots=True)
class Texts:
    """The notes of one repeat, the same for every contender; none repeats another.

    Who has just been started is warmed up with `started`, who ran in an earlier repeat with `warm_up`.
    """

    started: tuple[str, ...]
    warm_up: tuple[str, ...]
    checked: tuple[str, ...]
    idle: tuple[str, ...]
    saturating: tuple[str, ...]
    bulk: tuple[str, ...]
    offered: tuple[str, ...]


@dataclass(slots=True)
class Block:
    """What one contender gave in one repeat; `values` by metric, `reason` when it could not be measured.

    `checked` notes had the same answers as ours; `equal` is None where answers are not of one kind. `is_final` says
    that another try would end alike, `lagged` that it was the generator which could not keep up. `trials` has what
    each rate met, histograms included.
    """

    repeat: int
    contender: str
    setting: str = ""
    checked: int = 0
    equal: bool | None = None
    reason: str | None = None
    is_final: bool = False
    lagged: bool = False
    values: dict[str, float] = field(default_factory=dict)
    idle: str = ""
    trials: list[dict[str, Any]] = field(default_factory=list)


async def answers(caller: Caller, texts: Sequence[str], *, together: bool = False) -> list[Coded]:
    """Return what a server answers, one call at a time or, so that it makes batches, to all at once."""
    if together:
        return await asyncio.gather(*(caller.code(text) for text in texts))
    return [await caller.code(text) for text in texts]


async def idle_latency(caller: Caller, texts: Sequence[str]) -> Latencies:
    """Return how long one caller waits for each note at an idle server."""
    latencies = Latencies()
    for request in [caller.request(text) for text in texts]:
        began = time.perf_counter()
        await caller.send(request)
        latencies.record(time.perf_counter() - began)
    return latencies


async def throughput(caller: Caller, texts: Sequence[str], limit_s: float = math.inf) -> float:
    """Return the notes a second with so many calls under way that every process is busy.

    Begins no call after `limit_s`. Raises RuntimeError when a note is not answered.
    """
    waiting = [caller.request(text) for text in reversed(texts)]
    answered = 0
    began = time.perf_counter()

    async def one_by_one() -> None:
        nonlocal answered
        while waiting and time.perf_counter() - began < limit_s:
            outcome = await caller.outcome(waiting.pop())
            if outcome is not Outcome.OK:
                raise RuntimeError(
                    f"a note was not answered while {SIDE_BY_SIDE} callers waited: {outcome.value}"
                )
            answered += 1

    await asyncio.gather(*(one_by_one() for _ in range(SIDE_BY_SIDE)))
    return answered / (time.perf_counter() - began)


async def bulk_throughput(service: Service, texts: Sequence[str]) -> float:
    """Return the notes a second of one stream of our `CodeNotes`; raises RuntimeError unless each was coded.

    A note that fails is answered on the stream, which ends well all the same, so what was coded the server tells.
    """
    requests = list(bulk_requests(texts))
    before = await asyncio.to_thread(service.metric, "notes_total", code="OK")
    async with calling(service.target, connections=1) as stream:
        began = time.perf_counter()
        await stream.bulk(requests)
        seconds = time.perf_counter() - began
    coded = await asyncio.to_thread(service.metric, "notes_total", code="OK") - before
    if coded < len(texts):
        raise RuntimeError(f"{coded:.0f} of {len(texts)} notes of a bulk stream were coded")
    return len(texts) / seconds


async def sustained_rate(
    caller: Caller, texts: Sequence[str], start: float, trial_s: float, seed: int
) -> tuple[float, list[dict[str, Any]]]:
    """Return the highest rate at which 99 % of the notes are answered within the objective, and the trials.

    Raises GeneratorLagError when the generator could not keep up twice in a row.
    """
    requests = [caller.request(text) for text in texts]

    async def offer(index: int) -> Outcome:
        return await caller.outcome(requests[index % len(requests)], OFFERED_TIMEOUT_S)

    async def measure(rate: float, seed: int) -> LoadResult:
        schedule = poisson_arrivals(rate, max(trial_s, LEAST_REQUESTS / rate), seed)
        try:
            return await run_open_loop(offer, schedule, max_lag_s=MAX_LAG_S)
        except GeneratorLagError:
            await _settled(caller, requests[0])
            return await run_open_loop(offer, schedule, max_lag_s=MAX_LAG_S)
        finally:
            await _settled(caller, requests[0])

    lowest = max(LOWEST_RATE, start * LOWEST_SHARE)
    found = await highest_rate(
        measure, SLO_S, start=start, lowest=lowest, resolution=RESOLUTION, repeats=1, seed=seed
    )
    trials = [
        {
            "rate": round(trial.rate, 3),
            "sustained": trial.is_sustained(SLO_S),
            "within": round(result.served_share(SLO_S), 4),
            "run": result.told(),
        }
        for trial in found.trials
        for result in trial.results
    ]
    return found.rate, trials


async def _settled(caller: Caller, request: bytes) -> None:
    """Wait until a server has worked off what earlier calls left behind, given up by us or not."""
    limit = time.monotonic() + _SETTLE_LIMIT_S
    while time.monotonic() < limit:
        began = time.monotonic()
        try:
            await asyncio.wait_for(caller.send(request), _SETTLE_LIMIT_S)
        except FAILURES:
            await asyncio.sleep(_SETTLED_S)
            continue
        if time.monotonic() - began < _SETTLED_S:
            return
