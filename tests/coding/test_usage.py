"""What annotators usually gave for the same words ranks, proposes and finds; an encounter does not ask for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.confidence import ProfileModel
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.terms import term_key
from bertillon_server.coding.usage import Usage, Usual
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, SuppressionReason
from bertillon_server.coding.words import words_of
from small_knowledge import code, knowledge


@pytest.fixture(scope="module")
def small() -> Iterator[Knowledge]:
    with Catalog.open() as catalog:
        yield knowledge(catalog)


def key(text: str) -> int:
    return term_key(words_of(text).plain)


def coder_with(small: Knowledge, usual: dict[str, Usual]) -> Coder:
    model = ProfileModel({"usual": -1.0, "usual:chance": 1.0}, 0.01)
    calibration = dataclasses.replace(
        small.calibration,
        profiles=dict.fromkeys(CodingProfile, model),
        usage=Usage({key(text): known for text, known in usual.items()}),
    )
    return Coder(dataclasses.replace(small, calibration=calibration))


def codes_of(coder: Coder, text: str, profile: CodingProfile = CodingProfile.ALL_MENTIONS) -> list[str]:
    return [entry.code.code for entry in code(coder, text, profile=profile)[1].codes]


def test_what_annotators_usually_gave_comes_before_what_the_linker_proposes(small: Knowledge) -> None:
    coder = coder_with(small, {"chest pain": Usual(20, {"R07.89": 19.0})})
    (section,), _ = code(coder, "He has chest pain.", profile=CodingProfile.ALL_MENTIONS)
    (mention,) = section.mentions
    assert mention.code is not None
    assert mention.code.code == "R07.89"
    assert [alternative.code.code for alternative in mention.alternatives] == ["R07.9"]


def test_one_note_does_not_outweigh_the_linker(small: Knowledge) -> None:
    coder = coder_with(small, {"chest pain": Usual(1, {"R07.89": 1.0})})
    assert codes_of(coder, "He has chest pain.") == ["R07.9"]


def test_words_that_no_term_covers_are_found_when_they_usually_have_a_code(small: Knowledge) -> None:
    usual = {"burning mouth": Usual(9, {"K14.6": 8.0}), "routine visit": Usual(90, {"K14.6": 2.0})}
    text = "Seen for a routine visit with a burning mouth."
    (section,), _ = code(coder_with(small, usual), text, profile=CodingProfile.ALL_MENTIONS)
    assert [(m.span.of(text), m.code and m.code.code) for m in section.mentions] == [
        ("burning mouth", "K14.6")
    ]
    assert codes_of(coder_with(small, {}), text) == []


def test_words_that_usually_have_two_codes_have_a_mention_for_each(small: Knowledge) -> None:
    coder = coder_with(small, {"fever": Usual(20, {"R50.9": 18.0, "B99.9": 12.0})})
    assert codes_of(coder, "He has fever.") == ["R50.9", "B99.9"]


def test_words_that_usually_have_no_code_are_less_likely_than_words_not_seen(small: Knowledge) -> None:
    def confidence(usual: dict[str, Usual]) -> float:
        _, summary = code(coder_with(small, usual), "He has fever.", profile=CodingProfile.ALL_MENTIONS)
        return summary.codes[0].confidence

    seldom = confidence({"fever": Usual(40, {})})
    often = confidence({"fever": Usual(40, {"R50.9": 39.0})})
    assert seldom < confidence({}) < often


def test_a_denied_mention_does_not_count_however_usual_its_code(small: Knowledge) -> None:
    usual = {"burning mouth": Usual(9, {"K14.6": 9.0})}
    (section,), summary = code(
        coder_with(small, usual), "Denies burning mouth.", profile=CodingProfile.ALL_MENTIONS
    )
    assert [mention.assertion for mention in section.mentions] == [Assertion.NEGATED]
    assert [(entry.code.code, entry.reason) for entry in summary.suppressed] == [
        ("K14.6", SuppressionReason.NEGATED)
    ]
    assert not summary.codes


def test_an_encounter_is_coded_as_if_nothing_had_been_learned_of_annotators(small: Knowledge) -> None:
    text = "Assessment:\n1. Fever and chest pain.\n2. Burning mouth.\n"
    usual = {
        "fever": Usual(40, {"B99.9": 40.0}),
        "chest pain": Usual(40, {}),
        "burning mouth": Usual(9, {"K14.6": 9.0}),
    }
    learned, plain = coder_with(small, usual), coder_with(small, {})
    assert code(learned, text)[0][0].mentions == code(plain, text)[0][0].mentions
    assert code(learned, text)[1].codes == code(plain, text)[1].codes
    assert codes_of(learned, text) != codes_of(plain, text)


@given(
    st.dictionaries(
        st.integers(1, 2**64 - 1),
        st.builds(
            Usual,
            st.integers(1, 500),
            st.dictionaries(
                st.sampled_from(["I10", "R50.9", "E11.9"]), st.integers(0, 500).map(lambda n: n / 4)
            ),
        ),
    )
)
def test_usage_is_read_as_it_was_stored(usual: dict[int, Usual]) -> None:
    read = Usage.from_json(Usage(usual).to_json())
    for number, known in usual.items():
        assert read.of(np.array([number], np.uint64)) == known
    assert len(read) == len(usual)


def test_nothing_is_usual_of_words_that_were_not_learned() -> None:
    assert Usage().of(words_of("fever").plain) is None
    assert not Usage()
    assert Usage().spoken(words_of("fever"), np.zeros(1, np.int32)) == []
