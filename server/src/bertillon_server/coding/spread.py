"""Cancers that have spread: the primary keeps its name, and each site that they spread to is a metastasis.

Source: Official Guidelines I.C.2.l ("metastatic to" a site: the site is secondary) and the Neoplasm Table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.terms import TermIndex, TermMatch
from bertillon_server.coding.words import Words, words_of

# What a tumour is called: "metastatic colon cancer" is a cancer of the colon, not a metastasis in it.
_CANCERS = frozenset(
    """cancer carcinoma adenocarcinoma neoplasm melanoma sarcoma osteosarcoma cholangiocarcinoma nsclc sclc
    rcc""".split()
)
_SPREAD = words_of("metastasis")
_WORD = _SPREAD.forms[0]
# How many words may stand between "metastatic" and "to": the name of the cancer.
_REACH = 6
_LONGEST_SITE = 3
_BEFORE_A_SITE = frozenset({"the", "and", "his", "her", "their"})


def read_spread(
    text: str,
    words: Words,
    sentences: NDArray[np.int32],
    index: TermIndex,
    matches: Sequence[TermMatch],
) -> list[TermMatch]:
    """Return the matches without those that misread where a cancer is and where it went, and with the sites."""
    if _WORD not in words.forms:
        return list(matches)
    sites: list[TermMatch] = []
    located: set[int] = set()
    for i, form in enumerate(words.forms):
        if form == _WORD and (found := list(_sites(text, words, sentences, index, i))):
            sites.extend(found)
            located.add(i)
    kept = [
        match
        for match in matches
        if not _misreads(words, match) and not (match.first in located and match.last == match.first + 1)
    ]
    return [*kept, *sites]


def _misreads(words: Words, match: TermMatch) -> bool:
    """Whether a match takes the site of a cancer for that of its spread, or the other way round."""
    forms = words.forms[match.first : match.last]
    following = words.forms[match.last] if match.last < len(words.forms) else ""
    if _WORD in forms and following in _CANCERS:
        return len(forms) > 1 and _CANCERS.isdisjoint(forms)
    if "to" not in forms:
        return False
    towards = match.first + forms.index("to")
    before = words.forms[max(0, towards - _REACH) : towards]
    return _WORD in before and not _CANCERS.isdisjoint(words.forms[match.first : towards])


def _sites(
    text: str, words: Words, sentences: NDArray[np.int32], index: TermIndex, spread: int
) -> Iterator[TermMatch]:
    """Yield the sites that the word at `spread` is said to have reached, each as the term of a metastasis there."""
    reach = words.forms[spread + 1 : spread + 1 + _REACH]
    if "to" not in reach:
        return
    at = spread + 2 + reach.index("to")
    while at < len(words.forms) and sentences[at] == sentences[spread]:
        if words.forms[at] in _BEFORE_A_SITE:
            at += 1
            continue
        site = _site(words, sentences, at, index)
        if site is None:
            return
        yield site
        at = site.last
        if at == len(words.forms):
            return
        gap = text[int(words.ends[at - 1]) : int(words.starts[at])]
        if words.forms[at] != "and" and not any(sign in gap for sign in ",/&"):
            return


def _site(words: Words, sentences: NDArray[np.int32], first: int, index: TermIndex) -> TermMatch | None:
    for length in range(_LONGEST_SITE, 0, -1):
        last = first + length
        if last > len(words.forms) or sentences[last - 1] != sentences[first] or not words.plain[last - 1]:
            continue
        found = index.find_hashes(np.concatenate([_SPREAD.plain, words.plain[first:last]]))
        if found is not None:
            return TermMatch(first, last, found.row, found.rows, int((words.plain[first:last] != 0).sum()))
    return None
