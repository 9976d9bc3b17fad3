"""Axes of plots: where values stand on paper, and which of them are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` along the paper from `start` to `end`, logarithmic where asked for."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a value stands; one beyond the edge stands at it."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values along the axis: powers of ten with their halves, or even steps."""
        if self.is_log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            values = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
            inside = [value for value in values if self.low <= value <= self.high * 1.0001]
            return inside if len(inside) <= 2 * _MOST_TICKS else inside[::3]
        rough = (self.high - self.low) / _MOST_TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(width * power for width in (1, 2, 2.5, 5, 10) if width * power >= rough)
        count = int((self.high - self.low) / step + 1e-9)
        return [self.low + step * index for index in range(count + 1)]


def linear(values: Iterable[float], start: float, end: float) -> Axis:
    """Return an axis from zero to a little beyond the largest value."""
    return Axis(0.0, max([*values, 1e-9]) * 1.05, start, end)


def logarithmic(values: Iterable[float], start: float, end: float) -> Axis:
    """Return an axis around values above zero."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known), max(known)
    return Axis(low / 1.1, max(high * 1.1, low * 1.5), start, end, is_log=True)
