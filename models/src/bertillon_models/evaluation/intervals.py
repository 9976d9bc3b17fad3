"""Bootstrap intervals over units (notes, sentences), for any figure computed from summed counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

# 2,000 resamples put the ends of a 95 % interval within a few thousandths of a figure on a thousand units.
RESAMPLES = 2000
# Resamples are drawn in blocks of about this many weights (8 bytes each), to bound memory on large sets.
_BLOCK_WEIGHTS = 2_000_000


class Interval(NamedTuple):
    """A figure's percentile interval; both ends are NaN where it is undefined in every resample."""

    low: float
    high: float


def bootstrap(
    counts: Counts,
    figure: Callable[[Counts], Counts],
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """Return the percentile interval of each figure, from resampling the units with replacement.

    `counts` is (units, quantities): what each unit adds to each quantity. `figure` takes summed quantities of
    shape (n, quantities) and returns (n, figures), NaN where a figure is undefined. The same seed gives the same
    intervals. Raises ValueError if there are no units or the level is not within (0, 1).
    """
    if counts.ndim != 2 or not len(counts):
        raise ValueError("bootstrap needs counts of shape (units, quantities) with at least one unit")

    def of_sums(weights: Counts) -> Counts:
        return figure(weights @ counts)

    return resampled(len(counts), of_sums, resamples=resamples, level=level, seed=seed)


def resampled(
    units: int,
    figure: Callable[[Counts], Counts],
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
    block: int | None = None,
) -> list[Interval]:
    """Return the percentile interval of each figure that is no function of summed counts.

    `figure` takes weights of shape (n, units), how often each unit was drawn, and returns (n, figures), NaN where a
    figure is undefined. At most `block` resamples are asked for at once. Raises ValueError if there are no units
    or the level is not within (0, 1).
    """
    if units < 1:
        raise ValueError("an interval needs at least one unit")
    if not 0 < level < 1:
        raise ValueError("the level of an interval lies within 0 and 1")
    generator = np.random.default_rng(seed)
    block = block or max(1, _BLOCK_WEIGHTS // units)
    drawn: list[Counts] = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weights = generator.multinomial(units, np.full(units, 1 / units), size=size)
        drawn.append(figure(weights.astype(np.float64)))
    tail = (1 - level) / 2
    return [_percentiles(column, tail) for column in np.concatenate(drawn).T]


def _percentiles(values: Counts, tail: float) -> Interval:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def precision_recall_f1(sums: Counts) -> Counts:
    """Return (n, 3 x classes) figures from (n, 3 x classes) sums of true positives, predicted and gold.

    Columns come in threes, class by class. A ratio over nothing is NaN; F1 is NaN only where a class is neither
    predicted nor in gold.
    """
    hits, predicted, gold = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    figures = np.full(sums.shape, np.nan)
    for column, (over, under) in enumerate(((hits, predicted), (hits, gold), (2 * hits, predicted + gold))):
        np.divide(over, under, out=figures[:, column::3], where=under > 0)
    return figures
