from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks.cli import NAMES, cli
from benchmarks.crosscheck.agreement import Agreement
from benchmarks.load.generator import GeneratorLagError, LoadResult
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.runner import run
from benchmarks.scenario import Bench, Figure, Measured, Scenario, Skipped
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.profile import amdahl
from benchmarks.table import show, show_agreement
from benchmarks.targets import TARGETS, Verdict, judged
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bertillon import BertillonError

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


def broken(bench: Bench) -> Measured:
    del bench
    raise BertillonError("no answer")


def skipped(bench: Bench) -> Measured:
    del bench
    raise Skipped("there is no such machine")


def test_what_fails_or_cannot_run_is_recorded_with_the_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    bench = Bench(BUNDLE, ("Gout.",), 7, is_full=False, steps=lambda *_: contextlib.nullcontext(lambda: None))
    scenarios = [
        Scenario("late", "", lagged),
        Scenario("broken", "", broken),
        Scenario("absent", "", skipped),
        Scenario("drain", "", measured),
    ]
    run(scenarios, bench, tmp_path, Console(file=io.StringIO()))
    late, broke, absent, drain = (
        json.loads((tmp_path / f"{one.name}.json").read_text()) for one in scenarios
    )
    assert "could not keep up" in late["failure"]
    assert broke["failure"] == "BertillonError: no answer"
    assert absent["skipped_reason"] == "there is no such machine"
    assert (drain["failure"], drain["skipped_reason"]) == (None, None)
    assert drain["figures"]["rates"] == {
        "value": 2.0,
        "unit": "notes/s",
        "repeats": [1.0, 3.0, 2.0],
        "interval": [1.0, 3.0],
    }
    assert drain["settings"] == {"full": False, "seed": 7, "notes": 1, "flags": []}


def test_two_repeats_have_no_interval() -> None:
    assert Figure.median([1.0, 3.0], "notes/s").interval is None
    assert Figure.ratio([2.0, 3.0], [1.0, 1.0]).interval is None


@given(st.integers(10, 400), st.sampled_from([50, 90, 99]))
def test_the_interval_of_a_percentile_holds_it_and_is_wider_with_fewer_calls(
    count: int, percent: int
) -> None:
    few, many = (Latencies(n / count for n in range(1, count + 1) for _ in range(times)) for times in (1, 16))
    (low, high), (lower, higher) = (one.interval(percent) or (0.0, 0.0) for one in (few, many))
    assert low <= few.percentile(percent) <= high
    assert lower <= many.percentile(percent) <= higher
    assert higher - lower <= high - low


def test_a_percentile_of_a_handful_of_calls_has_no_interval() -> None:
    assert Latencies([0.1] * 9).interval(50) is None


@pytest.mark.parametrize(("cores", "times"), [(1, 1.0), (2, 1 / 0.55), (8, 1 / 0.2125)])
def test_more_cores_help_by_amdahl_s_law(cores: float, times: float) -> None:
    assert amdahl(0.1, cores) == pytest.approx(times)


def test_peers_are_left_to_their_own_command_unless_they_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen: list[str] = []

    def run_none(scenarios: Sequence[Scenario], *_: object) -> list[dict[str, Any]]:
        chosen[:] = [one.name for one in scenarios]
        return []

    monkeypatch.setattr("benchmarks.cli.run_scenarios", run_none)
    ended = CliRunner().invoke(cli, ["run", "--out", str(tmp_path)])
    assert chosen == [name for name in NAMES if name != "peers"]
    assert "python -m benchmarks peers run" in ended.output
    CliRunner().invoke(cli, ["run", "peers", "--out", str(tmp_path)])
    assert chosen == ["peers"]


def test_peers_that_were_left_out_are_told_below_the_table_once_for_each_reason() -> None:
    out = io.StringIO()
    rows = [{"title": "Ray", "skipped_reason": "no disk"}] * 2 + [{"title": "Mosec", "skipped_reason": None}]
    record: dict[str, Any] = {"scenario": "peers", "figures": {}, "failure": None, "skipped_reason": None}
    show([record | {"details": {"peers": rows}}], Console(file=out, width=100))
    assert out.getvalue().count("Ray: left out: no disk") == 1
    assert "Mosec" not in out.getvalue()


def test_a_ratio_is_told_with_the_ratio_of_each_pair() -> None:
    told = Figure.ratio([2.0, 6.0, 5.0], [1.0, 2.0, 2.0]).told()
    assert told["repeats"] == [2.0, 3.0, 2.5]
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
