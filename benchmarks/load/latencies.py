"""Durations of any number of requests: an HdrHistogram from 1 us to 10 minutes, exact to three digits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

_PER_SECOND = 1_000_000
_MOST_US = 600 * _PER_SECOND
_DIGITS = 3
# Of 95 %, on either side.
_DEVIATIONS = 1.96


class Latencies:
    """Collects durations in seconds; longer ones than 10 minutes count as 10 minutes."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._histogram: Any = HdrHistogram(1, _MOST_US, _DIGITS)
        for value in seconds:
            self.record(value)

    @property
    def count(self) -> int:
        """Number of durations recorded."""
        return int(self._histogram.get_total_count())

    def record(self, seconds: float) -> None:
        """Add a duration."""
        self._histogram.record_value(min(_MOST_US, max(1, round(seconds * _PER_SECOND))))

    def add(self, other: Latencies) -> None:
        """Add all durations of another collection."""
        self._histogram.add(other._histogram)

    def percentile(self, percent: float) -> float:
        """Return the seconds that `percent` per cent of the durations do not exceed; NaN where there are none."""
        return self._histogram.get_value_at_percentile(percent) / _PER_SECOND if self.count else float("nan")

    def interval(self, percent: float) -> tuple[float, float] | None:
        """Return the 95 % interval of a percentile, in seconds; None where it would reach beyond what was recorded.

        Between which of the ordered durations it lies follows from the binomial distribution, whatever theirs is. It
        takes some ten of them for p50, some sixty for p90 and some six hundred for p99.
        """
        share, count = percent / 100, self.count
        reach = _DEVIATIONS * math.sqrt(count * share * (1 - share))
        low, high = math.floor(count * share - reach), math.ceil(count * share + reach) + 1
        if low < 1 or high > count:
            return None
        # The histogram rounds to the nearest of them.
        return self.percentile(100 * (low - 0.25) / count), self.percentile(100 * (high - 0.25) / count)

    def within(self, seconds: float) -> int:
        """Return how many durations were no longer than `seconds`."""
        limit = round(seconds * _PER_SECOND)
        return sum(count for value, count in self._recorded() if value <= limit)

    def curve(self) -> list[tuple[float, float]]:
        """Return the distribution as pairs of seconds and the share of durations up to there, ascending."""
        seen = 0
        points = []
        for value, count in self._recorded():
            seen += count
            points.append((value / _PER_SECOND, seen / self.count))
        return points

    def summary(self) -> dict[str, float]:
        """Return the percentiles that are told, in milliseconds; empty where nothing was recorded."""
        if not self.count:
            return {}
        told = {"p50_ms": 50.0, "p90_ms": 90.0, "p99_ms": 99.0, "max_ms": 100.0}
        return {name: round(self.percentile(percent) * 1000, 3) for name, percent in told.items()}

    def encoded(self) -> str:
        """Return the histogram in the V2 compressed format of HdrHistogram, in base64."""
        text: bytes = self._histogram.encode()
        return text.decode("ascii")

    @classmethod
    def decoded(cls, text: str) -> Latencies:
        """Read what `encoded` wrote."""
        one = cls()
        one._histogram.decode_and_add(text.encode("ascii"))
        return one

    def _recorded(self) -> Iterable[tuple[int, int]]:
        """Yield pairs of microseconds and the number of durations there, ascending.

        The microseconds are the lowest that the histogram does not tell from the one recorded.
        """
        # The iterators of the package look at each of its twenty thousand places in Python.
        counts = np.ctypeslib.as_array(self._histogram.counts)
        for place in counts.nonzero()[0].tolist():
            yield int(self._histogram.get_value_from_index(place)), int(counts[place])
