"""BM25 over titles and inclusion terms: what plain word statistics find for a mention."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertillon_models.evaluation.floor import DictionaryFloor, words_in

_SOURCES = frozenset({"title", "cms_long_title", "inclusionTerm"})
# The usual constants: how soon repeated words stop counting, and how much long terms are held back.
_K1, _B = 1.2, 0.75


class Bm25:
    """Ranks billable codes by their best term; a term of a parent stands for the leaf that the floor takes."""

    def __init__(self, terms: Path, floor: DictionaryFloor) -> None:
        with terms.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        chosen = dict.fromkeys((text, raw.rstrip("-.")) for text, raw, source in rows if source in _SOURCES)
        leaves = {code: floor.leaf(code) for code in {code for _, code in chosen}}
        self._codes = [leaves[code] for _, code in chosen]
        words = [words_in(text) for text, _ in chosen]
        lengths = np.array([len(term) for term in words], np.float64)
        slowed = _K1 * (1 - _B + _B * lengths / lengths.mean())
        places: dict[str, list[tuple[int, int]]] = {}
        for number, term in enumerate(words):
            for word, count in Counter(term).items():
                places.setdefault(word, []).append((number, count))
        # By word: the terms that hold it, and what it adds to the score of each.
        self._postings: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for word, found in places.items():
            rarity = np.log(1 + (len(words) - len(found) + 0.5) / (len(found) + 0.5))
            numbers, counts = np.array(found, np.int64).T
            self._postings[word] = (numbers, rarity * counts * (_K1 + 1) / (counts + slowed[numbers]))

    def codes(self, mention: str, limit: int) -> list[str]:
        """Return at most `limit` codes, best first; among equals the earlier term's."""
        scores = np.zeros(len(self._codes))
        for word in words_in(mention):
            if word in self._postings:
                numbers, gains = self._postings[word]
                scores[numbers] += gains
        found = np.flatnonzero(scores)
        order = found[np.argsort(-scores[found], kind="stable")]
        return list(dict.fromkeys(self._codes[number] for number in order[: 8 * limit]))[:limit]
