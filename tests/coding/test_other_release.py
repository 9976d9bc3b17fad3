"""Terms of a bundle fit another release: what it lacks falls back, what only it has is found by title."""

from __future__ import annotations

import numpy as np

from bertillon_server.catalog.table import CodeTable, TableRow
from bertillon_server.coding.other_release import GONE, terms_of_release
from bertillon_server.coding.terms import TERM_DTYPE, TermIndex, term_key
from bertillon_server.coding.words import words_of


def table(*codes: tuple[str, str]) -> CodeTable:
    """Return categories of three characters with their codes, all titles as given."""
    rows: list[TableRow] = []
    parent = -1
    for position, (code, title) in enumerate(codes):
        if len(code) == 3:
            parent = position
        above = -1 if len(code) == 3 else parent
        end = position + 1
        while len(code) == 3 and end < len(codes) and codes[end][0].startswith(code):
            end += 1
        rows.append((code, title, above, end, int(len(code) > 3), 0, 0))
    return CodeTable(rows)


def index(*terms: tuple[str, str]) -> TermIndex:
    codes = tuple(dict.fromkeys(code for _, code in terms))
    rows = [(term_key(words_of(text).plain), codes.index(code), 5.0, 2) for text, code in terms]
    return TermIndex(np.array(sorted(rows), TERM_DTYPE), codes)


def meant(terms: TermIndex, text: str) -> list[str]:
    match = terms.find(words_of(text))
    return [] if match is None else [code for code, _, _ in terms.targets(match)]


BASE = table(("A01", "Toe pain"), ("A01.1", "Acute toe pain"), ("B01", "Shivers"), ("B01.0", "Mild shivers"))
TERMS = index(("toe ache", "A01.1"), ("shivering", "B01.0"), ("toe pain", "A01"))


def test_the_release_of_the_bundle_keeps_its_index() -> None:
    assert terms_of_release(TERMS, BASE, None) is TERMS


def test_a_code_that_the_release_lacks_stands_for_the_nearest_above_it_and_none_for_what_is_gone() -> None:
    older = table(("A01", "Toe pain"), ("A01.0", "Any toe pain"))
    fitted = terms_of_release(TERMS, older, BASE)
    assert meant(fitted, "toe ache") == ["A01"]
    assert meant(fitted, "shivering") == []
    assert fitted.codes[TERMS.codes.index("B01.0")] == GONE
    assert meant(fitted, "any toe pain") == ["A01.0"]


def test_a_code_that_only_the_release_has_is_found_by_its_title() -> None:
    newer = table(
        ("A01", "Toe pain"),
        ("A01.1", "Acute toe pain"),
        ("B01", "Shivers"),
        ("B01.0", "Mild shivers"),
        ("B02", "Trembling"),
        ("B02.1", "Trembling of the hand"),
    )
    fitted = terms_of_release(TERMS, newer, BASE)
    assert meant(fitted, "hand trembling") == ["B02.1"]
    assert meant(fitted, "toe ache") == ["A01.1"]
    assert meant(terms_of_release(TERMS, newer, None), "hand trembling") == []
