"""Fits a bundle's terms, which are those of one release, to another release of the same code system.

A code that the other release lacks stands for the nearest one above it that it has, from which decoding goes down
again; a term whose code has none is left out. Codes that only the other release has are found by their titles, and
below a parent that both have, by decoding. They have no concept vectors: those are the bundle's.
"""

from __future__ import annotations

import numpy as np

from bertillon_server.catalog.codes import key_of
from bertillon_server.catalog.table import NO_POSITION, CodeTable
from bertillon_server.coding.terms import TERM_DTYPE, TermFlag, TermIndex, term_key
from bertillon_server.coding.words import words_of

# Stands for a code that the release has nothing of.
GONE = ""
# Characters of a category, above which nothing is a code.
_CATEGORY = 3
# What an official title weighs among the terms of a bundle.
_TITLE_WEIGHT = 5.0


def terms_of_release(index: TermIndex, release: CodeTable, base: CodeTable | None) -> TermIndex:
    """Return the index for a release; `base` is the release that the bundle was made for, None if it is not at hand.

    Codes keep their numbers, so that concept vectors still point at them; `GONE` where nothing is left.
    """
    codes = [_nearest(code, release) for code in index.codes]
    added = [] if base is None else _new_titles(release, base)
    if not added and tuple(codes) == index.codes:
        return index
    stays = np.array([code != GONE for code in codes])
    rows = [index.rows[stays[index.rows["code"]]]]
    if added:
        official = int(TermFlag.OFFICIAL)
        new = [(key, len(codes) + number, _TITLE_WEIGHT, official) for number, (key, _) in enumerate(added)]
        rows.append(np.array(new, TERM_DTYPE))
        codes += [code for _, code in added]
    table = np.concatenate(rows)
    return TermIndex(table[np.lexsort((table["code"], -table["weight"], table["key"]))], tuple(codes))


def _nearest(code: str, release: CodeTable) -> str:
    key = key_of(code)
    while len(key) >= _CATEGORY:
        position = release.find(key)
        if position is not None:
            return release.codes[position]
        key = key[:-1]
    return GONE


def _new_titles(release: CodeTable, base: CodeTable) -> list[tuple[int, str]]:
    """Return key and code of each entry that only the release has; 7th characters are left to decoding."""
    found = []
    for position, code in enumerate(release.codes):
        parent = release.parents[position]
        extends = parent != NO_POSITION and position in release.extensions(parent)
        if "-" in code or code.isdigit() or extends or code in base:
            continue
        key = term_key(words_of(release.titles[position]).plain)
        if key:
            found.append((key, code))
    return found
