"""Scores of evidence: whether a system points where annotators pointed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bertillon_models.evaluation.figures import Figure, from_counts
from bertillon_models.evaluation.intervals import Counts
from bertillon_models.evaluation.note_scores import Prediction
from bertillon_models.evaluation.note_sets import CodedNote, Evidence

_TOKEN = re.compile(r"\w+|[^\w\s]")
_KINDS = ("evidence overlap", "evidence overlap, same code", "evidence token")


def evidence_figures(
    notes: Sequence[CodedNote], predictions: Sequence[Prediction], seed: int
) -> dict[str, Figure]:
    """Return P, R and F1 of spans and of tokens, over the notes in which annotators marked evidence.

    A span is right when it overlaps one of the other side, whatever the code of that one, or one of the same code;
    a token when it lies in a span of both sides.
    """
    rows = [
        _note(note, prediction.evidence)
        for note, prediction in zip(notes, predictions, strict=True)
        if note.evidence is not None and prediction.evidence is not None
    ]
    if not rows:
        return {}
    names = [f"{kind} {figure}" for kind in _KINDS for figure in ("P", "R", "F1")]
    return from_counts(names, np.array(rows, np.float64), two_sided, seed)


def two_sided(sums: Counts) -> Counts:
    """Return (n, 3 x kinds) P, R and F1 from (n, 4 x kinds) sums.

    Columns come in fours: predictions that are right, predictions, gold that is found, gold. F1 is the harmonic mean.
    """
    right, predicted, found, gold = (sums[:, column::4] for column in range(4))
    figures = np.full((len(sums), 3 * right.shape[1]), np.nan)
    np.divide(right, predicted, out=figures[:, 0::3], where=predicted > 0)
    np.divide(found, gold, out=figures[:, 1::3], where=gold > 0)
    precision, recall = np.nan_to_num(figures[:, 0::3]), np.nan_to_num(figures[:, 1::3])
    both = precision + recall
    figures[:, 2::3] = np.where(
        predicted + gold > 0, 2 * precision * recall / np.maximum(both, 1e-12), np.nan
    )
    return figures


def _note(note: CodedNote, predicted: Sequence[Evidence]) -> list[int]:
    gold = list(dict.fromkeys(note.evidence or ()))
    given = list(dict.fromkeys(predicted))
    spans, real = (list(dict.fromkeys(entry.span for entry in side)) for side in (given, gold))
    any_code = [
        sum(any(a.overlaps(b) for b in real) for a in spans),
        len(spans),
        sum(any(a.overlaps(b) for b in spans) for a in real),
        len(real),
    ]
    same_code = [_same_code(given, gold), len(given), _same_code(gold, given), len(gold)]
    tokens = [match.span() for match in _TOKEN.finditer(note.text)]
    inside, wanted = (
        {start for start, end in tokens if any(s.start < end and start < s.end for s in side)}
        for side in (spans, real)
    )
    both = len(inside & wanted)
    return [*any_code, *same_code, both, len(inside), both, len(wanted)]


def _same_code(side: Sequence[Evidence], other: Sequence[Evidence]) -> int:
    return sum(any(a.code == b.code and a.span.overlaps(b.span) for b in other) for a in side)
