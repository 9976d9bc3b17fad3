"""The highest rate that a server sustains within an objective, and the load curve on the way there.

A rate is *sustained* when 99 % of all requests due were answered within the objective, refused and failed ones
counting as late; of several repeats, with other arrivals each, most must do so. Of fewer than a hundred requests that
is all of them. Every rate meets the same arrivals, closer together or further apart.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.load.generator import LoadResult

Measure = Callable[[float, int], Awaitable[LoadResult]]
"""Offers a rate (requests a second) with the arrivals of a seed and returns what they met."""

SERVED_SHARE = 0.99
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What one rate met, once per repeat."""

    rate: float
    results: tuple[LoadResult, ...]

    def is_sustained(self, objective_s: float) -> bool:
        """Whether most repeats kept the objective."""
        kept = [result.served_share(objective_s) >= SERVED_SHARE for result in self.results]
        return 2 * sum(kept) > len(kept)

    @property
    def p99_s(self) -> float:
        """Median over the repeats of the 99th percentile of what was answered, in seconds; NaN without answers."""
        values = [result.latency.percentile(99) for result in self.results if result.latency.count]
        return statistics.median(values) if values else math.nan


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The highest rate found sustained (0 where none was) and every trial, by rate."""

    rate: float
    objective_s: float
    trials: tuple[Trial, ...]

    @property
    def lowest_tried(self) -> float:
        """The lowest rate tried: a rate of 0 says only that not even this one was sustained."""
        return min(trial.rate for trial in self.trials)


async def load_curve(
    measure: Measure, rates: Sequence[float], *, repeats: int = 1, seed: int = 7
) -> list[Trial]:
    """Offer each rate in turn, as often as `repeats` says, so that a slow minute does not fall on one rate alone."""
    results: dict[float, list[LoadResult]] = {rate: [] for rate in rates}
    for repeat in range(repeats):
        for rate in rates:
            results[rate].append(await measure(rate, seed + repeat))
    return [Trial(rate, tuple(met)) for rate, met in results.items()]


async def highest_rate(
    measure: Measure,
    objective_s: float,
    *,
    start: float,
    lowest: float = 0.1,
    resolution: float = 0.05,
    repeats: int = 3,
    seed: int = 7,
) -> SearchResult:
    """Return the highest rate at which 99 % of the requests are answered within `objective_s`.

    From `start` (requests a second) the rate grows or falls by half until the limit lies between two rates, which are
    then brought together until they differ by less than `resolution`, a share. Nothing below `lowest` is tried.
    Repeats end as soon as most agree.
    """
    trials: dict[float, Trial] = {}

    async def sustained(rate: float) -> bool:
        results: list[LoadResult] = []
        kept = 0
        needed = repeats // 2 + 1
        for repeat in range(repeats):
            results.append(await measure(rate, seed + repeat))
            kept += results[-1].served_share(objective_s) >= SERVED_SHARE
            if kept >= needed or len(results) - kept >= needed:
                break
        trials[rate] = Trial(rate, tuple(results))
        return trials[rate].is_sustained(objective_s)

    low, high = 0.0, math.inf
    rate = start
    while high > low * (1 + resolution):
        if await sustained(rate):
            low = rate
        else:
            high = rate
        if low == 0.0 and rate <= lowest:
            break
        if high == math.inf:
            rate = low * _GROWTH
        elif low == 0.0:
            rate = max(lowest, high / _GROWTH)
        else:
            rate = math.sqrt(low * high)
    return SearchResult(low, objective_s, tuple(trials[rate] for rate in sorted(trials)))
