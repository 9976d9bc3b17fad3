from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.cli import NAMES, cli
from benchmarks.crosscheck.agreement import Agreement
from benchmarks.load.generator import GeneratorLagError, LoadResult
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.runner import run
from benchmarks.scenario import Bench, Figure, Measured, Scenario, Skipped
from benchmarks.scenarios import SCENARIOS
from benchmarks.table import show_agreement
from benchmarks.targets import TARGETS, Verdict, judged
from click.testing import CliRunner
from rich.console import Console

BUNDLE = Path(__file__).parents[2] / "models" / "current"


def measured(bench: Bench) -> Measured:
    with bench.steps("doing", 2) as done:
        done()
    return Measured({"lost": Figure(0, "requests"), "rates": Figure.median([1.0, 3.0, 2.0], "notes/s")})


def lagged(bench: Bench) -> Measured:
    del bench
    late = Latencies([0.5])
    result = LoadResult(1, 1.0, 1.0, 0.1, Counter({Outcome.OK: 1}), late, Latencies(), late, [])
    raise GeneratorLagError(result, 0.01)


def skipped(bench: Bench) -> Measured:
    del bench
    raise Skipped("there is no such machine")


def test_what_fails_or_cannot_run_is_recorded_with_the_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    bench = Bench(BUNDLE, ("Gout.",), 7, is_full=False, steps=lambda *_: contextlib.nullcontext(lambda: None))
    scenarios = [
        Scenario("late", "", lagged),
        Scenario("absent", "", skipped),
        Scenario("drain", "", measured),
    ]
    run(scenarios, bench, tmp_path, Console(file=io.StringIO()))
    late, absent, drain = (json.loads((tmp_path / f"{one.name}.json").read_text()) for one in scenarios)
    assert "could not keep up" in late["failure"]
    assert absent["skipped_reason"] == "there is no such machine"
    assert (drain["failure"], drain["skipped_reason"]) == (None, None)
    assert drain["figures"]["rates"] == {
        "value": 2.0,
        "unit": "notes/s",
        "repeats": [1.0, 3.0, 2.0],
        "interval": [1.0, 3.0],
    }
    assert drain["settings"] == {"full": False, "seed": 7, "notes": 1, "flags": []}


def test_a_ratio_is_told_with_the_ratio_of_each_pair() -> None:
    told = Figure.ratio([2.0, 6.0], [1.0, 2.0]).told()
    assert told["repeats"] == [2.0, 3.0]
    assert 2.0 <= told["interval"][0] <= told["value"] <= told["interval"][1] <= 3.0


def test_a_figure_that_could_not_be_measured_is_null_and_not_nan() -> None:
    assert Figure(float("nan"), "ms").told()["value"] is None


def test_generators_are_shown_side_by_side_and_one_that_cannot_run_with_the_reason() -> None:
    out = io.StringIO()
    ours = {"p50_ms": 5.0, "p99_ms": 9.0}
    found = [
        Agreement("k6", "even", {"p50_ms": 5.1, "p99_ms": 8.5}, ours),
        Agreement("x", "even", {}, ours, "no disk"),
    ]
    show_agreement(found, Console(file=out, width=100))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[1] == ["k6", "even", "5.1", "ms", "5", "ms", "8.5", "ms", "9", "ms"]
    assert lines[-1] == ["x:", "skipped:", "no", "disk"]


def test_every_target_is_of_a_scenario_that_exists() -> None:
    assert {target.scenario for target in TARGETS} <= set(NAMES)


@pytest.mark.parametrize(
    ("value", "verdict"), [(60, Verdict.MISS), (45, Verdict.MET), (40, Verdict.MET), (30, Verdict.GOAL)]
)
def test_a_figure_is_held_against_gate_and_goal(value: float, verdict: Verdict) -> None:
    target = next(target for target in TARGETS if target.figure == "note_p50")
    assert target.verdict(value) is verdict


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    found = judged([{"scenario": "workers", "figures": {}}])
    assert [(one.measured, one.verdict) for one in found] == [(None, None)]


def test_the_scenarios_are_listed_and_every_command_explains_itself() -> None:
    runner = CliRunner()
    listed = runner.invoke(cli, ["list"]).output
    assert all(f"{scenario.name} " in listed and scenario.about in listed for scenario in SCENARIOS)
    for command in ("run", "report", "crosscheck"):
        shown = runner.invoke(cli, [command, "--help"])
        assert shown.exit_code == 0
        assert "Show this message" in shown.output


def test_a_scenario_that_does_not_exist_is_refused_with_those_that_do() -> None:
    refused = CliRunner().invoke(cli, ["run", "nonsense"])
    assert refused.exit_code == 2
    assert "single-stream" in refused.output
