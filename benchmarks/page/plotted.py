"""The plots of the page: each makes its figures of the records that it needs, none where they are missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.load.latencies import Latencies
from benchmarks.page.flame import colour, flame
from benchmarks.page.plots import Bar, Line, bars, lines
from benchmarks.table import number
from benchmarks.targets import TARGETS

Records = Mapping[str, Mapping[str, Any]]
"""What was recorded, by scenario."""

_HIDDEN_SHARE = 0.001
_MOST_POINTS = 400


def figure(title: str, plot: str, caption: str) -> str:
    """Return a plot with its title and what to see in it; nothing where there is no plot."""
    if not plot:
        return ""
    return f"<figure><h3>{escape(title)}</h3>{plot}<figcaption>{escape(caption)}</figcaption></figure>"


def latencies(records: Records) -> list[str]:
    """Plot distributions of latency."""
    idle = [
        *_distributions(records, "single-stream", {"note": "CodeNote, whole note", "section": "CodeSection"}),
        *_distributions(records, "streaming", {"first_section": "CodeNote, first section"}),
    ]
    names = {"section_alone": "idle server", "section_beside_bulk": "bulk saturates the server"}
    mixed = list(_distributions(records, "mixed", names))
    gate = next(target for target in TARGETS if target.scenario == "mixed").gate
    return [
        figure(
            "Latency at an idle server",
            lines(idle, "milliseconds", "share of calls", x_log=True),
            "One caller, one call at a time, another text each time.",
        ),
        figure(
            "CodeSection beside bulk",
            lines(
                mixed,
                "milliseconds",
                "share of calls",
                x_log=True,
                limit=None if gate is None else (gate, "gate for p99"),
                limit_is_x=True,
            ),
            "Poisson arrivals; latency from the time at which a call was due.",
        ),
    ]


def load(records: Records) -> list[str]:
    """Plot latency and what is answered in time over the load."""
    record = records.get("server")
    if record is None or not record["details"]:
        return []
    objective = record["figures"]["objective"]["value"]
    runs = [
        (run["rate"], run["latency"]["p50_ms"], run["latency"]["p99_ms"])
        for trial in [*record["details"]["search"], *record["details"]["curve"]]
        for run in trial["runs"]
        if run["latency"]
    ]
    runs.sort()
    curve = [
        (trial["rate"], trial["goodput"])
        for trial in sorted(record["details"]["curve"], key=lambda trial: trial["rate"])
    ]
    rate = record["figures"]["sustained_rate"]["value"]
    return [
        figure(
            "Latency over load",
            lines(
                [
                    Line("p99", [(r, p99) for r, _, p99 in runs], has_dots=True),
                    Line("p50", [(r, p50) for r, p50, _ in runs], has_dots=True),
                ],
                "notes offered a second",
                "milliseconds",
                y_log=True,
                limit=(objective, f"objective {number(objective)} ms"),
            ),
            f"Every run of the search and of the curve. 99 % in time up to {number(rate)} notes/s.",
        ),
        figure(
            "Answered in time, over load",
            lines(
                [
                    Line("answered in time", curve, has_dots=True),
                    Line("offered", [(r, r) for r, _ in curve]),
                ],
                "notes offered a second",
                "notes a second",
            ),
            "Where the lines part, callers wait too long or are refused.",
        ),
    ]


def overload(records: Records) -> list[str]:
    """Plot what became of requests, second by second."""
    record = records.get("overload")
    if record is None:
        return []
    plots = []
    for name, told in record["details"].items():
        due: Counter[int] = Counter()
        answered: Counter[int] = Counter()
        for at, outcome, _ in told["timeline"]:
            due[math.floor(at)] += 1
            answered[math.floor(at)] += outcome == "ok"
        seconds = range(max(due) + 1) if due else range(0)
        peak = record["figures"][f"peak_{name}"]["value"]
        plots.append(
            figure(
                f"Overload at {name.removeprefix('at_')} % of capacity",
                lines(
                    [
                        Line("answered", [(second, answered[second]) for second in seconds]),
                        Line("due", [(second, due[second]) for second in seconds]),
                    ],
                    "seconds, by when a note was due",
                    "notes a second",
                    limit=(peak, "capacity"),
                ),
                "What was due and not answered was refused, or not ready within its deadline. Then normal load.",
            )
        )
    return plots


def stages(records: Records) -> str:
    """Draw where processor time goes: bars and a flame graph."""
    record = records.get("profile")
    if record is None or not record["details"]:
        return ""
    spent = record["details"]["stages_ms"]
    total = sum(spent.values())
    told = [
        Bar(stage, ms, f"{number(ms)} ms, {ms / total:.0%}")
        for stage, ms in spent.items()
        if ms > _HIDDEN_SHARE * total
    ]
    keys = "".join(
        f'<span class="key"><i class="f{colour(stage)}"></i>{escape(stage)}</span>' for stage in spent
    )
    figures = record["figures"]
    words = (
        f"{number(figures['cpu_per_note']['value'])} ms of processor time a note, "
        f"{1 - figures['outside_encoder']['value']:.0%} of it in the encoder. What holds the interpreter's lock is "
        f"{figures['serial_share']['value']:.0%}: one process can use "
        f"{number(figures['most_cores_a_process']['value'])} cores at most; on 8 cores, by Amdahl's law, 1 process "
        f"gives {number(figures['speedup_on_8_cores_1_process']['value'])} and 4 give "
        f"{number(figures['speedup_on_8_cores_4_processes']['value'])} times one core."
    )
    drawn = flame((tuple(frames), count) for frames, count in record["details"]["stacks"])
    return f"<p>{escape(words)}</p>{bars(told)}<h3>Flame graph</h3><p>{keys}</p>{drawn}"


def memory(records: Records) -> list[str]:
    """Plot resident memory over notes."""
    record = records.get("soak")
    if record is None or not record["details"]:
        return []
    samples = [(count, mb) for count, mb in record["details"]["samples"]]
    return [
        figure(
            "Memory over notes",
            lines([Line("resident", samples)], "notes coded", "MB"),
            f"{record['details']['notes']:,} notes, no two alike; in the second half "
            f"{number(record['figures']['slope']['value'])} MB more for every 1,000.",
        )
    ]


def peers(records: Records) -> str:
    """Plot what others reach with the same encoder, side by side in one run."""
    record = records.get("peers")
    if record is None:
        return ""
    rows = record.get("peers") or record.get("details", {}).get("peers", [])
    parts = []
    for metric in dict.fromkeys(row["metric"] for row in rows if row.get("ratio") is not None):
        told = [row for row in rows if row["metric"] == metric and row.get("ratio") is not None]
        values = [Bar(row["peer"], row["ratio"], _ratio(row), _edges(row)) for row in told]
        parts.append(
            figure(f"{metric}: Bertillon over the peer", bars(values, mark=(1.0, "equal")), _equality(told))
        )
    skipped = [row for row in rows if row.get("skipped_reason")]
    text = "".join(
        f'<p class="soft">{escape(peer)}: {escape(reason)}</p>'
        for peer, reason in dict.fromkeys((row["peer"], row["skipped_reason"]) for row in skipped)
    )
    return f'<div class="grid2">{"".join(parts)}</div>{text}'


def _ratio(row: Mapping[str, Any]) -> str:
    edges = _edges(row)
    interval = "" if edges is None else f" [{number(edges[0])}, {number(edges[1])}]"
    return f"{number(row['ratio'])} x{interval}"


def _edges(row: Mapping[str, Any]) -> tuple[float, float] | None:
    interval = row.get("interval")
    return None if not interval else (interval[0], interval[1])


def _equality(rows: Sequence[Mapping[str, Any]]) -> str:
    different = [row["peer"] for row in rows if row.get("outputs_equal") is False]
    if different:
        return f"Outputs differ: {', '.join(different)}."
    return "Outputs equal wherever they can be compared."


def _distributions(records: Records, scenario: str, names: Mapping[str, str]) -> Iterable[Line]:
    record = records.get(scenario)
    if record is None:
        return
    for name, shown in names.items():
        if name in record["histograms"]:
            curve = Latencies.decoded(record["histograms"][name]).curve()
            step = max(1, len(curve) // _MOST_POINTS)
            points = [(seconds * 1000, share) for seconds, share in curve]
            # Where nobody was answered there is nothing to draw.
            yield Line(shown, [*points[::step], *points[-1:]], is_stepped=True)
