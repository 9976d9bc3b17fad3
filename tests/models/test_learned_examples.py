"""What training learns from: notes cut into windows, fragments, and the bank of terms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertillon_models.mention_lines import read_mention_line
from bertillon_models.training.examples import (
    IGNORED,
    LearnedWindow,
    kind_of,
    term_bank,
    window_of_line,
    windows_of_note,
)
from bertillon_models.training.stems import Stems
from bertillon_server.coding.heads import ASSERTIONS, AXES, PROCEDURE_TAGS, TAGS
from bertillon_server.coding.vocabulary import Assertion, SectionKind
from bertillon_server.coding.windows import MAX_TOKENS, SPECIAL_TOKENS, kind_token
from bertillon_server.inference.tokenizer import Tokenizer
from small_learning import PROCEDURES, TERMS, TITLES, small_bank, small_note, small_tokenizer

PRESENT = Assertion.PRESENT


@pytest.fixture
def stems() -> Stems:
    return Stems(TITLES)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return small_tokenizer(tmp_path)


def spelled(window: LearnedWindow) -> str:
    """Spell the tags of a window: o outside, b begin, i inside, ? not learned from."""
    return "".join("?" if tag == IGNORED else TAGS[tag][0] for tag in window.tags)


def test_the_words_of_a_mention_are_tagged_and_all_others_are_outside(
    tokenizer: Tokenizer, stems: Stems
) -> None:
    note = small_note(
        "Assessment:\nno ",
        ("chest pain", "R07.9", Assertion.NEGATED, "negated"),
        " of the ",
        ("acute heart failure", "I50.21", PRESENT, ""),
        ".",
    )
    (window,) = windows_of_note(note, tokenizer, stems, PROCEDURES)
    assert spelled(window) == "??" + "o" + "bi" + "oo" + "bii" + "o" + "?"
    assert window.ids[1] == kind_token(SectionKind.ASSESSMENT)
    pain, failure = window.mentions
    assert [TAGS[window.tags[mention.first]] for mention in window.mentions] == [
        "begin-symptom",
        "begin-problem",
    ]
    assert (pain.first, pain.last, failure.first, failure.last) == (3, 5, 7, 10)
    assert (pain.assertion, pain.codeable) == (ASSERTIONS.index(Assertion.NEGATED), 0)
    assert (failure.assertion, failure.codeable) == (ASSERTIONS.index(PRESENT), 1)
    assert (failure.code, failure.stem) == ("I50.21", stems.number("I50.21"))
    assert AXES["acuity"][failure.axes[list(AXES).index("acuity")]] == "acute"


def test_procedures_are_tagged_where_no_annotation_touches_them(tokenizer: Tokenizer, stems: Stems) -> None:
    note = small_note(
        "Assessment:\nthe chest of ",
        ("chest pain", "R07.9", PRESENT, ""),
        ", heart of the kidney.",
    )
    (window,) = windows_of_note(note, tokenizer, stems, PROCEDURES)
    spelled_out = "".join("?" if tag == IGNORED else PROCEDURE_TAGS[tag][0] for tag in window.procedures)
    assert spelled_out == "??" + "obo" + "oo" + "o" + "biii" + "o" + "?"


def test_every_mention_is_in_the_window_of_its_own_sentence(tokenizer: Tokenizer, stems: Stems) -> None:
    filler = "the chest of the heart, no disease of the kidney. " * 5
    note = small_note(
        f"HPI:\n{filler}",
        ("cough", "R05.9", PRESENT, "mentioned"),
        f". {filler}\n\nAssessment:\n1. ",
        ("heart failure", "I50.9", PRESENT, ""),
        "\n",
    )
    windows = list(windows_of_note(note, tokenizer, stems, PROCEDURES))
    assert len(windows) > 2
    assert [mention.code for window in windows for mention in window.mentions] == ["R05.9", "I50.9"]
    assert all(len(window.ids) == len(window.tags) <= MAX_TOKENS for window in windows)
    assert windows[-1].ids[1] == kind_token(SectionKind.ASSESSMENT)


def test_a_mention_that_the_end_of_a_window_cuts_is_neither_a_mention_nor_nothing(
    tokenizer: Tokenizer, stems: Stems
) -> None:
    before = "the " * (MAX_TOKENS - SPECIAL_TOKENS - 1)
    note = small_note(before, ("heart failure", "I50.9", PRESENT, ""), " of the disease")
    first, second = windows_of_note(note, tokenizer, stems, PROCEDURES)
    assert not first.mentions
    assert not second.mentions
    assert spelled(first)[-3:] == "o??"
    assert spelled(second) == "??" + "?" + "ooo" + "?"


@pytest.mark.parametrize(
    ("code", "assertion", "kind"),
    [
        ("I50.9", PRESENT, "problem"),
        ("R05.9", PRESENT, "symptom"),
        ("Z79.4", PRESENT, "status"),
        ("Z80.3", PRESENT, "history"),
        ("Z87.891", PRESENT, "history"),
        ("Z88.0", PRESENT, "status"),
        ("I50.9", Assertion.HISTORICAL, "history"),
        ("W19.XXXA", PRESENT, "external_cause"),
        ("V49.9XXA", Assertion.HISTORICAL, "external_cause"),
        ("S93.401A", PRESENT, "problem"),
    ],
)
def test_a_mention_is_of_a_kind_by_its_code_and_assertion(code: str, assertion: Assertion, kind: str) -> None:
    assert kind_of(code, assertion) == kind


def test_a_fragment_teaches_nothing_of_the_words_around_its_mentions(
    tokenizer: Tokenizer, stems: Stems
) -> None:
    line = read_mention_line("no {{acute cough|R05.1}} of the disease", "here", TITLES)
    window = window_of_line(line, SectionKind.ASSESSMENT_AND_PLAN, tokenizer, stems, PROCEDURES)
    assert window is not None
    assert spelled(window) == "???" + "bi" + "???" + "?"
    assert window.ids[1] == kind_token(SectionKind.ASSESSMENT_AND_PLAN)
    (mention,) = window.mentions
    assert mention.codeable == IGNORED
    assert mention.assertion == ASSERTIONS.index(PRESENT)


def test_a_fragment_teaches_how_its_mentions_are_asserted(tokenizer: Tokenizer, stems: Stems) -> None:
    line = read_mention_line("no {{acute cough|R05.1|negated}} of the disease", "here", TITLES)
    window = window_of_line(line, SectionKind.ASSESSMENT_AND_PLAN, tokenizer, stems, PROCEDURES)
    assert window is not None
    (mention,) = window.mentions
    assert mention.assertion == ASSERTIONS.index(Assertion.NEGATED)


def test_a_fragment_longer_than_a_window_is_left_out(tokenizer: Tokenizer, stems: Stems) -> None:
    room = MAX_TOKENS - SPECIAL_TOKENS
    for words, fits in ((room - 1, True), (room, False)):
        line = read_mention_line("{{cough|R05.9}}" + " the" * words, "here", TITLES)
        assert (window_of_line(line, SectionKind.PLAN, tokenizer, stems, PROCEDURES) is not None) == fits


def test_the_bank_groups_terms_by_concept_and_category_and_keeps_each_once(stems: Stems) -> None:
    bank = term_bank([*TERMS, *TERMS], stems)
    assert list(zip(bank.texts, bank.codes, strict=True)) == TERMS
    for place, code in enumerate(bank.codes):
        assert place in bank.of_stem[int(bank.stems[place])]
        assert place in bank.of_category[code[:3]]
    for groups in (bank.of_stem.values(), bank.of_category.values()):
        assert sorted(place for places in groups for place in places) == list(range(len(TERMS)))
    assert bank.stems.dtype == np.int64


def test_positives_are_the_terms_of_the_concept(stems: Stems) -> None:
    bank = small_bank(stems)
    positives = [bank.texts[place] for place in bank.positives(stems.number("I50.21"), "I50.21")]
    assert positives == ["acute heart failure", "acute failure of the heart"]


def test_positives_of_a_concept_without_terms_are_those_of_the_nearest_code_above(stems: Stems) -> None:
    bank = term_bank([*TERMS, ("chronic kidney diseases", "N18"), ("coughing", "R05")], stems)

    def texts(code: str) -> list[str]:
        return [bank.texts[place] for place in bank.positives(stems.number(code), code)]

    assert texts("N18.31") == ["chronic kidney diseases"]
    assert texts("I50.1") == []
