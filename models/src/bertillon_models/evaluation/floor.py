"""The untrained dictionary: the longest term of the terminology at every word. A coder must beat it."""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from collections.abc import Collection
from pathlib import Path

_WORD = re.compile(r"[a-z0-9]+")
_LONGEST = 10
# Sorts after every character of a code.
_AFTER = "~"
_SKIPPED = frozenset({"drug_table", "external_cause_index", "neoplasm_table"})
# What a title says and a note leaves out: "Fever, unspecified", "Pain NOS", nonessential modifiers.
_UNSAID = re.compile(r",?\s*\b(?:NOS|unspecified|not otherwise specified)\b", re.IGNORECASE)
_PARENTHESES = re.compile(r"\s*\([^)]*\)")


class DictionaryFloor:
    """Longest match over `terms.tsv`: lower-cased, plural endings off, with and without "unspecified".

    One code a term, a billable one before its parents; a parent stands for its leaf in `.9` or `.90`.
    """

    def __init__(self, terms: Path, billable: Collection[str]) -> None:
        self._codes: dict[tuple[str, ...], str] = {}
        self._billable = sorted(billable)
        with terms.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        leaves = frozenset(self._billable)
        for text, raw, source in sorted(rows, key=lambda row: row[1] not in leaves):
            if source in _SKIPPED:
                continue
            plain = _PARENTHESES.sub("", text)
            for form in (text, plain, _UNSAID.sub("", plain)):
                if words := words_in(form):
                    self._codes.setdefault(tuple(words), raw.rstrip("-."))

    def codes(self, text: str) -> set[str]:
        """Return the codes of a text."""
        words = words_in(text)
        found = set()
        i = 0
        while i < len(words):
            for length in range(min(_LONGEST, len(words) - i), 0, -1):
                code = self._codes.get(tuple(words[i : i + length]))
                if code is not None:
                    found.add(self.leaf(code))
                    i += length
                    break
            else:
                i += 1
        return found

    def leaf(self, code: str) -> str:
        """Return the billable code that stands for a code."""
        first = bisect_left(self._billable, code)
        last = bisect_left(self._billable, code + _AFTER)
        leaves = self._billable[first:last]
        if not leaves or code in leaves:
            return code
        return min(leaves, key=lambda leaf: (not leaf.endswith(("9", "90")), len(leaf), leaf))


def words_in(text: str) -> list[str]:
    """Return the words of a text, lower-cased and without plural endings."""
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in _WORD.findall(text.lower())
    ]
