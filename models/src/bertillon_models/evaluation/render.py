"""Shows tables of figures: on a terminal, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import rich.table

from bertillon_models.evaluation.figures import Table
from bertillon_models.evaluation.quantisation import INT8_AGAINST_FP32
from bertillon_models.evaluation.suite import Results


def for_terminal(table: Table) -> rich.table.Table:
    """Return the table for a terminal."""
    shown = rich.table.Table(title=_title(table))
    shown.add_column("figure")
    for column in table.columns:
        shown.add_column(column, justify="right")
    for cells in _cells(table):
        shown.add_row(*cells)
    return shown


def as_markdown(heading: str, facts: Mapping[str, str], results: Results, notices: Iterable[str]) -> str:
    """Return a report: what was run and where, the tables, int8 against fp32, and what was left out."""
    lines = [f"# {heading}", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    for table in results.tables:
        lines += ["", f"## {_title(table)}", "", *_markdown(table)]
    if results.fidelity:
        lines += ["", f"## {INT8_AGAINST_FP32}"]
    for table in results.fidelity:
        lines += ["", f"### {_title(table)}", "", *_markdown(table)]
    left_out = list(notices)
    if left_out:
        lines += ["", "## Left out or to be known", "", *(f"- {notice}" for notice in left_out)]
    return "\n".join(lines) + "\n"


def _markdown(table: Table) -> Iterable[str]:
    yield _row(["figure", *table.columns])
    yield _row(["---", *["---:"] * len(table.columns)])
    for cells in _cells(table):
        yield _row(cells)


def _title(table: Table) -> str:
    return f"{table.title}: {table.units:,} {table.unit}"


def _cells(table: Table) -> Iterable[list[str]]:
    for name, row in table.rows.items():
        yield [name, *(str(row[column]) if column in row else "" for column in table.columns)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
