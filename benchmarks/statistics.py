"""How sure a figure is: intervals by bootstrap over the repeats of one run."""  # noqa: A005 - a package of its own

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RESAMPLES = 4_000
_COVERED = 0.95
# Quantiles of Student's distribution at 97.5 %, for 1, 2, 3, ... degrees of freedom; beyond, the normal one is near.
_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval: 95 %, or what few repeats allow (`bootstrap`)."""

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
    """Return a statistic of the values and its expanded percentile interval over resamples of them.

    Percentiles of resamples are too narrow where values are few: of means of five they cover some 85 %, not 95. So
    those further out are taken, by Student's distribution and the bias of the variance (Hesterberg, What Teachers
    Should Know about the Bootstrap, 2015). No interval leaves the values: of five it covers some 93 %, of four 85,
    and of three, where it is from the lowest to the highest, 75; one value is an interval of itself.
    """
    if not values:
        raise ValueError("there is nothing to estimate from")
    draw = random.Random(seed)
    drawn = sorted(statistic(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    outside = _outside(len(values))
    low, high = drawn[int(outside * RESAMPLES)], drawn[math.ceil((1 - outside) * RESAMPLES) - 1]
    return Estimate(statistic(values), low, high)


def _outside(values: int) -> float:
    """Return the share of resamples to leave out on either side."""
    if values - 1 > len(_STUDENT) or values == 1:
        return (1 - _COVERED) / 2
    return statistics.NormalDist().cdf(-_STUDENT[values - 2] * math.sqrt(values / (values - 1)))
