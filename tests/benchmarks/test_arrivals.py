from __future__ import annotations

from itertools import pairwise

import pytest
from benchmarks.load.arrivals import poisson_arrivals
from hypothesis import given
from hypothesis import strategies as st

RATES = st.floats(0.1, 200)
DURATIONS = st.floats(0.1, 20)
SEEDS = st.integers(0, 2**32)


@given(RATES, DURATIONS, SEEDS)
def test_arrivals_ascend_within_the_duration_and_follow_from_the_seed(
    rate: float, duration: float, seed: int
) -> None:
    times = poisson_arrivals(rate, duration, seed)
    assert times == sorted(times)
    assert all(0 <= time < duration for time in times)
    assert times == poisson_arrivals(rate, duration, seed)


@given(RATES, DURATIONS, SEEDS)
def test_a_longer_run_begins_as_the_shorter_one_does(rate: float, duration: float, seed: int) -> None:
    times = poisson_arrivals(rate, duration, seed)
    assert poisson_arrivals(rate, 2 * duration, seed)[: len(times)] == times


def test_as_many_arrive_as_the_rate_says_and_their_gaps_vary_as_those_of_independent_callers_do() -> None:
    times = poisson_arrivals(50, 400, seed=1)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert spread == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(("rate", "duration"), [(0, 1), (-1, 1), (1, 0)])
def test_no_rate_and_no_duration_are_refused(rate: float, duration: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        poisson_arrivals(rate, duration, seed=1)
