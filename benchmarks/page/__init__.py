"""One HTML page of what was measured, that a person reads in a minute; nothing in it is loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.page import plotted
from benchmarks.page.differences import differences, revision
from benchmarks.page.style import STYLE
from benchmarks.table import bound, number, shown
from benchmarks.targets import Judged, Verdict, judged


def page(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the page; `records` are the JSON files of a run, read."""
    by_name = {record["scenario"]: record for record in records}
    parts = [
        _head(records),
        _targets(judged(records)),
        _section("Latency", _grid(plotted.latencies(by_name))),
        _section("Load", _grid([*plotted.load(by_name), *plotted.overload(by_name)])),
        _section("Where the time of a note goes", plotted.stages(by_name)),
        _section("Against others", plotted.peers(by_name)),
        _section("Memory", _grid(plotted.memory(by_name))),
        _section("Everything that was measured", _details(records)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Bertillon: benchmarks</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(records: Sequence[Mapping[str, Any]]) -> str:
    machine = max(
        (record.get("environment", {}) for record in records), key=lambda one: str(one.get("at", ""))
    )
    verdicts = [one.verdict for one in judged(records)]
    counts = [
        f"{verdicts.count(verdict)} {words}"
        for verdict, words in (
            (Verdict.GOAL, "at the goal"),
            (Verdict.MET, "past the gate"),
            (Verdict.MISS, "missed"),
            (None, "not measured"),
        )
    ]
    failed = sum(bool(record.get("failure")) for record in records)
    units = ", ".join(machine.get("cpu_units", []))
    revisions = sorted({revision(record) for record in records})
    bundles = sorted({str(record.get("model") or "?") for record in records})
    lengths = "full run" if all(record.get("settings", {}).get("full") for record in records) else "short run"
    load = max((record.get("environment", {}).get("load_average", [0])[0] for record in records), default=0)
    facts = (
        f"{machine.get('cores', '?')} cores of {machine.get('cpu', '?')} ({units}), "
        f"{machine.get('memory_gib', '?')} GiB; Linux {machine.get('kernel', '?')}, "
        f"Python {machine.get('python', '?')}, onnxruntime {machine.get('packages', {}).get('onnxruntime', '?')}. "
        f"Revision {', '.join(revisions)}, bundle {', '.join(bundles)}, "
        f"{machine.get('at', '')}, {lengths}."
    )
    busy = ""
    if load > 1 + machine.get("cores", 1):
        busy = (
            f'<p class="note">The machine was not idle: a load average of {number(load)} when a scenario began. '
            "Ratios hold, absolute figures do not.</p>"
        )
    if differ := differences(records):
        lines = "".join(f"<br>{escape(line)}" for line in differ)
        busy += f'<p class="note">The records are no one run. They differ in{lines}</p>'
    head = (
        f"<h1>Bertillon: benchmarks</h1><p>Targets: {', '.join(counts)}. Scenarios that failed: {failed}.</p>"
    )
    return f'{head}<p class="soft">{escape(facts)}</p>{busy}'


def _targets(rows: Sequence[Judged]) -> str:
    lines = []
    for one in rows:
        verdict = one.verdict
        badge = "" if verdict is None else f'<span class="verdict {verdict.value}">{verdict.value}</span>'
        measured = "not measured" if one.measured is None else shown(one.measured)
        value, _, interval = measured.partition(" [")
        lines.append(
            f"<tr><td>{escape(one.target.title)}</td>"
            f'<td class="number">{bound(one.target.gate, one.target.sign)}</td>'
            f'<td class="number">{bound(one.target.goal, one.target.sign)}</td>'
            f'<td class="number"><b>{escape(value)}</b></td>'
            f'<td class="interval">{escape(interval.removesuffix("]"))}</td><td>{badge}</td></tr>'
        )
    headings = (
        '<tr><th></th><th class="number">gate</th><th class="number">goal</th><th class="number">measured</th>'
        "<th>95 % interval</th><th></th></tr>"
    )
    return f"<table>{headings}{''.join(lines)}</table>"


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}" if content else ""


def _grid(figures: Sequence[str]) -> str:
    drawn = [one for one in figures if one]
    return f'<div class="grid2">{"".join(drawn)}</div>' if drawn else ""


def _details(records: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for record in records:
        reason = record.get("failure") or record.get("skipped_reason")
        word = "failed" if record.get("failure") else "skipped"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(shown(told))}</td>"
            f'<td class="interval">{escape(", ".join(_repeat(value) for value in told["repeats"]))}</td></tr>'
            for name, told in record.get("figures", {}).items()
        )
        note = f'<p class="note">{word}: {escape(str(reason))}</p>' if reason else ""
        settings = escape(json.dumps(record.get("settings", {})))
        parts.append(
            f"<details{' open' if reason else ''}><summary><b>{escape(record['scenario'])}</b>: "
            f"{escape(record.get('about', ''))}</summary>{note}"
            f"<table><tr><th>figure</th><th>value</th><th>each repeat</th></tr>{rows}</table>"
            f'<p class="soft">{settings}, {record.get("seconds", "?")} s</p></details>'
        )
    return "".join(parts)


def _repeat(value: float | None) -> str:
    return "none" if value is None else number(value)
