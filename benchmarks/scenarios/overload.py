"""What is left of a server at 150 and 200 % of what it can do, and how soon it is itself again."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.generator import LoadResult, run
from benchmarks.load.grpc_calls import calling
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.scenario import SLO_S, Bench, Figure, Measured, Scenario
from benchmarks.scenarios.offering import MAX_LAG_S, PATIENT_S, Capacity, NoteLoad

SHARES = (1.5, 2.0)
# What is offered once the overload is over, as a share of the capacity.
CALM = 0.4
# Answered in time in a row, so many requests tell that a server is itself again.
IN_A_ROW = 5
# Callers wait for twice the objective from when they were due, so a little less from when they were sent. Hardly an
# answer takes longer, so the slowest of them say nothing: what was kept and not answered by then does
# (`kept_in_vain`). A p99 within twice the objective is one in a hundred of those at most.
DEADLINE_S = 2 * SLO_S - MAX_LAG_S


class Run(NamedTuple):
    """What an overload met, the characters of each note by when it was due, and what the server can do at most.

    That was measured right before and right after it.
    """

    result: LoadResult
    lengths: Mapping[float, int]
    before: Capacity
    after: Capacity

    @property
    def peak(self) -> Capacity:
        """What is compared with."""
        return Capacity(*((then + now) / 2 for then, now in zip(self.before, self.after, strict=True)))


def measure(bench: Bench) -> Measured:
    """Measure the capacity, then offer more, then less."""
    with bench.server() as server:
        return run(_measure(bench, server.target))


async def _measure(bench: Bench, target: str) -> Measured:
    overload_s, calm_s = bench.choose((10.0, 6.0), (60.0, 30.0))
    notes, repeats = bench.choose((80, 1), (400, 3))
    measured = Measured()
    async with (
        calling(target, timeout_s=PATIENT_S) as patient,
        calling(target, timeout_s=DEADLINE_S) as hasty,
    ):
        texts = bench.texts()
        unhurried, hurried = NoteLoad(bench, patient, texts), NoteLoad(bench, hasty, texts)
        await unhurried.warm_up()
        for share in SHARES:
            runs = []
            for repeat in range(repeats):
                seed = bench.seed + 2 * repeat
                # Anew before each, so that the machine's drift is in both of what is compared.
                before = await unhurried.capacity(notes)
                overload = poisson_arrivals(share * before.notes, overload_s, seed)
                calm = [overload_s + at for at in poisson_arrivals(CALM * before.notes, calm_s, seed + 1)]
                schedule = overload + calm
                result = await hurried.offer_schedule(schedule, f"{share:.0%} load, then {CALM:.0%}")
                lengths = dict(zip(schedule, hurried.lengths, strict=True))
                runs.append(Run(result, lengths, before, await unhurried.capacity(notes)))
            add_load(measured, f"at_{share * 100:.0f}", runs, overload_s)
    return measured


def recovered_after(in_time: Iterable[tuple[float, bool]]) -> float:
    """Return when the first of so many requests in a row was due that were answered in time; NaN where none was.

    `in_time` tells for each request when it was due, in seconds since the overload was over, and whether it was.
    """
    begun, row = float("nan"), 0
    for due, ok in sorted(in_time):
        begun, row = (due if row == 0 else begun, row + 1) if ok else (float("nan"), 0)
        if row == IN_A_ROW:
            return begun
    return float("nan")


def figures_of(
    timeline: Iterable[tuple[float, Outcome, float]],
    lengths: Mapping[float, int],
    overload_s: float,
    peak: Capacity,
) -> dict[str, Figure]:
    """Return what requests met in `overload_s` seconds of overload and in the calm after it.

    `timeline` tells for each when it was due, how it ended and how long that took, in seconds (`LoadResult`),
    `lengths` the characters of each by when it was due. At least one request was due during the overload.
    """
    timeline = list(timeline)
    during = [(outcome, took) for due, outcome, took in timeline if due < overload_s]
    answered = sorted(took for outcome, took in during if outcome is Outcome.OK)
    # What was answered by the end of the overload, whenever it was due; what comes after it has the calm for itself.
    by_then = [
        (lengths[due], took)
        for due, outcome, took in timeline
        if outcome is Outcome.OK and due + took <= overload_s
    ]
    refused = [took for outcome, took in during if outcome is not Outcome.OK]
    late = sum(took >= DEADLINE_S / 2 for took in refused)
    kept = len(answered) + late
    # One that was sent late may be answered in time for its deadline and not for its caller.
    in_vain = late + sum(took > 2 * SLO_S for took in answered)
    in_time = [
        (due - overload_s, outcome is Outcome.OK and took <= SLO_S)
        for due, outcome, took in timeline
        if due >= overload_s
    ]
    p99 = answered[min(len(answered) - 1, int(0.99 * len(answered)))] if answered else float("nan")
    peak_characters = overload_s * peak.characters
    return {
        # Of text: long notes are the first that cannot be done in time, so notes a second would flatter.
        "goodput": Figure(sum(length for length, _ in by_then) / peak_characters, "x"),
        "goodput_in_time": Figure(
            sum(length for length, took in by_then if took <= SLO_S) / peak_characters, "x"
        ),
        "goodput_notes": Figure(len(by_then) / overload_s / peak.notes, "x"),
        "refused_share": Figure(len(refused) / len(during), "share"),
        # Of all: what ended in less than half of the deadline, so that its caller could go elsewhere; and what later.
        "refused_at_once": Figure(sum(took < DEADLINE_S / 2 for took in refused) / len(during), "share"),
        "ended_late": Figure(late / len(during), "share"),
        # Of what was not refused at once. A server that keeps nothing answers nothing either.
        "kept_in_vain": Figure(in_vain / kept if kept else 1.0, "share"),
        "kept_past_objective": Figure(
            (late + sum(took > SLO_S for took in answered)) / kept if kept else 1.0, "share"
        ),
        "errors": Figure(sum(outcome is Outcome.ERROR for outcome, _ in during), "requests"),
        "answered_p99": Figure(p99 * 1000, "ms"),
        "recovery": Figure(recovered_after(in_time) * 1000, "ms"),
        # Of the normal load: requests that come in a bunch are late at it too, whatever went before.
        "late_after": Figure(sum(not ok for _, ok in in_time) / max(1, len(in_time)), "share"),
    }


def _middle(values: Sequence[float], unit: str) -> Figure:
    """Return the median of repeats; what never came is later than all that did, and leaves no interval."""
    if all(map(math.isfinite, values)):
        return Figure.median(values, unit)
    return Figure(
        statistics.median(value if math.isfinite(value) else math.inf for value in values),
        unit,
        tuple(values),
    )


def add_load(measured: Measured, name: str, runs: Sequence[Run], overload_s: float) -> None:
    """Add what the runs of a load came to: the middle of each figure, and the timeline of the first."""
    found = [figures_of(one.result.timeline, one.lengths, overload_s, one.peak) for one in runs]
    for kind, first in found[0].items():
        values = [one[kind].value for one in found]
        # Of errors every one counts.
        figure = Figure(sum(values), first.unit) if kind == "errors" else _middle(values, first.unit)
        measured.figures[f"{kind}_{name}"] = figure
    measured.figures[f"peak_{name}"] = Figure.median([one.peak.notes for one in runs], "notes/s")
    measured.histograms[f"latency_{name}"] = latency = Latencies()
    for one in runs:
        latency.add(one.result.latency)
    # Of the first: what became of each request is for the plot.
    result = runs[0].result
    counts = Counter(outcome for due, outcome, _ in result.timeline if due < overload_s)
    measured.details[name] = {
        **result.told(),
        "during": {kind.value: counts[kind] for kind in Outcome},
        "timeline": [
            [round(due, 3), outcome.value, round(took, 4)] for due, outcome, took in result.timeline
        ],
    }


SCENARIO = Scenario(
    "overload", "goodput, refusals, latency and recovery at 150 and 200 % of capacity", measure
)
