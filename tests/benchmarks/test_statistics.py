from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import statistics

VALUES = st.lists(st.floats(0.1, 100), min_size=1, max_size=8)


@given(VALUES)
def test_an_interval_holds_its_value_and_lies_within_what_was_measured(values: list[float]) -> None:
    found = statistics.median(values)
    assert min(values) <= found.low <= found.value <= found.high <= max(values)


@given(VALUES, st.floats(0.5, 4))
def test_drift_that_hits_both_sides_does_not_show_in_their_ratio(values: list[float], factor: float) -> None:
    found = statistics.ratio([value * factor for value in values], values)
    assert found.value == pytest.approx(factor)
    assert found.high - found.low == pytest.approx(0, abs=1e-6)


def test_a_ratio_is_of_pairs_and_needs_as_many_of_both() -> None:
    assert statistics.ratio([2.0, 8.0], [1.0, 2.0]).value == pytest.approx(8**0.5)
    with pytest.raises(ValueError, match="longer"):
        statistics.ratio([1.0], [1.0, 2.0])


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="nothing"):
        statistics.median([])


@pytest.mark.parametrize(("values", "least", "most"), [(3, 0.70, 0.80), (5, 0.90, 0.97), (8, 0.92, 0.98)])
def test_an_interval_of_few_repeats_covers_what_it_says(values: int, least: float, most: float) -> None:
    draw = random.Random(1)
    held = 0
    for _ in range(60):
        found = statistics.ratio([draw.lognormvariate(0, 0.2) for _ in range(values)], [1.0] * values)
        held += found.low <= 1 <= found.high
    assert least <= held / 60 <= most
