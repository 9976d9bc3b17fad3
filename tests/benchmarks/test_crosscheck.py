"""The other generators: what they say of their own runs decides whether these count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.cli import cli
from benchmarks.crosscheck import k6, loadgen
from benchmarks.crosscheck.agreement import Agreement, UnsoundError
from benchmarks.crosscheck.environments import Unavailable
from click.testing import CliRunner

SUMMARY = """\
================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : Server
Mode     : PerformanceOnly
Completed samples per second    : 8.02
Result is : {result}
  Performance constraints satisfied : {latency}
  Min duration satisfied : {duration}
  Min queries satisfied : Yes
  Early stopping satisfied: {queries}
Early Stopping Result:
 * Run unsuccessful.
 * Processed 240 queries.
 * Would need to run at least 219 more queries,
 with the run being successful if every additional
 query were under latency.

50.00 percentile latency (ns)   : 18200000
90.00 percentile latency (ns)   : 21000000
99.00 percentile latency (ns)   : 27600000
99.90 percentile latency (ns)   : 30000000
"""

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a shell script in the place of a program of an environment."""

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    for generator in (k6, loadgen):
        monkeypatch.setattr(generator, "environment", lambda _: tmp_path)
    return put


def summary(result: str, *, latency: str = "Yes", duration: str = "Yes", queries: str = "Yes") -> str:
    return SUMMARY.format(result=result, latency=latency, duration=duration, queries=queries)


def k6_says(program: Program, **more: Any) -> None:
    values = {"med": 16.1, "p(99)": 20.8, "failed": 0, "dropped": 0} | more
    program("k6", f"echo '{json.dumps(values)}' > \"$SUMMARY\"")


def loadgen_says(program: Program, text: str, failed: list[str]) -> None:
    answers = f"echo '{json.dumps(failed)}' > failed.json"
    program("python", f"cat > mlperf_log_summary.txt <<'END'\n{text}\nEND\n{answers}")


def test_percentiles_of_k6_count_when_it_sent_everything_and_was_answered(program: Program) -> None:
    k6_says(program)
    assert k6.measure("", ["Gout."], 8.0, 20.0).values == {"p50_ms": 16.1, "p99_ms": 20.8}


@pytest.mark.parametrize(
    ("more", "told"),
    [({"dropped": 3}, "3 of its calls were never sent"), ({"failed": 2}, "2 of its calls failed")],
)
def test_k6_has_failed_when_calls_were_dropped_or_failed(
    program: Program, more: dict[str, int], told: str
) -> None:
    k6_says(program, **more)
    with pytest.raises(UnsoundError, match=told):
        k6.measure("", ["Gout."], 8.0, 20.0)


def test_a_generator_that_does_not_run_is_unavailable_with_its_last_words(program: Program) -> None:
    program("k6", "echo no such option >&2; exit 2")
    with pytest.raises(Unavailable, match="no such option"):
        k6.measure("", ["Gout."], 8.0, 20.0)
    program("python", "echo no glibc >&2; exit 1")
    with pytest.raises(Unavailable, match="no glibc"):
        loadgen.measure("", ["Gout."], 8.0, 20.0)


def test_percentiles_of_a_valid_run_of_loadgen_count(program: Program) -> None:
    loadgen_says(program, summary("VALID"), [])
    found = loadgen.measure("", ["Gout."], 8.0, 20.0)
    assert (found.values, found.remark) == ({"p50_ms": 18.2, "p99_ms": 27.6}, "")


def test_a_run_that_is_invalid_for_want_of_queries_alone_counts_with_a_remark() -> None:
    found = loadgen.percentiles_in(summary("INVALID", queries="NO"))
    assert found.values == {"p50_ms": 18.2, "p99_ms": 27.6}
    assert found.remark == "its result is INVALID only for want of queries: MLPerf asks for 219 more"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            summary("INVALID", latency="NO", queries="NO"),
            "INVALID: not satisfied: Performance constraints, Early stopping",
        ),
        (summary("INVALID", duration="NO"), "INVALID: not satisfied: Min duration"),
        (summary("INVALID"), "it says not what"),
        ("", "no result"),
    ],
)
def test_a_run_that_is_invalid_for_anything_else_has_failed(text: str, told: str) -> None:
    with pytest.raises(UnsoundError, match=told):
        loadgen.percentiles_in(text)


def test_loadgen_has_failed_when_calls_failed(program: Program) -> None:
    loadgen_says(program, summary("VALID"), ["UNAVAILABLE", "CANCELLED"])
    with pytest.raises(UnsoundError, match="2 of its calls failed, the first with UNAVAILABLE"):
        loadgen.measure("", ["Gout."], 8.0, 20.0)


def test_a_generator_that_failed_is_told_and_is_a_failure_and_the_file_has_the_seed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = {"p50_ms": 5.0, "p99_ms": 9.0}
    found = [
        Agreement("k6", "even", {}, ours, failure="3 of its calls were never sent"),
        Agreement(
            "MLPerf LoadGen", "Poisson", ours, ours, remark="its result is INVALID only for want of queries"
        ),
        Agreement("wrk", "even", {}, ours, skipped_reason="no disk"),
    ]
    monkeypatch.setattr("benchmarks.crosscheck.crosscheck", lambda *_: found)
    out = tmp_path / "new" / "crosscheck.json"
    ended = CliRunner().invoke(cli, ["crosscheck", "--seed", "11", "--out", str(out)])
    assert ended.exit_code == 1
    assert "k6: failed: 3 of its calls were never sent" in ended.output
    assert "MLPerf LoadGen: its result is INVALID only for want of queries" in ended.output
    told = json.loads(out.read_text())
    assert told["seed"] == 11
    assert told["generators"][0]["failure"] == "3 of its calls were never sent"
    del found[0]
    assert CliRunner().invoke(cli, ["crosscheck"]).exit_code == 0


def test_what_keeps_a_crosscheck_from_its_work_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> list[Agreement]:
        raise RuntimeError("the server did not start:\nno bundle")

    monkeypatch.setattr("benchmarks.crosscheck.crosscheck", fails)
    ended = CliRunner().invoke(cli, ["crosscheck"])
    assert ended.exit_code == 1
    assert ended.output == "Error: the server did not start: no bundle\n"
