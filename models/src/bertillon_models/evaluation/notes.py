"""Scores coded notes: what the service lists for an encounter against what people listed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.confidence_scores import confidence_figures
from bertillon_models.evaluation.evidence_scores import evidence_figures
from bertillon_models.evaluation.figures import Figure, Row, Table, from_counts, means
from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.local import SYSTEM, Coded, LocalCoder
from bertillon_models.evaluation.note_scores import Prediction, note_figures
from bertillon_models.evaluation.note_sets import CodedNote, Evidence, Profile
from bertillon_server.coding.results import CodingOptions, NoteInput
from bertillon_server.coding.vocabulary import CodingProfile

# All codes are wanted for the ranked list, so the threshold is applied here rather than in the pipeline.
_EVERYTHING = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a system said of each note, and what was counted meanwhile.

    `seconds` are those of each note, empty where they say nothing; `unbillable` and `exclusions` count codes that
    are not billable, and pairs of listed codes that an Excludes1 note keeps apart; None where rules were not applied.
    """

    system: str
    predictions: tuple[Prediction, ...]
    seconds: tuple[float, ...] = ()
    unbillable: int | None = None
    exclusions: int | None = None

    def restricted(self, keep: Callable[[str], bool]) -> Run:
        """Return the run with only the codes that are kept."""
        kept = tuple(
            Prediction(
                tuple(pair for pair in p.ranked if keep(pair[0])),
                frozenset(filter(keep, p.listed)),
                None if p.evidence is None else tuple(e for e in p.evidence if keep(e.code)),
                tuple(filter(keep, p.considered)),
            )
            for p in self.predictions
        )
        return Run(self.system, kept, self.seconds, self.unbillable, self.exclusions)


def predict(coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile) -> Run:
    """Code notes with a bundle."""
    options = CodingOptions(profile=profile.coding, min_confidence=_EVERYTHING)
    threshold = coder.knowledge.calibration.profiles[profile.coding].threshold
    predictions, seconds = [], []
    unbillable = exclusions = 0
    for note in track(notes, "coding", console=Console(stderr=True), transient=True):
        given = NoteInput(
            text=note.text, setting=note.setting, date_of_service=note.date_of_service, options=options
        )
        began = time.perf_counter()
        coded = coder.code(given)
        summary = coded.summary
        seconds.append(time.perf_counter() - began)
        unbillable += sum(not coder.knowledge.codes.is_billable(c.code.code) for c in summary.codes)
        exclusions += _exclusions(coder, [c.code.code for c in summary.codes if c.confidence >= threshold])
        predictions.append(_prediction(coded, threshold, profile))
    return Run(coder.knowledge.versions.model, tuple(predictions), tuple(seconds), unbillable, exclusions)


def floor_run(floor: DictionaryFloor, notes: Sequence[CodedNote], profile: Profile) -> Run:
    """Code notes with the untrained dictionary."""
    guessed = [frozenset(map(profile.comparable, floor.codes(note.text))) for note in notes]
    predictions = tuple(Prediction(tuple((code, 1.0) for code in sorted(codes)), codes) for codes in guessed)
    return Run("dictionary floor", predictions)


def notes_table(title: str, notes: Sequence[CodedNote], runs: Sequence[Run], seed: int) -> Table:
    """Score runs on the same notes, a column each; codes on both sides are already comparable.

    Raises ValueError when there are no notes.
    """
    if not notes:
        raise ValueError(f"{title}: there are no notes")
    columns = {run.system: _figures(notes, run, seed) for run in runs}
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    rows: dict[str, Row] = {
        name: {system: figures[name] for system, figures in columns.items() if name in figures}
        for name in names
    }
    return Table(title, len(notes), "notes", tuple(columns), rows)


def _figures(notes: Sequence[CodedNote], run: Run, seed: int) -> dict[str, Figure]:
    figures = note_figures(notes, run.predictions, seed)
    figures |= evidence_figures(notes, run.predictions, seed)
    if run.unbillable is None:
        # A system without rules has no confidence either.
        return figures | _sizes(notes, run, seed)
    figures |= confidence_figures(notes, run.predictions, seed) | _sizes(notes, run, seed)
    figures["codes not billable"] = Figure(run.unbillable)
    figures["Excludes1 violations"] = Figure(run.exclusions or 0)
    return figures


def _sizes(notes: Sequence[CodedNote], run: Run, seed: int) -> dict[str, Figure]:
    columns: dict[str, Sequence[float]] = {
        "codes per note": [len(p.listed) for p in run.predictions],
        "gold codes per note": [len(note.codes) for note in notes],
    }
    if run.seconds:
        columns["seconds per note"] = run.seconds
    counts = np.array([[1.0] * len(notes), *columns.values()], np.float64).T
    return from_counts(tuple(columns), counts, means, seed)


def _prediction(coded: Coded, threshold: float, profile: Profile) -> Prediction:
    summary = coded.summary
    best: dict[str, float] = {}
    for code in sorted(summary.codes, key=lambda c: -c.confidence):
        best.setdefault(profile.comparable(code.code.code), code.confidence)
    listed = frozenset(code for code, confidence in best.items() if confidence >= threshold)
    evidence = tuple(
        Evidence(profile.comparable(code.code.code), ref.span)
        for code in summary.codes
        if code.confidence >= threshold
        for ref in code.evidence
    )
    # Confidence in what is left out is fitted where all mentions count; in an encounter the rules have the last word.
    all_count = profile.coding is CodingProfile.ALL_MENTIONS
    return Prediction(tuple(best.items()), listed, evidence, _considered(coded, profile) if all_count else ())


def _considered(coded: Coded, profile: Profile) -> tuple[str, ...]:
    """Return every code that a reply names, likeliest first: codes, listed or left out, then alternatives."""
    named = [(code.code.code, code.confidence) for code in coded.summary.codes]
    named += [(code.code.code, code.confidence) for code in coded.summary.suppressed]
    alternatives = [
        (alternative.code.code, alternative.confidence)
        for section in coded.sections
        for mention in section.mentions
        for alternative in mention.alternatives
    ]
    ordered = (*sorted(named, key=lambda pair: -pair[1]), *sorted(alternatives, key=lambda pair: -pair[1]))
    return tuple(dict.fromkeys(profile.comparable(code) for code, _ in ordered))


def _exclusions(coder: LocalCoder, codes: Iterable[str]) -> int:
    ordered = sorted(codes)
    return sum(
        coder.catalog.excludes1(SYSTEM, coder.release, one, other) is not None
        for place, one in enumerate(ordered)
        for other in ordered[place + 1 :]
    )
