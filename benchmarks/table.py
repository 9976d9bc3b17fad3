"""The end of a run in the terminal: targets beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.crosscheck.agreement import Agreement
from benchmarks.scenario import Figure
from benchmarks.targets import Verdict, judged

_STYLE = {Verdict.GOAL: "bold green", Verdict.MET: "green", Verdict.MISS: "bold red", Verdict.STATED: "dim"}


def show(records: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the table of targets, and what failed or was skipped."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Target", "Gate", "Goal", "Measured", ""):
        table.add_column(heading, justify="left" if heading in {"Target", ""} else "right")
    for one in judged(records):
        verdict = one.verdict
        table.add_row(
            one.target.title,
            bound(one.target.gate, one.target.sign),
            bound(one.target.goal, one.target.sign),
            "not measured" if one.measured is None else shown(one.measured),
            "" if verdict is None else f"[{_STYLE[verdict]}]{verdict.value}[/]",
        )
    console.print(table)
    for record in records:
        if reason := record["failure"] or record["skipped_reason"]:
            word = "failed" if record["failure"] else "skipped"
            console.print(f"{record['scenario']}: {word}: {reason}", highlight=False, markup=False)
        show_left_out(record["details"].get("peers", []), console)


def show_left_out(peers: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Print what is missing of peers' figures and why; once for each reason."""
    for title, reason in dict.fromkeys(
        (row["title"], row["skipped_reason"]) for row in peers if row["skipped_reason"]
    ):
        console.print(f"{title}: {reason}", highlight=False, markup=False)


def show_agreement(found: Sequence[Agreement], console: Console) -> None:
    """Print what other generators measured beside ours."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Generator", "Arrivals", "p50: theirs", "ours", "p99: theirs", "ours"):
        table.add_column(heading, justify="left" if heading in {"Generator", "Arrivals"} else "right")
    for one in found:
        cells = [
            f"{number(side[name])} ms" if side else ""
            for name in ("p50_ms", "p99_ms")
            for side in (one.theirs, one.ours)
        ]
        table.add_row(one.generator, one.arrivals, *cells)
    console.print(table)
    for one in found:
        if one.skipped_reason:
            console.print(f"{one.generator}: skipped: {one.skipped_reason}", highlight=False, markup=False)


def show_versions(found: Mapping[str, Mapping[str, Figure]], console: Console) -> None:
    """Print what two versions of the server measured by turns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Measure", "This", "Other", "Times as good"):
        table.add_column(heading, justify="left" if heading == "Measure" else "right")
    for name, sides in found.items():
        this, other, times = (shown(sides[side].told()) for side in ("this", "other", "times"))
        table.add_row(name, this, other, times)
    console.print(table)


def shown(figure: Mapping[str, Any]) -> str:
    """Return a figure for a person: value, unit and, in brackets, its interval."""
    if figure["value"] is None:
        return "nothing to measure"
    text = f"{number(figure['value'])} {figure['unit']}".removesuffix(" share")
    if figure["interval"] is not None and None not in figure["interval"]:
        low, high = figure["interval"]
        text += f" [{number(low)}, {number(high)}]"
    return text


def bound(value: float | None, sign: str) -> str:
    """Return a gate or a goal for a person."""
    return "" if value is None else f"{sign} {number(value)}"


def number(value: float) -> str:
    """Return a number with the digits that say something."""
    if value == int(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
