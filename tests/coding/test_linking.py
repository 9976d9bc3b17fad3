"""From a phrase to codes: similarity proposes, and the words of the text decide what may be said."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertillon_models.terms import Term, build_table
from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.axes import axis_of, is_default, read_title
from bertillon_server.coding.context import Told
from bertillon_server.coding.decoding import Decoder
from bertillon_server.coding.linking import Link, Linker, Said
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.ranking import Ranking
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.words import words_of

# Concepts that an encoder of general language hardly tells apart: the same disease along its axes.
CATEGORIES = ("N18", "E10", "E11", "I50", "J45", "L89", "C81", "I48", "G43", "M17", "K35", "H40", "O14")
SAID = st.lists(
    st.sampled_from(
        "chronic kidney disease failure heart diabetes stage type 1 2 3 3a 4 acute right left mild severe systolic "
        "asthma persistent exacerbation end renal ulcer pressure gangrene".split()
    ),
    max_size=6,
)


# A mention that no term is.
MENTION = Found(0, 1, Span(0, 1), Span(0, 1), None, None)


class NothingAlike:
    """Concept vectors to which no mention is similar."""

    def similarity(self, query: NDArray[np.float32], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        del query
        return np.zeros(len(rows), np.float32)


@pytest.fixture(scope="module")
def table() -> Iterator[CodeTable]:
    with Catalog.open() as catalog:
        yield catalog.code_table("icd-10-cm", "2026-04-01")


@pytest.fixture(scope="module")
def concepts(table: CodeTable) -> tuple[Linker, list[str]]:
    terms = [
        Term(table.title(item), item, "title") for category in CATEGORIES for item in table.leaves(category)
    ]
    built = build_table(terms, frozenset(table.codes))
    index = TermIndex(built.rows, tuple(built.codes))
    linker = Linker(index, Decoder(table), built.concepts, NothingAlike(), Ranking())
    return linker, list(built.texts)


def link(concepts: tuple[Linker, list[str]], row: int, said: frozenset[str]) -> Link | None:
    linker, _ = concepts
    near = np.array([row], np.int32), np.array([0.97], np.float32)
    links = linker.link(MENTION, Said(Told(said, frozenset()), {}), 5, None, near)
    return links[0] if links else None


@settings(max_examples=500)
@given(said=SAID, row=st.integers(0, 10_000))
def test_no_axis_is_invented_for_a_phrase_however_near_it_is(
    concepts: tuple[Linker, list[str]], table: CodeTable, said: list[str], row: int
) -> None:
    forms = frozenset(words_of(" ".join(said)).forms)
    found = link(concepts, row % len(concepts[1]), forms)
    for candidate in () if found is None else found.candidates:
        if candidate.leaf.invented:
            continue
        code = candidate.leaf.code
        title = read_title(table.title(code))
        for form in title.asserts:
            type_2 = form == "2" and code.startswith("E11") and not any(f[:1].isdigit() for f in forms)
            assert axis_of(form) is None or form in forms or is_default(form, forms) or type_2
        assert not {"end", "stage"} <= title.asserts or "end" in forms


def test_a_stage_that_the_text_lacks_is_refused(concepts: tuple[Linker, list[str]]) -> None:
    linker, texts = concepts
    said = frozenset(words_of("chronic kidney disease").forms)
    for row in range(len(texts)):
        if linker.code_of(row) in {"N18.6", "N18.2", "N18.4"}:
            assert link(concepts, row, said) is None
