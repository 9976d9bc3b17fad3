"""The command that judges the coding of procedures."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bertillon_models.evaluation.procedures import (
    LevelScore,
    LocalProcedures,
    read_procedure_notes,
    scores,
)
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_server.bundle.loader import BundleError
from bertillon_server.catalog.codes import CatalogError

_WIDTH = 120


@click.command("evaluate-procedures")
@click.argument("notes", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--catalog-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Catalog directory with an imported release of ICD-10-PCS.",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    default=Path("models/current"),
    show_default=True,
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many notes.")
@click.option("--threshold", type=float, default=0.0, show_default=True, help="Least confidence of a code.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def evaluate_procedures(
    *,
    notes: Path,
    catalog_dir: Path,
    bundle: Path,
    limit: int | None,
    threshold: float,
    style: str,
    seed: int,
) -> None:
    """Code the procedures of NOTES, and compare with their gold codes: whole, by body part and by table.

    NOTES is a JSON-lines file with `note_id`, `text` and `procedure_codes`, such as CodiEsp's; every procedure
    that was performed counts, wherever the note tells of it.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        rows = read_procedure_notes(notes, Rejects())[:limit]
        coder = LocalProcedures(bundle, catalog_dir)
    except (BundleError, CatalogError, DataError) as error:
        raise click.ClickException(str(error)) from None
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        coded = [coder.code(row.text) for row in progress.track(rows, description="coding")]
    found = scores(rows, coded, threshold=threshold, seed=seed)
    if style == "json":
        click.echo(json.dumps([asdict(score) for score in found], indent=2))
    else:
        console.print(_table(found, len(rows)))


def _table(found: list[LevelScore], notes: int) -> Table:
    table = Table(title=f"procedures of {notes} notes, 95 % intervals over notes")
    for name in ("level", "gold", "precision", "recall", "F1"):
        table.add_column(name, justify="left" if name == "level" else "right")
    for score in found:
        cells = zip((score.precision, score.recall, score.f1), score.intervals, strict=True)
        figures = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, (low, high) in cells]
        table.add_row(score.level, str(score.n), *figures)
    return table
