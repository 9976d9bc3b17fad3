"""What a section of allergies lists: substances, and reactions to them, which are no findings of this encounter."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex, TermMatch
from bertillon_server.coding.words import Words, words_of

_ALLERGY = words_of("allergy")
_LONGEST_NAME = 3
# Allergy status codes; other codes of the same words are reactions that happen now.
_STATUS = ("Z88", "Z91.0")
_GENERIC = frozenset({"drug", "food", "medication", "medicine", "environmental", "allergy"})
_ENTRY_ENDS = re.compile(r"[;\r\n]|,(?![^(\n]*\))")


def substances(
    text: str, words: Words, sentences: NDArray[np.int32], index: TermIndex
) -> tuple[list[TermMatch], list[Span]]:
    """Return the substances that words name, each as the term of an allergy to it, and where their reactions stand.

    "Penicillin (hives), latex": the hives belong to the penicillin.
    """
    named: list[TermMatch] = []
    at = 0
    while at < len(words.forms):
        match = _substance(words, sentences, at, index)
        if match is not None:
            named.append(match)
        at = at + 1 if match is None else match.last
    reactions: list[Span] = []
    for number, match in enumerate(named):
        behind = int(words.ends[match.last - 1])
        until = int(words.ends[-1])
        if number + 1 < len(named):
            until = int(words.starts[named[number + 1].first])
        ends = _ENTRY_ENDS.search(text, behind, until)
        until = until if ends is None else ends.start()
        if behind < until:
            reactions.append(Span(behind, until))
    return named, reactions


def _substance(words: Words, sentences: NDArray[np.int32], first: int, index: TermIndex) -> TermMatch | None:
    for length in range(_LONGEST_NAME, 0, -1):
        last = first + length
        if last > len(words.forms) or sentences[last - 1] != sentences[first]:
            continue
        if not words.plain[first] or not words.plain[last - 1] or words.forms[first] in _GENERIC:
            continue
        found = index.find_hashes(np.concatenate([words.plain[first:last], _ALLERGY.plain]))
        if found is not None and index.targets(found)[0][0].startswith(_STATUS):
            weight = int((words.plain[first:last] != 0).sum())
            return TermMatch(first, last, found.row, found.rows, weight)
    return None
