from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.cli import cli
from benchmarks.load.latencies import Latencies
from benchmarks.page import page
from benchmarks.page.axes import Axis, linear, logarithmic
from benchmarks.page.differences import differences
from benchmarks.page.plots import WIDTH, Bar, bars
from benchmarks.targets import judged
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

STACKS = [
    [
        [
            "Coder.read (bertillon_server/coding/coder.py)",
            "read_section (bertillon_server/coding/reading.py)",
        ],
        30,
    ],
    [["Encoder.encode (bertillon_server/inference/encoder.py)"], 70],
]


def figure(value: float | None, unit: str = "ms", **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "repeats": [], "interval": None} | more


def record(scenario: str, figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    environment = {"cores": 2, "cpu": "A <processor>", "load_average": [0.1], "revision": "abc", "at": "2026"}
    return {
        "scenario": scenario,
        "about": "what it measures",
        "figures": figures,
        "histograms": {},
        "details": {},
        "environment": environment,
        "settings": {"full": False},
        "failure": None,
        "skipped_reason": None,
        "seconds": 1.0,
    } | more


def run_of(rate: float, p99: float) -> dict[str, Any]:
    return {"rate": rate, "latency": {"p50_ms": p99 / 2, "p99_ms": p99}}


def records() -> list[dict[str, Any]]:
    latencies = {"note": Latencies([0.03, 0.04]).encoded(), "section": Latencies([0.005]).encoded()}
    trial = {"rate": 5.0, "goodput": 4.9, "runs": [run_of(5.0, 120.0)]}
    spent = {"encoder": 70.0, "reading": 30.0}
    shares = ["cpu_per_note", "outside_encoder", "serial_share", "most_cores_a_process"]
    speedups = ["speedup_on_8_cores_1_process", "speedup_on_8_cores_4_processes"]
    return [
        record("single-stream", {"note_p50": figure(28.4), "note_p99": figure(95.0)}, histograms=latencies),
        record(
            "server",
            {"sustained_rate": figure(5.0, "notes/s"), "objective": figure(250.0)},
            details={"search": [trial], "curve": [trial]},
        ),
        record(
            "overload",
            {
                "peak_at_200": figure(8.0, "notes/s"),
                "goodput_at_200": figure(0.97, "x", interval=[0.96, 0.98]),
            },
            details={"at_200": {"timeline": [[0.1, "ok", 0.05], [1.2, "shed", 0.01]]}},
        ),
        record(
            "profile",
            {name: figure(0.3, "share") for name in [*shares, *speedups]},
            details={"stages_ms": spent, "stacks": STACKS},
        ),
        record("soak", {"slope": figure(1.0)}, details={"notes": 10, "samples": [[0, 250.0], [10, 260.0]]}),
        record(
            "peers",
            {},
            details={
                "peers": [
                    {
                        "peer": "fastapi",
                        "metric": "rate",
                        "ratio": 2.5,
                        "interval": [2.0, 3.0],
                        "outputs_equal": True,
                    },
                    {"peer": "triton", "metric": "rate", "ratio": None, "skipped_reason": "no <glibc>"},
                ]
            },
        ),
        record("workers", {}, skipped_reason="this server has no such option"),
        record("mixed", {}, failure="the generator could not keep up"),
    ]


def test_the_page_shows_targets_plots_peers_and_what_went_wrong() -> None:
    html = page(records())
    cells = [re.findall(r"<td.*?>(.*?)</td>", row) for row in html.split("<tr>")]
    rows = [
        tuple(re.sub("<.*?>", "", cell) for cell in (row[0], row[3], row[5]))
        for row in cells
        if len(row) == 6
    ]
    assert ("One note, idle: p50", "28.4 ms", "goal") in rows
    assert ("One note, idle: p99", "95 ms", "miss") in rows
    assert ("Goodput at 200 % load, of the peak, as text", "0.97 x", "met") in rows
    for title in (
        "Latency at an idle server",
        "Latency over load",
        "Overload at 200 %",
        "Flame graph",
        "Memory over",
    ):
        assert title in html
    assert "2.5 x [2, 3]" in html
    assert "triton: no &lt;glibc&gt;" in html
    assert "skipped: this server has no such option" in html
    assert "failed: the generator could not keep up" in html
    assert "<processor>" not in html


def test_nothing_in_the_page_is_loaded_from_elsewhere() -> None:
    assert re.findall(r"(?:src|href|url)\s*[=(]", page(records())) == []


def test_a_page_of_one_scenario_has_no_empty_parts() -> None:
    html = page(records()[:1])
    assert re.findall(r"<h2>(.*?)</h2>", html) == ["Latency", "Everything that was measured"]


def test_a_busy_machine_is_told() -> None:
    busy = records()
    busy[2]["environment"]["load_average"] = [9.0]
    assert "The machine was not idle" in page(busy)
    assert "The machine was not idle" not in page(records())


def test_records_of_several_revisions_are_no_one_run() -> None:
    several = records()
    several[0]["environment"] |= {"revision": "def", "modified": True}
    assert "Revision abc, def with changes" in page(several)
    assert "no one run" in page(several)
    assert "no one run" not in page(records())


def test_records_of_other_bundles_flags_notes_or_seeds_are_no_one_run_and_the_page_says_which() -> None:
    same: dict[str, Any] = {
        "full": False,
        "seed": 7,
        "notes": 12,
        "characters": 900,
        "flags": ["--threads=1"],
    }
    sample = same | {"notes": "the sample note", "characters": None}
    one = record("offline", {}, settings=same, model="a/1")
    alike = [one, record("streaming", {}, settings=sample, model="a/1")]
    assert differences(alike) == []
    assert "bundle a/1, 2026" in page(alike)
    others: dict[str, dict[str, Any]] = {
        "bundle: a/1 (offline); b/2 (server)": {"model": "b/2"},
        "server flags: --threads=1 (offline); none (server)": {"settings": same | {"flags": []}},
        "number of notes: 12 (offline); 13 (server)": {"settings": same | {"notes": 13}},
        "characters of all notes: 900 (offline); 901 (server)": {"settings": same | {"characters": 901}},
        "seed: 7 (offline); 8 (server)": {"settings": same | {"seed": 8}},
    }
    for aspect, other in others.items():
        mixed = [one, record("server", {}, **({"settings": same, "model": "a/1"} | other))]
        assert differences(mixed) == [aspect]
        assert aspect in page(mixed)
        assert "no one run" in page(mixed)


def test_a_distribution_of_calls_that_nobody_answered_is_left_out() -> None:
    nobody = [record("mixed", {}, histograms={"section_alone": Latencies().encoded()})]
    assert "section beside bulk" not in page(nobody)
    nobody[0]["histograms"]["section_beside_bulk"] = Latencies([0.01]).encoded()
    html = page(nobody)
    assert "bulk saturates the server" in html
    assert "idle server<" not in html


def test_what_failed_and_what_was_not_measured_is_counted() -> None:
    assert "not measured. Scenarios that failed: 1." in page(records())


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    for one in records():
        (tmp_path / f"{one['scenario']}.json").write_text(json.dumps(one))
    out = tmp_path / "pages" / "report.html"
    ended = CliRunner().invoke(cli, ["report", str(tmp_path), "-o", str(out)])
    assert ended.exit_code == 0, ended.output
    unmeasured = sum(one.measured is None for one in judged(records()))
    assert f"8 scenarios, 1 failed; 2 targets missed, {unmeasured} not measured" in ended.output
    assert out.read_text().startswith("<!doctype html>")


def test_files_that_are_no_records_are_named_and_left_out(tmp_path: Path) -> None:
    whole = json.dumps(records()[0])
    (tmp_path / "single-stream.json").write_text(whole)
    (tmp_path / "cut.json").write_text(whole[: len(whole) // 2])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "crosscheck.json").write_text(json.dumps({"rate": 8.0, "generators": []}))
    (tmp_path / "list.json").write_text("[1]")
    out = tmp_path / "report.html"
    ended = CliRunner().invoke(cli, ["report", str(tmp_path), "-o", str(out)])
    assert ended.exit_code == 0, ended.output
    assert f"{tmp_path / 'cut.json'}: left out: no JSON, or cut short" in ended.output
    assert f"{tmp_path / 'binary.json'}: left out: no JSON, or cut short" in ended.output
    for name in ("crosscheck", "list"):
        assert f"{tmp_path / name}.json: left out: no record of a scenario" in ended.output
    assert "1 scenarios, 0 failed" in ended.output


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert ended.exit_code == 1
    assert "begin with `run" in ended.output


@given(values=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20), is_log=st.booleans())
def test_what_is_plotted_stands_within_the_axis_and_in_order(values: list[float], *, is_log: bool) -> None:
    axis = (logarithmic if is_log else linear)(values, 10.0, 200.0)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(10.0 <= place <= 200.0 for place in places)
    ticks = axis.ticks()
    assert all(axis.low <= tick <= axis.high * 1.0001 for tick in ticks)


def test_ticks_are_round() -> None:
    assert Axis(0, 23, 0, 100).ticks() == [0, 5, 10, 15, 20]
    assert Axis(8, 300, 0, 100, is_log=True).ticks() == [10, 20, 50, 100, 200]


@given(
    values=st.lists(st.floats(0.01, 1e3), min_size=1, max_size=8),
    texts=st.lists(st.text("0123456789.x [],", min_size=1, max_size=24), min_size=8, max_size=8),
    spread=st.floats(1, 3),
)
def test_what_is_written_beside_a_bar_ends_within_the_plot(
    values: list[float], texts: list[str], spread: float
) -> None:
    drawn = bars(
        [
            Bar("one", value, text, (value / spread, value * spread))
            for value, text in zip(values, texts, strict=False)
        ]
    )
    written = re.findall(r'<text x="([\d.]+)" y="[\d.]+">([^<]*)</text>', drawn)
    assert len(written) == len(values)
    # 6.5 is the width of a digit at the size of the page's plots.
    assert all(float(x) + 6.5 * len(text) <= WIDTH for x, text in written)
