"""The term index: every written form of a condition that the bundle knows, and the codes that it means.

A term is kept as one 64-bit number, the sum of the hashes of its words, so word order, silent words and (in
its second form) laterality do not matter. Every run of words of a text is looked up by one subtraction and one
binary search, over the whole text at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.words import Words

# Longest run of words that is looked up; of the code set's terms that notes use, 99 % are shorter.
MAX_WORDS = 10
# int64 [MAX_WORDS, 1]: how far the last word of a run stands from its first.
_LENGTHS = np.arange(MAX_WORDS)[:, None]

# Terms that match only in capitals, and terms in which laterality counts, live in key spaces of their own.
NO_SALT = np.uint64(0)
CAPITALS_SALT = np.uint64(0x9E3779B97F4A7C15)
LATERALITY_SALT = np.uint64(0xC2B2AE3D27D4EB4F)
# Stands for a word that no term may contain.
_NEVER = np.uint64(0xD6E8FEB86659FD93)

# Places of the table of low bits beside those that the keys would fill: of eight places one at most is taken.
_PRESENT_SPARE_BITS = 3

TERM_DTYPE = np.dtype([("key", "<u8"), ("code", "<u4"), ("weight", "<f4"), ("flags", "<u2")])


class TermFlag(IntFlag):
    """What is known of a term beside its code."""

    # From the project's own lexicon: what a coder takes for it by default.
    CURATED = 1
    # A title or inclusion term of the code set.
    OFFICIAL = 2
    # Written with an axis (laterality, encounter) that the key leaves out.
    STRIPPED = 4


# By number, which is quicker than asking the enum.
_FLAGS = {number: TermFlag(number) for number in range(2 * max(TermFlag))}


class TermMatch(NamedTuple):
    """A run of words `[first, last)` that is a term, its rows in the index, and how many words count."""

    first: int
    last: int
    row: int
    rows: int
    weight: int


class TermIndex:
    """Sorted keys of all terms with their codes; read-only, mapped from the bundle."""

    def __init__(self, table: NDArray[np.void], codes: tuple[str, ...]) -> None:
        self._table = table
        plain = np.asarray(table)  # what a mapped array adds to one takes longer than a look at a few rows
        self._keys = np.ascontiguousarray(plain["key"])
        self._code, self._weight, self._flags = plain["code"], plain["weight"], plain["flags"]
        # bool [2 ** bits]: whether some key has these low bits, which most runs that are no term do not share.
        size = 1 << (len(self._keys).bit_length() + _PRESENT_SPARE_BITS)
        self._mask = np.uint64(size - 1)
        self._present = np.zeros(size, np.bool_)
        self._present[self._keys & self._mask] = True
        self.codes = codes

    @classmethod
    def load(cls, table: Path, codes: Path) -> TermIndex:
        """Read the index from the two files of a bundle."""
        return cls(
            np.load(table, mmap_mode="r", allow_pickle=False),
            tuple(codes.read_text(encoding="ascii").split("\n")),
        )

    def __len__(self) -> int:
        return len(self._table)

    @property
    def rows(self) -> NDArray[np.void]:
        """The rows (`TERM_DTYPE`), sorted by key; read-only."""
        return self._table

    def targets(self, match: TermMatch) -> list[tuple[str, float, TermFlag]]:
        """Return the codes that a match means, best first, with their weight and flags."""
        rows = slice(match.row, match.row + match.rows)
        return [
            (self.codes[code], weight, _FLAGS[flags])
            for code, weight, flags in zip(
                self._code[rows].tolist(),
                self._weight[rows].tolist(),
                self._flags[rows].tolist(),
                strict=True,
            )
        ]

    def matches(self, words: Words, sentences: NDArray[np.int32]) -> list[TermMatch]:
        """Return every run of words that is a term, overlapping ones included.

        `sentences` int32 [n] numbers the sentence of each word: no run leaves its sentence.
        """
        texts = [words.plain]
        salts = [NO_SALT]
        if (words.full != words.plain).any():
            texts.append(words.full)
            salts.append(LATERALITY_SALT)
        if words.upper.any():
            texts.append(np.where(words.upper, words.plain, _NEVER))
            salts.append(CAPITALS_SALT)
        return self._lookup(np.concatenate(texts), sentences, salts)

    def find(self, words: Words) -> TermMatch | None:
        """Return the term that all the words together are, in any order; None when they are none."""
        if words.upper.all():
            found = self.find_hashes(words.plain, CAPITALS_SALT)
            if found is not None:
                return found
        return self.find_hashes(words.plain)

    def find_hashes(self, hashes: NDArray[np.uint64], salt: np.uint64 = NO_SALT) -> TermMatch | None:
        """Return the term whose words have the given hashes, None when there is none."""
        key = np.uint64(term_key(hashes, salt))
        row = int(np.searchsorted(self._keys, key, "left"))
        if key == 0 or row == len(self._keys) or self._keys[row] != key:
            return None
        rows = int(np.searchsorted(self._keys, key, "right")) - row
        return TermMatch(0, len(hashes), row, rows, int((hashes != 0).sum()))

    def _lookup(
        self, hashes: NDArray[np.uint64], sentences: NDArray[np.int32], salts: Sequence[np.uint64]
    ) -> list[TermMatch]:
        """Return the runs that are terms; `hashes` are those of the words n times over, once for each salt.

        All at once: a section has few words, and it is calls of numpy that cost.
        """
        n = len(sentences)
        if n == 0:
            return []
        counted = hashes != 0
        sums = np.zeros(len(hashes) + 1, np.uint64)
        hashes.cumsum(out=sums[1:])
        # Every run of 1 to MAX_WORDS words, [lengths, starts]. It begins and ends with a word that counts; silent
        # ones at its ends belong to no term.
        starts = counted.nonzero()[0]
        copies, places = np.divmod(starts, n)
        lengths = _LENGTHS[:n]
        within = places + lengths
        inside = within < n
        within[~inside] = 0
        lasts = starts + lengths
        runs = inside & counted.take(lasts, mode="clip") & (sentences[within] == sentences[places])
        length, start = runs.nonzero()
        begin = starts[start]
        end = begin + length + 1
        keys = (sums[end] - sums[begin]) ^ np.array(salts)[copies[start]]
        # Few runs are terms, and a look at one byte tells most of the others from them.
        likely = self._present[keys & self._mask].nonzero()[0]
        keys, begin, end = keys[likely], begin[likely], end[likely]
        left = self._keys.searchsorted(keys)
        hits = (self._keys.take(left, mode="clip") == keys).nonzero()[0]
        if not len(hits):
            return []
        begin, end, left = begin[hits], end[hits], left[hits]
        rows = self._keys.searchsorted(keys[hits], "right") - left
        return [
            TermMatch(first % n, first % n + last - first, row, count, sum(counted[first:last].tolist()))
            for first, last, row, count in zip(
                begin.tolist(), end.tolist(), left.tolist(), rows.tolist(), strict=True
            )
        ]


def term_key(hashes: NDArray[np.uint64], salt: np.uint64 = NO_SALT) -> int:
    """Return the key of a term from the hashes of its words; 0 when no word of it counts."""
    total = np.add.reduce(hashes, dtype=np.uint64)
    return int(total ^ salt) if (hashes != 0).any() else 0
