from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from benchmarks.load.generator import LoadResult
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.load.search import highest_rate, load_curve
from hypothesis import given, settings
from hypothesis import strategies as st

OBJECTIVE_S = 0.25
REQUESTS = 200


class SyntheticServer:
    """Answers in time below its limit, and above it refuses or delays what is too much."""

    def __init__(self, limit: float, *, refuses: bool = False) -> None:
        self._limit = limit
        self._refuses = refuses
        self.offered: list[tuple[float, int]] = []

    async def measure(self, rate: float, seed: int) -> LoadResult:
        self.offered.append((rate, seed))
        served = REQUESTS if rate <= self._limit else int(REQUESTS * self._limit / rate)
        excess = REQUESTS - served
        slow = [] if self._refuses else [1.0] * excess
        return LoadResult(
            sent=REQUESTS,
            duration_s=REQUESTS / rate,
            wall_s=REQUESTS / rate,
            cpu_s=0.0,
            outcomes=Counter(
                {Outcome.OK: REQUESTS - excess * self._refuses, Outcome.SHED: excess * self._refuses}
            ),
            latency=Latencies([0.05] * served + slow),
            refusal=Latencies(),
            lag=Latencies([0.0001] * REQUESTS),
            timeline=[],
        )


@settings(max_examples=30, deadline=None)
@given(limit=st.floats(0.5, 300), start=st.floats(0.5, 300), refuses=st.booleans())
def test_the_limit_is_found_from_wherever_the_search_begins(
    *, limit: float, start: float, refuses: bool
) -> None:
    server = SyntheticServer(limit, refuses=refuses)
    found = asyncio.run(highest_rate(server.measure, OBJECTIVE_S, start=start, resolution=0.05))
    # A server a trifle above its limit still answers 99 % in time.
    assert limit / 1.06 <= found.rate <= limit / 0.985
    assert [trial.rate for trial in found.trials] == sorted(trial.rate for trial in found.trials)


def test_a_server_that_answers_nothing_in_time_sustains_no_rate() -> None:
    found = asyncio.run(highest_rate(SyntheticServer(0.0).measure, OBJECTIVE_S, start=10))
    assert found.rate == 0.0


def test_a_search_that_finds_none_says_down_to_which_rate_it_looked() -> None:
    found = asyncio.run(highest_rate(SyntheticServer(2.0).measure, OBJECTIVE_S, start=10, lowest=3.0))
    assert (found.rate, found.lowest_tried) == (0.0, 3.0)


def test_repeats_have_other_arrivals_and_end_once_most_agree() -> None:
    server = SyntheticServer(10)
    asyncio.run(highest_rate(server.measure, OBJECTIVE_S, start=10, repeats=3, seed=100))
    first = [seed for rate, seed in server.offered if rate == 10]
    assert first == [100, 101]


def test_a_load_curve_goes_through_all_rates_before_it_repeats_one() -> None:
    server = SyntheticServer(10)
    curve = asyncio.run(load_curve(server.measure, [5, 20], repeats=2))
    assert [rate for rate, _ in server.offered] == [5, 20, 5, 20]
    assert [trial.is_sustained(OBJECTIVE_S) for trial in curve] == [True, False]
    assert curve[1].results[0].goodput(OBJECTIVE_S) == pytest.approx(10)
