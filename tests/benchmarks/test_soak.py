"""What a soak calls the memory after so many notes."""

from __future__ import annotations

import pytest
from benchmarks.scenarios.soak import resident_at

SAMPLES = [(0, 100.0), *((10 * n, 200.0 + n) for n in range(1, 11))]


def test_it_is_the_mean_of_the_last_five_readings_up_to_them() -> None:
    assert resident_at(SAMPLES, 100) == pytest.approx(208.0)
    assert resident_at(SAMPLES, 60) == pytest.approx(204.0)


def test_a_reading_that_is_high_by_chance_counts_a_fifth() -> None:
    high = [*SAMPLES[:-1], (100, 260.0)]
    assert resident_at(high, 100) - resident_at(SAMPLES, 100) == pytest.approx(10.0)
