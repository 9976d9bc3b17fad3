"""Which runs of words are terms of this text, and which only join the words of two of its names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bertillon_server.coding.terms import TermMatch
from bertillon_server.coding.words import Words

# What stands between two names, beside a comma or a slash.
_JOINS = frozenset({"and", "or", "with", "on"})


def coherent(text: str, words: Words, matches: Sequence[TermMatch]) -> list[TermMatch]:
    """Leave out the matches that take a word from the name beside them.

    "Peripheral neuropathy and diabetic nephropathy" is two names, although the first three words that count are a
    term; so is "DM2, CKD 3", although "DM2, CKD" is one.
    """
    ends: dict[int, int] = defaultdict(int)
    for match in matches:
        ends[match.first] = max(ends[match.first], match.last)
    return [match for match in matches if not _joins(text, words, match, ends)]


def _joins(text: str, words: Words, match: TermMatch, ends: dict[int, int]) -> bool:
    """Whether a term that reaches further begins behind what joins two names inside the match."""
    return any(
        ends.get(i, 0) > match.last
        and (words.forms[i - 1] in _JOINS or any(c in ",/&+" for c in words.gap(i, text)))
        for i in range(match.first + 1, match.last)
    )
