"""How sure a figure is: intervals by bootstrap over the repeats of one run."""  # noqa: A005 - a package of its own

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RESAMPLES = 2_000
_COVERED = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def ratio(over: Sequence[float], under: Sequence[float], *, seed: int = 7) -> Estimate:
    """Return how many times `over` is `under`: the geometric mean of the ratios of the repeats, pair by pair.

    The n-th values belong together: they were measured one after the other, so that the machine's drift hits both.
    Raises ValueError unless there are as many of both, at least one, and all above zero.
    """
    logs = [math.log(a / b) for a, b in zip(over, under, strict=True)]
    estimate = bootstrap(logs, statistics.fmean, seed=seed)
    return Estimate(math.exp(estimate.value), math.exp(estimate.low), math.exp(estimate.high))


def median(values: Sequence[float], *, seed: int = 7) -> Estimate:
    """Return the median of the repeats and its interval. Raises ValueError where there is none."""
    return bootstrap(values, statistics.median, seed=seed)


def bootstrap(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float], *, seed: int = 7
) -> Estimate:
    """Return a statistic of the values and its percentile interval over resamples of them.

    Few repeats give a rough interval, and one repeat none at all: it is then the value itself.
    """
    if not values:
        raise ValueError("there is nothing to estimate from")
    draw = random.Random(seed)
    drawn = sorted(statistic(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    outside = (1 - _COVERED) / 2
    low, high = drawn[int(outside * RESAMPLES)], drawn[math.ceil((1 - outside) * RESAMPLES) - 1]
    return Estimate(statistic(values), low, high)
