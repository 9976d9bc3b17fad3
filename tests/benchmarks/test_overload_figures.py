"""What callers met in an overload, and when a server counts as itself again after it."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from benchmarks.load.generator import LoadResult
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.scenario import SLO_S, Measured
from benchmarks.scenarios.offering import Capacity
from benchmarks.scenarios.overload import DEADLINE_S, IN_A_ROW, Run, add_load, figures_of, recovered_after

GOOD = [(0.1 * n, True) for n in range(IN_A_ROW)]


def later(entries: list[tuple[float, bool]], by: float) -> list[tuple[float, bool]]:
    return [(due + by, ok) for due, ok in entries]


def test_a_server_that_answers_in_time_has_recovered_with_the_first_of_them() -> None:
    assert recovered_after(later(GOOD, 0.02)) == pytest.approx(0.02)


def test_a_late_answer_begins_the_row_anew() -> None:
    assert recovered_after([*GOOD[:-1], (0.5, False), *later(GOOD, 1.0)]) == pytest.approx(1.0)


def test_a_late_answer_after_it_changes_nothing() -> None:
    assert recovered_after([*GOOD, (4.9, False)]) == 0


@pytest.mark.parametrize("entries", [[], GOOD[:-1], [(0.0, False)] * 9])
def test_a_server_that_never_does_has_no_recovery(entries: list[tuple[float, bool]]) -> None:
    assert math.isnan(recovered_after(entries))


OVERLOAD_S, PEAK = 1.0, Capacity(notes=4.0, characters=8_000.0)
# Of eight requests two are answered, one of them after the objective; the others are refused or given up.
DURING = [
    (0.0, Outcome.OK, 0.1),
    (0.1, Outcome.OK, SLO_S + 0.1),
    (0.2, Outcome.SHED, 0.01),
    (0.3, Outcome.SHED, 0.01),
    (0.4, Outcome.SHED, 0.01),
    (0.5, Outcome.SHED, DEADLINE_S),
    (0.6, Outcome.ERROR, DEADLINE_S),
    (0.7, Outcome.ERROR, 0.02),
]


def told(timeline: list[tuple[float, Outcome, float]]) -> dict[str, float]:
    # The first is short, all others are long.
    lengths = {due: 3_000 if due else 1_000 for due, _, _ in timeline}
    return {name: figure.value for name, figure in figures_of(timeline, lengths, OVERLOAD_S, PEAK).items()}


def test_goodput_is_the_text_that_was_answered_of_what_a_server_can_do() -> None:
    assert told(DURING)["goodput"] == pytest.approx((1_000 + 3_000) / PEAK.characters)
    assert told(DURING)["goodput_in_time"] == pytest.approx(1_000 / PEAK.characters)
    assert told(DURING)["goodput_notes"] == pytest.approx(2 / PEAK.notes)


def test_an_answer_that_comes_after_the_overload_is_not_part_of_what_was_done_in_it() -> None:
    late = [*DURING, (OVERLOAD_S - 0.05, Outcome.OK, 0.1)]
    assert told(late)["goodput"] == told(DURING)["goodput"]


def test_who_waited_in_vain_is_told_apart_from_who_was_refused_at_once() -> None:
    found = told(DURING)
    assert (found["refused_share"], found["refused_at_once"], found["ended_late"]) == (6 / 8, 4 / 8, 2 / 8)
    assert found["errors"] == 2
    # Two were answered, one of them after the objective, and two were kept waiting for nothing.
    assert found["kept_in_vain"] == 2 / 4
    assert found["kept_past_objective"] == 3 / 4
    too_late = [*DURING, (0.8, Outcome.OK, 2 * SLO_S + 0.01)]
    assert told(too_late)["kept_in_vain"] == 3 / 5


def test_the_latency_of_what_was_answered_is_that_of_the_slowest_answer_of_a_hundred() -> None:
    assert told(DURING)["answered_p99"] == pytest.approx(1000 * (SLO_S + 0.1))


def test_what_comes_after_the_overload_counts_for_recovery_alone() -> None:
    after = [(OVERLOAD_S + 0.3 + 0.1 * n, Outcome.OK, 0.05) for n in range(IN_A_ROW)]
    late = [(OVERLOAD_S + 0.1, Outcome.OK, 2 * SLO_S)]
    found = told([*DURING, *late, *after])
    assert found["recovery"] == pytest.approx(300)
    assert found["late_after"] == pytest.approx(1 / 6)
    assert found["goodput"] == told(DURING)["goodput"]


def test_of_several_repeats_the_middle_one_is_told_and_every_error() -> None:
    measured = Measured()
    runs = []
    for took, errors in ((0.1, 0), (0.2, 5), (0.3, 0)):
        timeline = [(0.0, Outcome.OK, took), *[(0.1, Outcome.ERROR, 0.0)] * errors]
        runs.append(Run(_result(timeline), {0.0: 1_000, 0.1: 1_000}, PEAK, PEAK))
    add_load(measured, "at_200", runs, OVERLOAD_S)
    assert measured.figures["answered_p99_at_200"].value == pytest.approx(200)
    assert measured.figures["errors_at_200"].value == 5
    # None of them was answered in time five times in a row.
    assert measured.figures["recovery_at_200"].told()["value"] is None
    assert measured.figures["recovery_at_200"].interval is None


def _result(timeline: list[tuple[float, Outcome, float]]) -> LoadResult:
    answered = Latencies(took for _, outcome, took in timeline if outcome is Outcome.OK)
    outcomes = Counter(outcome for _, outcome, _ in timeline)
    return LoadResult(
        len(timeline), 1.0, 1.0, 0.1, outcomes, answered, Latencies(), Latencies([0.0]), timeline
    )


def test_a_server_that_answers_nothing_has_no_latency() -> None:
    found = told([(0.0, Outcome.SHED, 0.01)])
    assert math.isnan(found["answered_p99"])
    assert found["kept_in_vain"] == 1
    assert found["goodput"] == 0
