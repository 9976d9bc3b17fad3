"""The command that judges the audit: notes of the corpus with one thing made wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bertillon_models import options
from bertillon_models.evaluation.audits import AuditScorer, Score
from bertillon_models.evaluation.corpus_parts import CorpusParts, Part
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_server.bundle.loader import BundleError

_PARTS = (Part.DEV.value, Part.SPECIALTY.value)
_WIDTH = 120


@click.command("evaluate-audit")
@options.corpus
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    default=Path("models/current"),
    show_default=True,
)
@click.option(
    "--split",
    type=click.Choice(_PARTS),
    default=Part.DEV.value,
    show_default=True,
    help="Part of the corpus: dev to choose on, specialty to report.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many notes.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def evaluate_audit(
    *, corpus: Path, bundle: Path, split: str, limit: int | None, style: str, seed: int
) -> None:
    """Audit the annotated notes with one code or word made wrong, and as they are.

    Of each note one code is left out (missed), a wrong one is added (unsupported, conflict), one is made less
    specific (specificity), or the words for an axis are taken out (query). Findings above information count.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        notes = CorpusParts(corpus, Rejects()).notes(Part(split))[:limit]
        scorer = AuditScorer(LocalCoder(bundle))
    except (BundleError, DataError) as error:
        raise click.ClickException(str(error)) from None
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("auditing", total=len(notes))
        scores = scorer.scores(notes, seed=seed, tick=lambda: progress.advance(task))
    if style == "json":
        click.echo(json.dumps([_row(score) for score in scores], indent=2))
    else:
        console.print(_table(scores, split, len(notes)))


def _row(score: Score) -> dict[str, object]:
    low, high = score.interval
    return {"figure": score.name, "n": score.n, "value": score.value, "low": low, "high": high}


def _table(scores: list[Score], split: str, notes: int) -> Table:
    table = Table(title=f"audit of {notes} notes ({split}), 95 % intervals over notes")
    table.add_column("figure")
    table.add_column("n", justify="right")
    table.add_column("value", justify="right")
    for score in scores:
        low, high = score.interval
        table.add_row(score.name, str(score.n), f"{score.value:.3f} [{low:.3f}, {high:.3f}]")
    return table
