"""Scores coded notes: what the service lists for an encounter against what people listed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bertillon_models.corpus import corpus_notes, fitting_part
from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.intervals import Interval, bootstrap, precision_recall_f1
from bertillon_models.evaluation.local import SYSTEM, LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, DataError, Profile, comparable, read_notes
from bertillon_server.coding.results import CodingOptions, NoteInput

# Bins of the expected calibration error.
_BINS = 15
# All codes are wanted for the ranked list, so the threshold is applied here rather than in the pipeline.
_EVERYTHING = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % bootstrap interval over notes."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What a system reached on a set: names of figures to their values."""

    system: str
    notes: int
    figures: dict[str, Figure]
    plain: dict[str, float]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Codes of one note with their confidence, best first, and those at or above the threshold."""

    ranked: tuple[tuple[str, float], ...]
    listed: frozenset[str]


def score(
    system: str, notes: Sequence[CodedNote], predictions: Sequence[Prediction], *, seed: int = 0
) -> Scores:
    """Score predictions; codes on both sides are already comparable."""
    exact = _counts(notes, predictions, lambda code: code)
    category = _counts(notes, predictions, lambda code: code[:3])
    counts = np.hstack([exact, category])
    values = precision_recall_f1(counts.sum(axis=0, keepdims=True))[0]
    intervals = bootstrap(counts, precision_recall_f1, seed=seed)
    names = [f"{level} {name}" for level in ("exact", "category") for name in ("P", "R", "F1")]
    figures = {
        name: Figure(float(value), interval.low, interval.high)
        for name, value, interval in zip(names, values, intervals, strict=True)
    }
    figures |= _ranking(notes, predictions, seed)
    gold = [note.codes for note in notes]
    plain = {
        "codes per note": float(np.mean([len(p.listed) for p in predictions])),
        "gold codes per note": float(np.mean([len(codes) for codes in gold])),
        "ECE": _calibration_error(gold, predictions),
    }
    return Scores(system, len(notes), figures, plain)


def _counts(
    notes: Sequence[CodedNote], predictions: Sequence[Prediction], level: Callable[[str], str]
) -> NDArray[np.float64]:
    rows = []
    for note, prediction in zip(notes, predictions, strict=True):
        gold, listed = set(map(level, note.codes)), set(map(level, prediction.listed))
        rows.append((len(gold & listed), len(listed), len(gold)))
    return np.array(rows, np.float64)


def _ranking(notes: Sequence[CodedNote], predictions: Sequence[Prediction], seed: int) -> dict[str, Figure]:
    names = ("MAP", "P@5", "R@5", "R@10", "R@50")
    rows = []
    for note, prediction in zip(notes, predictions, strict=True):
        if not note.codes:
            continue
        hits = np.array([code in note.codes for code, _ in prediction.ranked], np.float64)
        places = np.flatnonzero(hits)
        precision = sum(hits[: place + 1].sum() / (place + 1) for place in places) / len(note.codes)
        recalls = [hits[:depth].sum() / len(note.codes) for depth in (5, 10, 50)]
        rows.append((1.0, precision, hits[:5].sum() / 5, *recalls))
    counts = np.array(rows, np.float64)

    def means(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return sums[:, 1:] / sums[:, :1]

    values = means(counts.sum(axis=0, keepdims=True))[0]
    intervals: Iterable[Interval] = bootstrap(counts, means, seed=seed)
    return {
        name: Figure(float(value), interval.low, interval.high)
        for name, value, interval in zip(names, values, intervals, strict=True)
    }


def _calibration_error(gold: Sequence[frozenset[str]], predictions: Sequence[Prediction]) -> float:
    pairs = np.array(
        [
            (confidence, code in codes)
            for codes, prediction in zip(gold, predictions, strict=True)
            for code, confidence in prediction.ranked
        ],
        np.float64,
    ).reshape(-1, 2)
    if not len(pairs):
        return float("nan")
    bins = np.minimum((pairs[:, 0] * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(pairs[bins == b, 0].mean() - pairs[bins == b, 1].mean()) * (bins == b).mean()
        for b in range(_BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def predict(
    coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile
) -> tuple[list[Prediction], float, int]:
    """Code notes; return the predictions, the seconds a note took, and how many codes were not billable."""
    options = CodingOptions(profile=profile.coding, min_confidence=_EVERYTHING)
    threshold = coder.knowledge.calibration.profiles[profile.coding].threshold
    predictions = []
    unbillable = 0
    began = time.perf_counter()
    for note in track(notes, "coding", console=Console(stderr=True), transient=True):
        summary = coder.code(NoteInput(text=note.text, setting=note.setting, options=options)).summary
        ranked = sorted(((c.code.code, c.confidence) for c in summary.codes), key=lambda pair: -pair[1])
        unbillable += sum(not coder.knowledge.codes.is_billable(code) for code, _ in ranked)
        predictions.append(_prediction(ranked, threshold, profile))
    return predictions, (time.perf_counter() - began) / max(1, len(notes)), unbillable


def _prediction(ranked: Sequence[tuple[str, float]], threshold: float, profile: Profile) -> Prediction:
    best: dict[str, float] = {}
    for code, confidence in ranked:
        best.setdefault(profile.comparable(code), confidence)
    return Prediction(
        tuple(best.items()), frozenset(code for code, confidence in best.items() if confidence >= threshold)
    )


def excludes1_violations(coder: LocalCoder, predictions: Sequence[Prediction]) -> int:
    """Return the number of pairs of listed codes that an Excludes1 note keeps apart."""
    pairs = (
        (one, other)
        for prediction in predictions
        for one in prediction.listed
        for other in prediction.listed
        if one < other
    )
    return sum(coder.catalog.excludes1(SYSTEM, coder.release, one, other) is not None for one, other in pairs)


@click.command("evaluate-notes")
@click.option(
    "--notes", "path", type=click.Path(path_type=Path, exists=True), help="Coded notes, JSON lines."
)
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), help="Folder of annotated notes.")
@click.option("--held-back", is_flag=True, help="Of the corpus, only the notes that fitted no weights.")
@click.option("--bundle", type=click.Path(path_type=Path), default=Path("models/current"), show_default=True)
@click.option(
    "--profile", type=click.Choice([p.value for p in Profile]), default="encounter", show_default=True
)
@click.option(
    "--floor",
    "terms",
    type=click.Path(path_type=Path, exists=True),
    help="terms.tsv: score the dictionary too.",
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def notes_command(
    *,
    path: Path | None,
    corpus: Path | None,
    held_back: bool,
    bundle: Path,
    profile: str,
    terms: Path | None,
    style: str,
    seed: int,
) -> None:
    """Score the service's codes on a set of coded notes, beside the untrained dictionary floor."""
    if (path is None) == (corpus is None):
        raise click.UsageError("give either --notes or --corpus")
    chosen = Profile(profile)
    coder = LocalCoder(bundle)
    try:
        if corpus is not None:
            read = corpus_notes(corpus, coder.billable)
            if held_back:
                read = [note for note in read if note not in fitting_part(read)]
        else:
            read = list(read_notes(Path(str(path))))
    except DataError as error:
        raise click.ClickException(str(error)) from None
    notes = comparable(read, chosen)
    predictions, seconds, unbillable = predict(coder, notes, chosen)
    own = score(coder.knowledge.versions.model, notes, predictions, seed=seed)
    own.plain["seconds per note"] = seconds
    own.plain["codes not billable"] = unbillable
    own.plain["Excludes1 violations"] = excludes1_violations(coder, predictions)
    reports = [own]
    if terms is not None:
        floor = DictionaryFloor(terms, coder.billable)
        guessed = [frozenset(map(chosen.comparable, floor.codes(note.text))) for note in notes]
        reports.append(
            score(
                "dictionary floor",
                notes,
                [Prediction(tuple((code, 1.0) for code in sorted(codes)), codes) for codes in guessed],
                seed=seed,
            )
        )
    if style == "json":
        click.echo(json.dumps([asdict(report) for report in reports], indent=2))
    else:
        Console().print(_table((path or corpus or bundle).name, chosen, reports))


def _table(source: str, profile: Profile, reports: Sequence[Scores]) -> Table:
    table = Table(
        title=f"{source}: {reports[0].notes} notes, profile {profile.value}, 95 % intervals over notes"
    )
    table.add_column("figure")
    for report in reports:
        table.add_column(report.system, justify="right")
    for name in reports[0].figures:
        figures = [report.figures[name] for report in reports]
        table.add_row(name, *(f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in figures))
    for name in reports[0].plain:
        table.add_row(name, *(f"{r.plain[name]:.4g}" if name in r.plain else "" for r in reports))
    return table
