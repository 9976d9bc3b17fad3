"""Usage is learned from notes whose codes are known: which words account for which code is found out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bertillon_models.confidence_fit import examples, fit_habits, with_usage
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, Profile
from bertillon_models.usage_fit import Editions, NoteWords, fit_usage, read_words, run_keys
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.confidence import ProfileModel
from bertillon_server.coding.terms import term_key
from bertillon_server.coding.usage import Usual
from bertillon_server.coding.words import words_of
from small_coder import small_coder

EDITIONS = Editions(["I10", "R05.3", "R05.9", "R50.9", "S93.401A", "S93.401D", "K14.6"], Profile.CODIESP)


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


def keys(text: str) -> frozenset[int]:
    words = words_of(text)
    return frozenset(run_keys(words, np.zeros(len(words.forms), np.int32)))


def key(text: str) -> int:
    return term_key(words_of(text).plain)


def note(text: str, *codes: str, proposals: dict[str, str] | None = None) -> NoteWords:
    linked = {key(words): frozenset({code}) for words, code in (proposals or {}).items()}
    return NoteWords(frozenset(codes), keys(text) | linked.keys(), linked)


def learned(notes: list[NoteWords], text: str) -> Usual | None:
    return fit_usage(notes, EDITIONS).of(words_of(text).plain)


# Every note with a burning mouth speaks of a tongue too, which others do without the code.
MOUTHS = [note("burning mouth with sore tongue", "K14.6", "I10") for _ in range(4)]
OTHERS = [note("normal tongue", "I10") for _ in range(6)] + [note("sore throat", "I10") for _ in range(6)]


def test_words_that_occur_without_a_code_do_not_account_for_it() -> None:
    mouth = learned(MOUTHS + OTHERS, "burning mouth")
    assert mouth is not None
    assert mouth.notes == 4
    tongue = learned(MOUTHS + OTHERS, "tongue")
    assert tongue is None or tongue.counts["K14.6"] < mouth.counts["K14.6"]


def test_a_code_that_every_note_has_is_accounted_for_by_no_words() -> None:
    mouth = learned(MOUTHS + OTHERS, "burning mouth")
    assert mouth is not None
    assert set(mouth.counts) == {"K14.6"}


def test_words_beside_a_mention_do_not_take_the_code_that_the_linker_proposes_for_it() -> None:
    notes = [note("fever and chills", "R50.9", proposals={"fever": "R50.9"}) for _ in range(4)]
    notes += OTHERS
    fever, chills = learned(notes, "fever"), learned(notes, "chills")
    assert fever == Usual(4, {"R50.9": 4.0})
    assert chills is None or chills.counts["R50.9"] < 1


def test_a_proposal_that_annotators_never_took_up_is_known_to_be_wrong() -> None:
    notes = [note("fever", "I10", proposals={"fever": "R50.9"}) for _ in range(3)]
    assert learned(notes, "fever") == Usual(3, {})


def test_codes_of_an_older_edition_become_billable_ones_those_that_the_linker_proposes_first() -> None:
    assert EDITIONS.now("R05", {}) == "R05.9"
    assert EDITIONS.now("R05", {"R05.3": 2}) == "R05.3"
    assert EDITIONS.now("S93.401", {}) == "S93.401A"
    assert EDITIONS.now("I10", {}) == "I10"
    assert EDITIONS.now("Z99.99", {}) is None


def test_runs_of_words_begin_and_end_with_words_that_could_be_of_a_name() -> None:
    words = words_of("he presented with acute knee pain")
    found = run_keys(words, np.zeros(len(words.forms), np.int32))
    assert {key("acute knee pain"), key("knee pain"), key("pain")} <= found
    assert not {key("presented"), key("presented with acute")} & found


def test_runs_of_words_do_not_leave_their_sentence() -> None:
    assert key("fever cough") not in run_keys(words_of("fever. cough"), np.array([0, 1], np.int32))


def coded(number: int, text: str, *codes: str) -> CodedNote:
    return CodedNote(f"n-{number}", text, frozenset(codes))


NOTES = [
    coded(number, text, *codes)
    for number, (text, *codes) in enumerate(
        [
            ("He has fever and a burning mouth.", "R50.9", "K14.6"),
            ("Burning mouth, no cough.", "K14.6"),
            ("Asthma was excluded by spirometry. Burning mouth.", "K14.6"),
            ("Hypertension. Asthma in the brother.", "I10"),
            ("Fever, hypertension and asthma.", "R50.9", "I10"),
            ("Burning in the feet.",),
            ("Dry mouth since spring.",),
        ]
        * 3
    )
]


def test_notes_are_read_with_what_the_linker_proposes(coder: LocalCoder) -> None:
    (read,) = read_words(coder, NOTES[:1], Profile.CODIESP)
    assert read.codes == {"R50.9", "K14.6"}
    assert read.proposals == {key("fever"): {"R50.9"}}
    assert key("burning mouth") in read.keys


def test_habits_list_what_annotators_gave_beyond_the_terms(coder: LocalCoder) -> None:
    habits = fit_habits(coder, NOTES, Profile.CODIESP)
    usual = habits.usage.of(words_of("burning mouth").plain)
    assert usual is not None
    assert usual.notes == 9
    assert usual.counts["K14.6"] == pytest.approx(9, abs=1)
    found = examples(with_usage(coder, habits.usage), NOTES[:1], Profile.CODIESP, habits.model)
    listed = {example.signals.code for example in found if example.confidence >= habits.threshold}
    assert listed == {"R50.9", "K14.6"}


def test_codes_that_the_rules_leave_out_are_examples_only_where_they_are_asked_for(coder: LocalCoder) -> None:
    model = ProfileModel({"bias": 0.0}, 0.0)
    for considered, expected in ((False, []), (True, [("R05.9", False)])):
        found = examples(coder, [coded(0, "No cough.")], Profile.CODIESP, model, considered=considered)
        assert [(example.signals.code, example.listed) for example in found] == expected
