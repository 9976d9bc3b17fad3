"""What a scenario is given, and what it gives back."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks import statistics
from benchmarks.load.bulk import start_processes
from benchmarks.load.latencies import Latencies
from benchmarks.notes import copied_forward, variations
from benchmarks.service import Service, serving

T = TypeVar("T")

SLO_S = 0.250
"""What 99 % of the notes are to be answered within: what a clinician does not feel as waiting."""
LEAST_REQUESTS = 40
"""Of a rate that is tried, in the mean: arrivals are drawn."""


class Skipped(Exception):  # noqa: N818 - no error: the message says why a scenario cannot run here
    """The scenario cannot run on this machine or with this server; the message is the reason."""


# Two values have no more to tell than themselves; of three the interval is from the lowest to the highest.
_LEAST_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number in a unit, the repeats behind it, and a 95 % interval where there are three or more."""

    value: float
    unit: str
    repeats: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None

    @classmethod
    def median(cls, values: Sequence[float], unit: str) -> Figure:
        """Return the median of repeats."""
        return cls._of(statistics.median(values), values, unit)

    @classmethod
    def ratio(cls, over: Sequence[float], under: Sequence[float]) -> Figure:
        """Return how many times `over` is `under`, from repeats that were measured in pairs."""
        return cls._of(statistics.ratio(over, under), [a / b for a, b in zip(over, under, strict=True)], "x")

    @classmethod
    def _of(cls, estimate: statistics.Estimate, values: Sequence[float], unit: str) -> Figure:
        interval = (estimate.low, estimate.high) if len(values) >= _LEAST_REPEATS else None
        return cls(estimate.value, unit, tuple(values), interval)

    def told(self) -> dict[str, Any]:
        """Return the figure as plain values; what is no number is null."""
        return {
            "value": _plain(self.value),
            "unit": self.unit,
            "repeats": [_plain(value) for value in self.repeats],
            "interval": None if self.interval is None else [_plain(edge) for edge in self.interval],
        }


def percentile_figures(
    name: str, latencies: Latencies, percents: Iterable[int] = (50, 90, 99)
) -> dict[str, Figure]:
    """Return the percentiles of durations, in milliseconds, as `name_p50` and so on, each with its interval."""
    return {f"{name}_p{percent}": _percentile(latencies, percent) for percent in percents}


def _percentile(latencies: Latencies, percent: float) -> Figure:
    interval = latencies.interval(percent)
    return Figure(
        latencies.percentile(percent) * 1000,
        "ms",
        interval=None if interval is None else (interval[0] * 1000, interval[1] * 1000),
    )


@dataclass(slots=True)
class Measured:
    """What a scenario found: figures by name, histograms by name, and what the plots of the report need besides."""

    figures: dict[str, Figure] = field(default_factory=dict)
    histograms: dict[str, Latencies] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


class Steps(Protocol):
    """Tells a person how far a scenario is."""

    def __call__(self, text: str, steps: int) -> AbstractContextManager[Callable[[], None]]:
        """Begin a part of so many steps; what the block is given is called after each."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every scenario works with.

    `notes` are the texts that notes are made of, `seed` is what everything random follows from; `is_full` asks for
    the long form of a measurement. `flags` are given to every server.
    """

    bundle: Path
    notes: tuple[str, ...]
    seed: int
    is_full: bool
    steps: Steps
    flags: tuple[str, ...] = ()

    def choose(self, short: T, full: T) -> T:
        """Return what fits the length of the run."""
        return full if self.is_full else short

    def texts(self) -> Iterator[str]:
        """Yield endlessly many notes: first those that were given, as they are.

        Of all others no sentence of more than three words comes twice.
        """
        return variations(self.notes, self.seed)

    def copied_texts(self, share: float) -> Iterator[str]:
        """Yield endlessly many notes that repeat a share of the patient's last one."""
        return copied_forward(self.notes, self.seed, share)

    def draw(self) -> random.Random:
        """Return a source of random numbers."""
        return random.Random(self.seed)

    @contextmanager
    def server(self, *flags: str, has_processes: bool = True) -> Iterator[Service]:
        """Run a server with the default settings, in a folder that goes with it.

        Its coding processes, which start when they are first of use, are ready unless they are not to be.
        """
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(Path(folder), *self.flags, *flags, bundle=self.bundle) as service,
        ):
            if has_processes:
                start_processes(service)
            yield service


@dataclass(frozen=True, slots=True)
class Scenario:
    """A measurement by name; `about` is one line that says what it measures.

    `takes_notes` tells whether it works with the notes of the run, or always with the sample note, if with any.
    """

    name: str
    about: str
    measure: Callable[[Bench], Measured]
    takes_notes: bool = True


def take(source: Iterator[T], count: int) -> list[T]:
    """Return the next values."""
    return list(islice(source, count))


def record(measured: Measured) -> Mapping[str, Any]:
    """Return what was measured as plain values."""
    return {
        "figures": {name: figure.told() for name, figure in measured.figures.items()},
        "histograms": {name: latencies.encoded() for name, latencies in measured.histograms.items()},
        "details": measured.details,
    }


def _plain(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
