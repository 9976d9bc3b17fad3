"""Shows tables of figures: on a terminal, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import rich.table

from bertillon_models.evaluation.figures import Table


def for_terminal(table: Table) -> rich.table.Table:
    """Return the table for a terminal."""
    shown = rich.table.Table(title=_title(table))
    shown.add_column("figure")
    for column in table.columns:
        shown.add_column(column, justify="right")
    for cells in _cells(table):
        shown.add_row(*cells)
    return shown


def as_markdown(
    heading: str, facts: Mapping[str, str], tables: Iterable[Table], notices: Iterable[str]
) -> str:
    """Return a report: what was run and where, the tables, and what was left out."""
    lines = [f"# {heading}", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    for table in tables:
        lines += ["", f"## {_title(table)}", "", _row(["figure", *table.columns])]
        lines += [_row(["---", *["---:"] * len(table.columns)])]
        lines += [_row(cells) for cells in _cells(table)]
    left_out = list(notices)
    if left_out:
        lines += ["", "## Left out or to be known", "", *(f"- {notice}" for notice in left_out)]
    return "\n".join(lines) + "\n"


def _title(table: Table) -> str:
    return f"{table.title}: {table.units:,} {table.unit}"


def _cells(table: Table) -> Iterable[list[str]]:
    for name, row in table.rows.items():
        yield [name, *(str(row[column]) if column in row else "" for column in table.columns)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
