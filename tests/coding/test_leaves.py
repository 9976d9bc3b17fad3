"""The leaves of a category as bits: what goes in comes out, and what a text does not move needs no scores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.decoding import Decoder
from bertillon_server.coding.leaves import Bases, best_of, concept_among

SCOPES = ("S52", "E11", "I50", "M17", "H66.0", "O24", "R11", "J45")
FORMS = (
    "right",
    "left",
    "acute",
    "chronic",
    "unspecified",
    "type",
    "2",
    "open",
    "fracture",
    "without",
    "nausea",
    "pain",
)


@pytest.fixture(scope="module")
def table() -> Iterator[CodeTable]:
    with Catalog.open() as catalog:
        yield catalog.code_table("icd-10-cm", "2026-04-01")


@pytest.fixture(scope="module")
def scopes(table: CodeTable) -> dict[str, Bases]:
    decoder = Decoder(table)
    return {scope: decoder._bases(scope) for scope in SCOPES}


@pytest.mark.parametrize("scope", SCOPES)
def test_every_code_is_among_the_leaves_that_say_what_its_title_says(
    table: CodeTable, scopes: dict[str, Bases], scope: str
) -> None:
    bases = scopes[scope]
    for code in table.leaves(scope):
        title, base = read_title(table.title(code)), bases.of_code(code)
        assert bases.forms(base.asserts) == title.asserts
        assert bases.forms(base.denies) == title.denies
        assert base.encounters[base.codes.index(code)] == title.encounter


def test_a_code_of_another_scope_is_not_found(scopes: dict[str, Bases]) -> None:
    with pytest.raises(KeyError):
        scopes["E11"].of_code("I10")


forms = st.frozensets(st.sampled_from(FORMS), max_size=4)


@given(st.sampled_from(SCOPES), forms, forms, forms)
def test_leaves_that_a_text_does_not_move_are_chosen_as_without_a_text(
    scopes: dict[str, Bases],
    scope: str,
    wanted: frozenset[str],
    said: frozenset[str],
    denied: frozenset[str],
) -> None:
    bases = scopes[scope]
    concept = concept_among(bases, wanted, is_below=False)
    heard = bases.hear(said, denied)
    moves = any(
        heard.moving & base.moved & ~concept.asked or heard.ruled_out & base.denies for base in bases.items
    )
    if not moves:
        assert best_of(bases, concept, heard) == best_of(bases, concept, bases.hear(frozenset(), frozenset()))


@given(st.sampled_from(SCOPES), forms, forms)
def test_a_concept_is_decoded_to_leaves_that_invent_least_where_its_own_words_are_said(
    scopes: dict[str, Bases], scope: str, said: frozenset[str], denied: frozenset[str]
) -> None:
    bases = scopes[scope]
    for base in bases.items[:5]:
        concept = concept_among(bases, bases.forms(base.asserts), is_below=True)
        _, invented = best_of(bases, concept, bases.hear(said, denied))
        assert invented == 0
