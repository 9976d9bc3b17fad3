"""What an evaluation yields: tables of figures with their intervals, and curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bertillon_models.evaluation.intervals import Counts, Interval, bootstrap

_UNKNOWN = float("nan")


class Figure(NamedTuple):
    """A figure with its 95 % bootstrap interval; NaN where it, or its interval, is undefined."""

    value: float
    low: float = _UNKNOWN
    high: float = _UNKNOWN

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "-"
        if math.isnan(self.low):
            return f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:.4g}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def as_json(self) -> dict[str, float | None]:
        """Return the figure for JSON, undefined numbers as null."""
        named = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if math.isnan(value) else value for name, value in named.items()}


Row = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by row and column; rows may lack columns. `units` units were resampled for the intervals."""

    title: str
    units: int
    unit: str
    columns: tuple[str, ...]
    rows: dict[str, Row]

    def as_json(self) -> dict[str, object]:
        """Return the table for JSON."""
        rows = {
            name: {column: figure.as_json() for column, figure in row.items()}
            for name, row in self.rows.items()
        }
        return {"title": self.title, "n": self.units, "unit": self.unit, "rows": rows}


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) of a plot, in order; `weights` are the counts behind them, where they differ."""

    points: tuple[tuple[float, float], ...]
    weights: tuple[int, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the curve for JSON."""
        return {"points": [list(point) for point in self.points], "weights": list(self.weights)}


def from_counts(
    names: Sequence[str], counts: Counts, figure: Callable[[Counts], Counts], seed: int
) -> dict[str, Figure]:
    """Return named figures of summed counts (units, quantities), with intervals over units."""
    values = figure(counts.sum(axis=0, keepdims=True))[0]
    return named(names, values.tolist(), bootstrap(counts, figure, seed=seed))


def named(names: Sequence[str], values: Sequence[float], intervals: Sequence[Interval]) -> dict[str, Figure]:
    """Bring names, values and intervals together."""
    return {
        name: Figure(value, interval.low, interval.high)
        for name, value, interval in zip(names, values, intervals, strict=True)
    }


def means(sums: Counts) -> Counts:
    """Return (n, k - 1) means from (n, k) sums whose first column counts the units; NaN over nothing."""
    figures = np.full((len(sums), sums.shape[1] - 1), np.nan)
    np.divide(sums[:, 1:], sums[:, :1], out=figures, where=sums[:, :1] > 0)
    return figures
