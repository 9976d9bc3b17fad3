"""Scores of the codes of notes: micro, macro and ranking figures; exact, by category and by chapter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bertillon_models.evaluation.figures import Figure, from_counts, means, named
from bertillon_models.evaluation.intervals import Counts, precision_recall_f1, resampled
from bertillon_models.evaluation.note_sets import CodedNote, Evidence

# First categories of the chapters of ICD-10-CM, in order.
_CHAPTERS = "A00 C00 D50 E00 F01 G00 H00 H60 I00 J00 K00 L00 M00 N00 O00 P00 Q00 R00 S00 V00 Z00".split()
# U00 (codes for special purposes) stands before V00 in the alphabet and after Z99 in the list.
_SPECIAL = "U"
# Depths of the ranked list.
_DEPTHS = (5, 10, 50)
# Resamples at once for macro figures, whose sums are kept for every code: bounds memory.
_MACRO_BLOCK = 200


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a system says of one note.

    `ranked` are the codes with their confidence, best first; `listed` those at or above the threshold; `evidence`
    is where the listed ones are supported, None where a system does not say. `considered` are all codes that a
    system names, likeliest first, what it leaves out and alternatives among them; empty where they are the ranked
    ones.
    """

    ranked: tuple[tuple[str, float], ...]
    listed: frozenset[str]
    evidence: tuple[Evidence, ...] | None = None
    considered: tuple[str, ...] = ()


def chapter(code: str) -> str:
    """Return the chapter of a code, as its number: "4" of E11.9."""
    if code.startswith(_SPECIAL):
        return str(len(_CHAPTERS) + 1)
    return str(bisect_right(_CHAPTERS, code[:3]))


LEVELS: dict[str, Callable[[str], str]] = {
    "exact": lambda code: code,
    "category": lambda code: code[:3],
    "chapter": chapter,
}


def note_figures(
    notes: Sequence[CodedNote], predictions: Sequence[Prediction], seed: int
) -> dict[str, Figure]:
    """Return the figures of all levels; codes on both sides are already comparable."""
    figures: dict[str, Figure] = {}
    for name, level in LEVELS.items():
        gold = [frozenset(map(level, note.codes)) for note in notes]
        listed = [frozenset(map(level, prediction.listed)) for prediction in predictions]
        orders = [p.considered or tuple(code for code, _ in p.ranked) for p in predictions]
        ranked = [list(dict.fromkeys(map(level, order))) for order in orders]
        micro = [f"{name} {figure}" for figure in ("P", "R", "F1")]
        figures |= from_counts(micro, micro_counts(gold, listed), precision_recall_f1, seed)
        figures |= _macro(name, gold, listed, seed)
        figures |= _ranking(name, gold, ranked, seed)
    return figures


def micro_counts(gold: Sequence[frozenset[str]], listed: Sequence[frozenset[str]]) -> Counts:
    """Return (notes, 3): true positives, predicted and gold codes."""
    return np.array(
        [(len(g & p), len(p), len(g)) for g, p in zip(gold, listed, strict=True)], np.float64
    ).reshape(-1, 3)


def _macro(
    name: str, gold: Sequence[frozenset[str]], listed: Sequence[frozenset[str]], seed: int
) -> dict[str, Figure]:
    """Average over the codes in gold or predictions; a code never predicted has precision 0, never gold recall 0."""
    codes = sorted(frozenset().union(*gold, *listed))
    place = {code: number for number, code in enumerate(codes)}
    counts = np.zeros((3, len(gold), len(codes)))
    for row, (wanted, given) in enumerate(zip(gold, listed, strict=True)):
        for part, chosen in enumerate((wanted & given, given, wanted)):
            counts[part, row, [place[code] for code in chosen]] = 1

    def figure(weights: Counts) -> Counts:
        hits, predicted, real = (weights @ part for part in counts)
        number = np.maximum(((predicted + real) > 0).sum(axis=1), 1)
        return np.stack(
            [
                (hits / np.maximum(under, 1)).sum(axis=1) / number
                for under in (predicted, real, (predicted + real) / 2)
            ],
            axis=1,
        )

    values = figure(np.ones((1, len(gold))))[0].tolist()
    intervals = resampled(len(gold), figure, seed=seed, block=_MACRO_BLOCK)
    return named([f"{name} macro {figure}" for figure in ("P", "R", "F1")], values, intervals)


def _ranking(
    name: str, gold: Sequence[frozenset[str]], ranked: Sequence[list[str]], seed: int
) -> dict[str, Figure]:
    """Score the ranked lists, over notes that have codes."""
    rows = []
    for wanted, codes in zip(gold, ranked, strict=True):
        if not wanted:
            rows.append((0.0,) * (3 + len(_DEPTHS)))
            continue
        hits = np.array([code in wanted for code in codes], np.float64)
        places = np.flatnonzero(hits)
        precision = sum(hits[: place + 1].sum() / (place + 1) for place in places) / len(wanted)
        recalls = (hits[:depth].sum() / len(wanted) for depth in _DEPTHS)
        rows.append((1.0, precision, hits[:5].sum() / 5, *recalls))
    names = [f"{name} {figure}" for figure in ("MAP", "P@5", *(f"R@{depth}" for depth in _DEPTHS))]
    return from_counts(names, np.array(rows, np.float64), means, seed)
