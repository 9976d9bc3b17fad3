"""What quantisation costs: the int8 encoder of a bundle beside the encoder that it was made from, in fp32.

Everything else is the bundle's: its concept vectors, its ranking, its confidence. All of them were made with the int8
encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_models.evaluation.figures import Figure, Table, from_counts, means
from bertillon_models.evaluation.intervals import precision_recall_f1
from bertillon_models.evaluation.mention_sets import MentionCase
from bertillon_models.evaluation.mentions import Linked
from bertillon_models.evaluation.note_scores import Prediction, micro_counts
from bertillon_models.evaluation.note_sets import CodedNote

INT8_AGAINST_FP32 = "int8 against fp32"


def mentions_fidelity(
    title: str, cases: Sequence[MentionCase], quantised: Linked, reference: Linked, seed: int
) -> Table:
    """Compare what the two encoders make of mentions."""
    rows = []
    pairs = zip(quantised.full.codes, reference.full.codes, strict=True)
    for case, (ours, theirs), one, other in zip(
        cases, pairs, quantised.vectors, reference.vectors, strict=True
    ):
        right, wanted = (bool(codes) and codes[0] in case.codes for codes in (ours, theirs))
        cosine = float(one @ other) if one is not None and other is not None else 0.0
        both = float(one is not None and other is not None)
        rows.append((1.0, right, wanted, float(wanted) - right, ours[:1] == theirs[:1], both, cosine))

    def figure(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([means(sums[:, :5]), means(sums[:, 5:])])

    names = ("R@1 int8", "R@1 fp32", "drop in R@1", "top-1 agreement", "mean cosine")
    return _table(title, "mentions", from_counts(names, np.array(rows, np.float64), figure, seed), len(cases))


def notes_fidelity(
    title: str,
    notes: Sequence[CodedNote],
    quantised: Sequence[Prediction],
    reference: Sequence[Prediction],
    seed: int,
) -> Table:
    """Compare what is listed for notes; *same codes* is the share of notes for which nothing differs."""
    gold = [note.codes for note in notes]
    ours, theirs = ([prediction.listed for prediction in run] for run in (quantised, reference))
    same = [(1.0, float(one == other)) for one, other in zip(ours, theirs, strict=True)]
    counts = np.hstack([micro_counts(gold, ours), micro_counts(gold, theirs), np.array(same)])

    def figure(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        scores = precision_recall_f1(sums[:, :6])
        int8, fp32 = scores[:, 2:3], scores[:, 5:6]
        return np.hstack([int8, fp32, fp32 - int8, means(sums[:, 6:])])

    names = ("exact F1 int8", "exact F1 fp32", "drop in exact F1", "same codes")
    return _table(title, "notes", from_counts(names, counts, figure, seed), len(notes))


def _table(title: str, unit: str, figures: dict[str, Figure], units: int) -> Table:
    rows = {name: {INT8_AGAINST_FP32: figure} for name, figure in figures.items()}
    return Table(title, units, unit, (INT8_AGAINST_FP32,), rows)
