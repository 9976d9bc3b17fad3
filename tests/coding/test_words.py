"""Words of a text: offsets into the text as given, and forms that meet in the middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.words import canonical, words_of


@given(st.text(max_size=300))
def test_every_word_is_found_where_its_offsets_say(text: str) -> None:
    words = words_of(text)
    for start, end, form in zip(words.starts, words.ends, words.forms, strict=True):
        assert 0 <= start < end <= len(text)
        assert not any(c.isspace() for c in text[start:end])
        assert form == {"R": "right", "L": "left"}.get(text[start:end], canonical(text[start:end]))
    assert list(words.starts) == sorted(words.starts)


@given(st.text(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_a_part_of_a_text_gives_the_words_that_lie_in_it(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    assert words_of(text, start, end).forms == words_of(text[start:end]).forms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Oedema", "edema"),
        ("anaemia", "anemia"),
        ("haemorrhage", "bleeding"),
        ("diarrhoea", "diarrhea"),
        ("dyspnoea", "dyspnea"),
        ("tumours", "neoplasm"),
        ("fractures", "fx"),
        ("kidneys", "renal"),
        ("Sjögren", "Sjogren"),
        ("diabetic", "diabetes"),
        ("Rt", "right"),
    ],
)
def test_spellings_and_forms_of_one_word_meet(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"), [("colon", "colonoscopy"), ("acute", "chronic"), ("as", "a"), ("is", "i")]
)
def test_different_words_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_silent_words_and_sides_weigh_nothing_where_they_should() -> None:
    words = words_of("pain of the right knee")
    assert [bool(h) for h in words.full] == [True, False, False, True, True]
    assert [bool(h) for h in words.plain] == [True, False, False, False, True]


def test_a_single_capital_letter_is_a_side_and_a_small_one_is_not() -> None:
    assert words_of("R knee, L hip").forms == ("right", "knee", "left", "hip")
    assert "left" not in words_of("l hip, 5 ml").forms


@pytest.mark.parametrize(
    ("written", "forms"),
    [
        ("CKD3", ("ckd", "3")),
        ("ckd3a", ("ckd", "3a")),
        ("DM2", ("diabete", "2")),
        ("DMII", ("diabete", "2")),
        ("stage4", ("stage", "4")),
        ("CIN3", ("cin", "3")),
    ],
)
def test_a_number_written_onto_what_it_counts_is_a_word(written: str, forms: tuple[str, ...]) -> None:
    assert words_of(written).forms == forms


@pytest.mark.parametrize("written", ["B12", "T2DM", "L5", "COVID19", "HbA1c", "ckd33", "dms"])
def test_other_names_of_letters_and_digits_stay_whole(written: str) -> None:
    assert len(words_of(written).forms) == 1


def test_an_endless_word_is_kept_as_one_that_matches_nothing() -> None:
    words = words_of("x" * 100_000)
    assert len(words.forms) == 1
    assert words.full.dtype == np.uint64
    assert words.full[0] == 0
