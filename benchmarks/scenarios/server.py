"""The highest rate of notes of which 99 % are answered within the objective, and what happens on the way there."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.load.generator import LoadResult, run
from benchmarks.load.grpc_calls import calling
from benchmarks.load.latencies import Latencies
from benchmarks.load.search import Trial, highest_rate, load_curve
from benchmarks.scenario import LEAST_REQUESTS, SLO_S, Bench, Figure, Measured, Scenario
from benchmarks.scenarios.offering import PATIENT_S, NoteLoad

# Shares of the highest rate at which the load curve is drawn.
CURVE = (0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5)
SHORT_CURVE = (0.5, 1.0, 1.25)
# In a short run nothing below an eighth of the capacity is searched: 40 requests would take minutes.
LOWEST_RATE, LOWEST_SHARE = 0.5, 0.125


def measure(bench: Bench) -> Measured:
    """Search the rate, then offer shares of it."""
    with bench.server() as server:
        return run(_measure(bench, server.target))


async def _measure(bench: Bench, target: str) -> Measured:
    duration_s = bench.choose(8.0, 60.0)
    async with calling(target) as caller, calling(target, timeout_s=PATIENT_S) as patient:
        texts = bench.texts()
        load, unhurried = NoteLoad(bench, caller, texts), NoteLoad(bench, patient, texts)
        await unhurried.warm_up()
        capacity = (await unhurried.capacity(bench.choose(60, 400))).notes

        async def offered(rate: float, seed: int) -> LoadResult:
            return await load.offer(rate, max(duration_s, LEAST_REQUESTS / rate), seed)

        found = await highest_rate(
            offered,
            SLO_S,
            start=capacity / 2,
            lowest=bench.choose(max(LOWEST_RATE, LOWEST_SHARE * capacity), LOWEST_RATE),
            resolution=bench.choose(0.12, 0.04),
            repeats=bench.choose(1, 5),
            seed=bench.seed,
        )
        base = found.rate or capacity / 2
        shares = bench.choose(SHORT_CURVE, CURVE)
        curve = await load_curve(
            offered, [base * share for share in shares], repeats=bench.choose(1, 3), seed=bench.seed + 100
        )
    at_limit = [trial for trial in found.trials if trial.rate == found.rate]
    # The search takes the best of what it tried, so the rate is offered once more, with other arrivals.
    again = curve[shares.index(1.0)]
    latency = {f"at_{trial.rate:.1f}_per_s": _together(trial) for trial in curve}
    figures = {
        "sustained_rate": Figure(found.rate, "notes/s"),
        "lowest_rate_tried": Figure(found.lowest_tried, "notes/s"),
        "capacity": Figure(capacity, "notes/s"),
        "objective": Figure(SLO_S * 1000, "ms"),
    }
    if found.rate:
        shares_again = [result.served_share(SLO_S) for result in again.results]
        figures["within_objective_again"] = Figure.median(shares_again, "share")
    if at_limit:
        figures["p99_at_sustained_rate"] = Figure.median(
            [result.latency.percentile(99) * 1000 for result in at_limit[0].results], "ms"
        )
    return Measured(
        figures,
        histograms=latency,
        details={
            "curve": [_told(trial) for trial in curve],
            "search": [_told(trial) for trial in found.trials],
        },
    )


def _together(trial: Trial) -> Latencies:
    """Return the durations of all repeats of a rate."""
    together = Latencies()
    for result in trial.results:
        together.add(result.latency)
    return together


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "rate": round(trial.rate, 3),
        "sustained": trial.is_sustained(SLO_S),
        "runs": [result.told() for result in trial.results],
        "goodput": round(statistics.median(result.goodput(SLO_S) for result in trial.results), 3),
    }


SCENARIO = Scenario("server", "highest rate of notes with p99 within 250 ms, and the load curve", measure)
