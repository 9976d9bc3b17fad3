"""Evaluates the rules of assertion: precision, recall and F1 of each class, with intervals over sentences."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from bertillon_models.evaluation.assertion_sets import Example, Malformed, read
from bertillon_models.evaluation.intervals import Interval, bootstrap, precision_recall_f1
from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion

# Sets that only tell negated from not: every other assertion counts as affirmed.
_AFFIRMED = "AFFIRMED"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its 95 % interval; NaN where it is undefined."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is recognised; `gold` and `predicted` count mentions."""

    assertion: str
    gold: int
    predicted: int
    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True, slots=True)
class Part:
    """The scores of one part of a set, or of all of it."""

    name: str
    mentions: int
    sentences: int
    accuracy: float
    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of a set by part, and the rows that could not be used."""

    source: str
    parts: tuple[Part, ...]
    malformed: tuple[Malformed, ...]

    def to_json(self) -> str:
        """Return the report as JSON; undefined figures are null."""
        return json.dumps(_without_nan(asdict(self)), indent=2)


def evaluate(path: Path, *, rules: AssertionRules | None = None, seed: int = 0) -> Report:
    """Judge the mentions of a set (`assertion_sets.read` says which) and score them, part by part and together.

    Intervals resample sentences, since the mentions of one sentence stand or fall together. Raises OSError if
    the file cannot be read and ValueError if it has no usable row.
    """
    rules = rules or AssertionRules()
    rows = list(read(path))
    examples = [row for row in rows if isinstance(row, Example)]
    if not examples:
        raise ValueError(f"{path.name} has no usable row")
    predicted = [_predict(rules, example) for example in examples]
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        if example.part is not None:
            numbers[example.part].append(number)
    numbers["all"] = list(range(len(examples)))
    parts = tuple(
        _score(name, [examples[at] for at in chosen], [predicted[at] for at in chosen], seed)
        for name, chosen in sorted(numbers.items(), key=lambda entry: (entry[0] == "all", entry[0]))
    )
    return Report(path.name, parts, tuple(row for row in rows if isinstance(row, Malformed)))


def _predict(rules: AssertionRules, example: Example) -> str:
    whole = Span(0, len(example.text))
    judgement = rules.judge(example.text, whole, [example.mention], example.section)[0]
    return judgement.assertion.name


def _score(name: str, examples: Sequence[Example], predicted: Sequence[str], seed: int) -> Part:
    golds = {example.gold for example in examples}
    binary = golds <= {_AFFIRMED, Assertion.NEGATED.name}
    if binary:
        predicted = [label if label == Assertion.NEGATED.name else _AFFIRMED for label in predicted]
    order = [Assertion.NEGATED.name, _AFFIRMED] if binary else list(Assertion.__members__)
    classes = [label for label in order if label in golds or label in predicted]
    sentences = {text: row for row, text in enumerate(dict.fromkeys(example.text for example in examples))}
    counts = np.zeros((len(sentences), 3 * len(classes)))
    for example, label in zip(examples, predicted, strict=True):
        row = sentences[example.text]
        counts[row, 3 * classes.index(label) + 1] += 1
        counts[row, 3 * classes.index(example.gold) + 2] += 1
        if label == example.gold:
            counts[row, 3 * classes.index(label)] += 1
    sums = counts.sum(axis=0)
    values = precision_recall_f1(sums[None])[0]
    intervals = bootstrap(counts, precision_recall_f1, seed=seed)
    figures = [Figure(float(value), interval) for value, interval in zip(values, intervals, strict=True)]
    scores = tuple(
        ClassScore(label, int(sums[3 * at + 2]), int(sums[3 * at + 1]), *figures[3 * at : 3 * at + 3])
        for at, label in enumerate(classes)
    )
    accuracy = float(sums[0::3].sum()) / len(examples)
    return Part(name, len(examples), len(sentences), accuracy, scores)


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _table(report: Report) -> Table:
    table = Table(title=f"Assertion on {report.source} (95 % intervals over sentences)")
    for column in ("part", "class"):
        table.add_column(column)
    for column in ("gold", "predicted", "precision", "recall", "F1"):
        table.add_column(column, justify="right")
    for part in report.parts:
        for score in part.classes:
            figures = (_cell(score.precision), _cell(score.recall), _cell(score.f1))
            table.add_row(part.name, score.assertion, str(score.gold), str(score.predicted), *figures)
        table.add_section()
    return table


def _cell(figure: Figure) -> str:
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} ({figure.interval.low:.3f}-{figure.interval.high:.3f})"


@click.command("evaluate-assertions")
@click.option(
    "--negex",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the NegEx test kit; scores its negated class, odd and even lines apart.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON lines {"text", "start", "end", "assertion"}, with "section" and "split" where there are any.',
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def assertions_command(folder: Path | None, file: Path | None, style: str, seed: int) -> None:
    """Score the rules of assertion on a set, class by class."""
    path = file if folder is None else folder
    if path is None or (folder is not None and file is not None):
        raise click.UsageError("give one of --negex and --file")
    try:
        report = evaluate(path, seed=seed)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise click.ClickException(f"cannot evaluate {path}: {reason}") from None
    for row in report.malformed:
        click.echo(f"skipped {row}", err=True)
    if style == "json":
        click.echo(report.to_json())
    else:
        Console(width=120).print(_table(report))
