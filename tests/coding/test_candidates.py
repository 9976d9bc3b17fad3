"""The codes that a given mention may mean: its own term first, then terms within it and what is near to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.candidates import Place, by_vectors, place_of, ranked
from bertillon_server.coding.heads import MentionReading, read_mention
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.windows import Encodings, kind_token
from small_knowledge import PHRASE, encode, knowledge

NOTE = (
    "HPI:\nHas had knee pain for years, and a cough.\n\n"
    "Assessment:\n1. Right knee pain.\n2. Asthma with pneumonia; tired sugar.\n"
)


@pytest.fixture(scope="module")
def known() -> Iterator[Knowledge]:
    with Catalog.open() as catalog:
        yield knowledge(catalog)


def place(known: Knowledge, text: str, mention: str, *, alone: bool = False) -> Place:
    start = text.index(mention)
    found = place_of(known, text, Span(start, start + len(mention)), alone=alone)
    assert found is not None
    return found


def read(known: Knowledge, at: Place) -> MentionReading:
    """Read a mention as the encoder sees it in its window."""
    rows = Encodings(at.windows, encode([window.ids for window in at.windows])).at(at.mention.span)
    assert rows is not None
    return read_mention(rows, known.vectors.dimensions)


def codes(known: Knowledge, at: Place, *, seen: bool = False, limit: int = 5) -> list[str]:
    return [item.leaf.code for item in ranked(known, at, read(known, at) if seen else None, limit)]


def test_a_mention_that_is_a_term_means_what_the_term_means(known: Knowledge) -> None:
    found = place(known, NOTE, "cough")
    assert found.mention.match is not None
    assert found.terms == ()
    assert codes(known, found) == ["R05.9"]


def test_the_words_around_choose_the_leaf(known: Knowledge) -> None:
    assert codes(known, place(known, NOTE, "knee pain for"))[0] == "M25.569"
    assert codes(known, place(known, NOTE, "Right knee pain"))[0] == "M25.561"
    start = NOTE.index("Right knee") + len("Right ")
    within = place_of(known, NOTE, Span(start, start + len("knee pain")))
    assert within is not None
    assert codes(known, within)[0] == "M25.561"


def test_terms_within_a_mention_propose_when_none_is_all_of_it(known: Knowledge) -> None:
    found = place(known, NOTE, "Asthma with pneumonia")
    assert found.mention.match is None
    assert len(found.terms) == 2
    assert sorted(codes(known, found)) == ["J18.9", "J45.909"]


def test_what_the_encoder_finds_near_is_proposed_as_well(known: Knowledge) -> None:
    found = place(known, NOTE, PHRASE)
    assert codes(known, found) == []
    assert codes(known, found, seen=True) == ["E11.9"]
    (near,) = by_vectors(known, found, read(known, found), 5)
    assert near.leaf.code == "E11.9"
    assert near.cosine == pytest.approx(0.95)


def test_the_encoder_alone_proposes_nothing_for_what_is_near_to_nothing(known: Knowledge) -> None:
    found = place(known, NOTE, "cough")
    assert by_vectors(known, found, read(known, found), 5) == ()
    assert codes(known, found, seen=True) == ["R05.9"]


def test_candidates_are_ordered_distinct_and_no_more_than_asked_for(known: Knowledge) -> None:
    found = place(known, NOTE, "Asthma with pneumonia; tired sugar")
    all_of_them = ranked(known, found, read(known, found), 9)
    scores = [candidate.score for candidate in all_of_them]
    assert scores == sorted(scores, reverse=True)
    listed = [candidate.leaf.code for candidate in all_of_them]
    assert len(set(listed)) == len(listed) >= 2
    assert ranked(known, found, read(known, found), 1) == all_of_them[:1]


def test_a_mention_is_read_in_its_section_unless_it_is_alone(known: Knowledge) -> None:
    in_note = place(known, NOTE, "Right knee pain")
    assert in_note.windows[0].ids[1] == kind_token(SectionKind.ASSESSMENT)
    lone = place(known, "Assessment: knee pain", "knee pain", alone=True)
    assert lone.windows[0].ids[1] == kind_token(SectionKind.UNSPECIFIED)
    assert codes(known, lone) == ["M25.569"]


@pytest.mark.parametrize("mention", [";", " ", ".\n"])
def test_a_mention_without_a_word_has_no_place(known: Knowledge, mention: str) -> None:
    start = NOTE.index(mention)
    assert place_of(known, NOTE, Span(start, start + len(mention))) is None
