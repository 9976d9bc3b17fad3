"""What annotators usually gave for the same words, learned from coded notes: coders' defaults that no title states.

Only the profile of all mentions asks for it, since habits are those of the people whose notes were learned from. It
ranks what the linker proposes, proposes what the linker lacks, and finds words that the term index does not know.
It is part of the bundle (`calibration.json`); words are kept as the sums of their hashes, as in the term index, so no
text of the notes is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.terms import TERM_DTYPE, TermIndex, term_key
from bertillon_server.coding.words import Words

# Notes that the linker's own ranking counts for, beside those that had the words.
TRUST = 3.0
# Chance from which on a code is a link of its own beside the likeliest, and words are a mention of their own.
# One note alone does not reach it.
LIKELY = 0.3
# Notes that words must explain a code in before they are a mention of their own.
SUPPORT = 1.5


@dataclass(frozen=True, slots=True)
class Usual:
    """What notes with the same words were given.

    `notes` counts the notes; `counts` by code in how many of them the words account for the code, which is a
    fraction where other words of the note may account for it too.
    """

    notes: int
    counts: Mapping[str, float]

    def chance(self, code: str, before: float = 0.0) -> float:
        """Return the chance that annotators give a code, `before` what the linker alone says of it."""
        return (self.counts.get(code, 0.0) + TRUST * before) / (self.notes + TRUST)


@dataclass(frozen=True, slots=True)
class Habit:
    """What a link owes to usage: the chance of its code, and in how many notes its words were seen."""

    chance: float
    notes: int


class Usage:
    """What is usual, by the key of the words (`terms.term_key`); read-only. Empty where nothing was learned."""

    def __init__(self, usual: Mapping[int, Usual] | None = None) -> None:
        self._usual = dict(usual or {})
        spoken = sorted(key for key, known in self._usual.items() if _speaks(known))
        self._spoken = TermIndex(np.array([(key, 0, 0.0, 0) for key in spoken], TERM_DTYPE), ())

    def __bool__(self) -> bool:
        return bool(self._usual)

    def __len__(self) -> int:
        return len(self._usual)

    @classmethod
    def from_json(cls, stored: Mapping[str, Mapping[str, float]]) -> Usage:
        """Read what `to_json` gave; raises KeyError or ValueError for anything else."""
        usual = {}
        for key, row in stored.items():
            counts = {code: float(count) for code, count in row.items() if code != _NOTES}
            usual[int(key, 16)] = Usual(int(row[_NOTES]), counts)
        return cls(usual)

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return the table as it is stored: by key in hexadecimal, the number of notes and the counts by code."""
        return {
            f"{key:016x}": {_NOTES: known.notes}
            | {code: round(count, 2) for code, count in sorted(known.counts.items())}
            for key, known in sorted(self._usual.items())
        }

    def of(self, hashes: NDArray[np.uint64]) -> Usual | None:
        """Return what is usual for words by their hashes; None where they were not learned."""
        return self._usual.get(term_key(hashes))

    def spoken(self, words: Words, sentences: NDArray[np.int32]) -> list[tuple[int, int]]:
        """Return the runs of words `[first, last)` that are likely to have a code, overlapping ones included.

        `sentences` int32 [n] numbers the sentence of each word.
        """
        if not len(self._spoken):
            return []
        return [(match.first, match.last) for match in self._spoken.matches(words, sentences)]


# The name under which the number of notes is stored beside the codes.
_NOTES = "notes"


def _speaks(known: Usual) -> bool:
    return any(count >= SUPPORT and known.chance(code) >= LIKELY for code, count in known.counts.items())
