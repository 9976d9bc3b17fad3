"""Scores of confidence: calibration error, Brier score, and how much can be taken at which precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_models.evaluation.figures import Curve, Figure, from_counts, named
from bertillon_models.evaluation.intervals import Counts, resampled
from bertillon_models.evaluation.note_scores import Prediction
from bertillon_models.evaluation.note_sets import CodedNote

# Bins of the expected calibration error.
BINS = 15
PRECISIONS = (0.90, 0.95)
# Points of a risk-coverage curve.
_POINTS = 100
# Resamples at once, each over all predictions.
_BLOCK = 100


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Ranked codes of all notes, surest first: confidence, right or not, listed or not, and the row of the note."""

    confidence: NDArray[np.float64]
    right: NDArray[np.float64]
    listed: NDArray[np.float64]
    note: NDArray[np.int64]


def confidence_figures(
    notes: Sequence[CodedNote], predictions: Sequence[Prediction], seed: int
) -> dict[str, Figure]:
    """Return ECE and Brier over all ranked codes, and coverage and recall at fixed precisions.

    Coverage is the share of the listed codes that can be taken, surest first, while the precision of what is
    taken holds; recall is the share of the gold codes found among them.
    """
    pairs = _pairs(notes, predictions)
    if not len(pairs.right):
        return {}
    counts = _bin_counts(pairs, len(notes))
    figures = from_counts(("ECE", "Brier"), counts, _ece_and_brier, seed)
    gold = np.array([len(note.codes) for note in notes], np.float64)

    def coverage(weights: Counts) -> Counts:
        drawn = weights[:, pairs.note] * pairs.listed
        taken, right = drawn.cumsum(axis=1), (drawn * pairs.right).cumsum(axis=1)
        columns = []
        for precision in PRECISIONS:
            holds = (right >= precision * taken) & (taken > 0)
            most = np.where(holds, taken, 0).max(axis=1)
            found = np.where(holds, right, 0).max(axis=1)
            columns += [_ratio(most, taken[:, -1]), _ratio(found, weights @ gold)]
        return np.stack(columns, axis=1)

    names = [
        f"{what} at {precision:.0%} precision" for precision in PRECISIONS for what in ("coverage", "recall")
    ]
    values = coverage(np.ones((1, len(notes))))[0].tolist()
    return figures | named(names, values, resampled(len(notes), coverage, seed=seed, block=_BLOCK))


def reliability(notes: Sequence[CodedNote], predictions: Sequence[Prediction]) -> Curve:
    """Return the mean confidence and the share that is right, by bin of confidence; weights count codes."""
    pairs = _pairs(notes, predictions)
    bins = _bins(pairs.confidence)
    used = [b for b in range(BINS) if (bins == b).any()]
    points = tuple(
        (float(pairs.confidence[bins == b].mean()), float(pairs.right[bins == b].mean())) for b in used
    )
    return Curve(points, tuple(int((bins == b).sum()) for b in used))


def risk_coverage(notes: Sequence[CodedNote], predictions: Sequence[Prediction]) -> Curve:
    """Return the share of listed codes that is taken, surest first, and the share of wrong ones among them."""
    pairs = _pairs(notes, predictions)
    right = pairs.right[pairs.listed > 0]
    if not len(right):
        return Curve(())
    number = np.arange(1, len(right) + 1)
    risk = 1 - right.cumsum() / number
    chosen = np.unique(np.linspace(0, len(right) - 1, _POINTS).round().astype(int))
    return Curve(tuple((float(number[i] / len(right)), float(risk[i])) for i in chosen))


def _pairs(notes: Sequence[CodedNote], predictions: Sequence[Prediction]) -> _Pairs:
    rows = [
        (confidence, code in note.codes, code in prediction.listed, number)
        for number, (note, prediction) in enumerate(zip(notes, predictions, strict=True))
        for code, confidence in prediction.ranked
    ]
    table = np.array(rows, np.float64).reshape(-1, 4)
    table = table[np.argsort(-table[:, 0], kind="stable")]
    return _Pairs(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int64))


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _bin_counts(pairs: _Pairs, notes: int) -> Counts:
    """Return (notes, bins + 2): by bin, the sum of confidence less right; then codes, then squared errors."""
    counts = np.zeros((notes, BINS + 2))
    np.add.at(counts, (pairs.note, _bins(pairs.confidence)), pairs.confidence - pairs.right)
    counts[:, BINS] = np.bincount(pairs.note, minlength=notes)
    errors = (pairs.confidence - pairs.right) ** 2
    counts[:, BINS + 1] = np.bincount(pairs.note, weights=errors, minlength=notes)
    return counts


def _ece_and_brier(sums: Counts) -> Counts:
    number = sums[:, BINS]
    return np.stack(
        [_ratio(np.abs(sums[:, :BINS]).sum(axis=1), number), _ratio(sums[:, BINS + 1], number)], axis=1
    )


def _ratio(over: Counts, under: Counts) -> Counts:
    ratios = np.full(len(under), np.nan)
    np.divide(over, under, out=ratios, where=under > 0)
    return ratios
