from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks.cli import NAMES, cli
from benchmarks.crosscheck.agreement import Agreement
from benchmarks.load.generator import GeneratorLagError, LoadResult
from benchmarks.load.generator import run as run_loop
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.runner import Stopped, run
from benchmarks.scenario import Bench, Figure, Measured, Scenario, Skipped
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.profile import amdahl
from benchmarks.service import Service
from benchmarks.table import show, show_agreement, shown
from benchmarks.targets import TARGETS, Verdict, judged
from click.testing import CliRunner
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
    assert drain["settings"] == {"full": False, "seed": 7, "notes": 1, "characters": 5, "flags": []}


def stopped_by(number: signal.Signals, ended: Path) -> list[Scenario]:
    """Return scenarios of which the second gets a signal amid its load, and makes a file when it ends."""

    async def under_load() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(30))

    def signalled(bench: Bench) -> Measured:
        del bench
        try:
            run_loop(under_load())
        finally:
            ended.touch()
        raise AssertionError("the signal did not end it")

    return [Scenario("drain", "", measured), Scenario("soak", "", signalled), Scenario("offline", "", broken)]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_with_what_was_finished(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    bench = Bench(BUNDLE, ("Gout.",), 7, is_full=False, steps=lambda *_: contextlib.nullcontext(lambda: None))
    with pytest.raises(Stopped) as stopped:
        run(stopped_by(number, tmp_path / "ended"), bench, tmp_path, Console(file=io.StringIO()))
    assert stopped.value.exit_code == exit_code
    assert [record["scenario"] for record in stopped.value.records] == ["drain"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drain.json", "ended"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_command_prints_what_was_finished_before_a_signal_and_what_was_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    monkeypatch.setattr("benchmarks.cli.SCENARIOS", stopped_by(number, tmp_path / "ended"))
    ended = CliRunner().invoke(cli, ["run", "--out", str(tmp_path)])
    assert ended.exit_code == exit_code
    assert "Requests lost when stopped under load" in ended.output
    assert "not measured: soak, offline" in ended.output


@pytest.mark.parametrize("name", ["file", "folder"])
def test_a_bundle_that_is_none_is_wrong_usage_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    ended = CliRunner().invoke(cli, ["run", "--bundle", str(tmp_path / name), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 2
    assert "Invalid value for --bundle: " in ended.output
    assert str(tmp_path / name) in ended.output
    assert not (tmp_path / "out").exists()


def test_several_workers_are_for_a_scenario_of_their_own(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["run", "--server-flag=--workers=2", "--out", str(tmp_path)])
    assert ended.exit_code == 2
    assert "`run workers`" in ended.output


def test_a_sample_that_each_worker_has_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    one = '# TYPE bertillon_notes counter\nbertillon_notes_total{{code="OK"{}}} 3.0\n'
    server = object.__new__(Service)
    monkeypatch.setattr(Service, "scrape", lambda _: one.format(""))
    assert server.metric("notes_total", code="OK") == 3.0
    assert server.metric("notes_total", code="SHED") == 0.0
    monkeypatch.setattr(Service, "scrape", lambda _: one.format(',worker="0"'))
    with pytest.raises(RuntimeError, match="several workers"):
        server.metric("notes_total", code="OK")


def test_two_repeats_have_no_interval() -> None:
    assert Figure.median([1.0, 3.0], "notes/s").interval is None
    assert Figure.ratio([2.0, 3.0], [1.0, 1.0]).interval is None


@pytest.mark.parametrize(
    ("percent", "calls", "low", "high"), [(50, 100, 40, 61), (90, 100, 84, 97), (99, 1000, 983, 998)]
)
def test_the_interval_of_a_percentile_is_between_two_of_the_calls(
    percent: int, calls: int, low: int, high: int
) -> None:
    edges = Latencies(n / 1000 for n in range(1, calls + 1)).interval(percent)
    assert edges == pytest.approx((low / 1000, high / 1000), rel=2e-3)


def test_intervals_of_percentiles_hold_the_true_one_as_often_as_they_say() -> None:
    draw = random.Random(7)
    for percent, calls in ((50, 20), (50, 100), (90, 100), (99, 600)):
        held = 0
        for _ in range(400):
            edges = Latencies(draw.random() for _ in range(calls)).interval(percent)
            assert edges is not None
            held += edges[0] <= percent / 100 <= edges[1]
        assert held >= 0.92 * 400, (percent, calls, held)


@pytest.mark.parametrize(("percent", "calls"), [(50, 7), (90, 50), (99, 550)])
def test_a_percentile_of_too_few_calls_has_no_interval(percent: int, calls: int) -> None:
    assert Latencies([0.1] * calls).interval(percent) is None


def test_a_server_that_a_signal_ended_has_not_drained() -> None:
    target = next(target for target in TARGETS if (target.scenario, target.figure) == ("drain", "exit_code"))
    assert target.verdict(9) is Verdict.MISS
    assert target.verdict(0) is Verdict.GOAL


def test_what_fails_in_a_group_of_tasks_is_told_by_its_own_name_and_shown_from_where_it_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(bench: Bench) -> Measured:
        raise KeyError(f"no figure of {len(bench.notes)}")

    def grouped(bench: Bench) -> Measured:
        try:
            return absent(bench)
        except KeyError as error:
            raise ExceptionGroup("tasks", [error]) from None

    bench = Bench(BUNDLE, ("Gout.",), 7, is_full=False, steps=lambda *_: contextlib.nullcontext(lambda: None))
    [told] = run([Scenario("one", "", grouped)], bench, tmp_path, Console(file=io.StringIO()))
    assert told["failure"] == "KeyError: 'no figure of 1'"
    assert "in absent" in capsys.readouterr().err


def test_an_interval_without_an_end_is_not_shown() -> None:
    assert shown({"value": 300.0, "unit": "ms", "interval": [None, 300.0]}) == "300 ms"


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
    assert out.getvalue().count("Ray: no disk") == 1
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
