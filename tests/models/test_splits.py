"""What is kept from training depends on a note's id and specialty, or on a fragment's words and codes, alone."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.splits import (
    HELD_OUT_SPECIALTIES,
    Split,
    code_is_held_out,
    fragment_split,
    note_split,
)

IDS = st.text(st.characters(codec="utf-8"), max_size=12)
CODES = st.from_regex(r"[A-TZ][0-9][0-9A]\.[0-9X]{1,3}", fullmatch=True)
LEARNED = sorted({"cardiology", "family medicine", "dermatology"} - HELD_OUT_SPECIALTIES)


def held_out(number: int) -> list[str]:
    """Return so many codes that are held out."""
    codes = (f"{letter}{n // 10:02}.{n % 10}" for letter in "ABCDEFGHIJKLMN" for n in range(1000))
    return [code for code, _ in zip(filter(code_is_held_out, codes), range(number), strict=False)]


@pytest.mark.parametrize(
    ("note", "specialty", "split"),
    [
        ("card-001", "cardiology", Split.TRAIN),
        ("card-005", "cardiology", Split.TRAIN),
        ("card-003", "cardiology", Split.DEV),
        ("card-001", "urology", Split.SPECIALTY),
        ("card-003", "Urology", Split.SPECIALTY),
    ],
)
def test_a_note_stays_where_it_was_when_figures_were_published(
    note: str, specialty: str, split: Split
) -> None:
    assert note_split(note, specialty) is split


def test_what_decides_is_a_digest_that_no_release_of_python_changes() -> None:
    words = "here for recheck of HTN"
    number = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
    assert (fragment_split(words, ["I10"]) is Split.DEV) == (number % 10 == 0)


@given(note=IDS, specialty=st.sampled_from(sorted(HELD_OUT_SPECIALTIES)))
def test_no_note_of_a_specialty_that_is_held_out_is_trained_on(note: str, specialty: str) -> None:
    assert note_split(note, specialty) is note_split(note, specialty.upper()) is Split.SPECIALTY


@given(notes=st.lists(IDS, unique=True), more=st.lists(IDS), specialty=st.sampled_from(LEARNED))
def test_adding_notes_moves_no_others(notes: list[str], more: list[str], specialty: str) -> None:
    before = {note: note_split(note, specialty) for note in notes}
    after = {note: note_split(note, specialty) for note in [*more, *notes]}
    assert before == {note: after[note] for note in notes}
    assert set(before.values()) <= {Split.TRAIN, Split.DEV}


@given(note=IDS)
def test_the_specialties_that_are_learned_from_share_the_split_of_an_id(note: str) -> None:
    assert len({note_split(note, specialty) for specialty in LEARNED}) == 1


@given(code=CODES, other=st.text("0123456789XADS", max_size=3))
def test_sides_and_encounters_of_a_code_are_held_out_together(code: str, other: str) -> None:
    assert code_is_held_out(code) == code_is_held_out(code[:5] + other)


@given(words=IDS, codes=st.lists(CODES, max_size=3))
def test_a_fragment_that_names_a_code_that_is_held_out_is_not_trained_on(
    words: str, codes: list[str]
) -> None:
    split = fragment_split(words, codes)
    assert (split is Split.CODE) == any(code_is_held_out(code) for code in codes)
    assert split is fragment_split(words, codes[::-1])
    assert fragment_split(words, [*codes, held_out(1)[0]]) is Split.CODE


def test_the_parts_have_about_the_sizes_they_are_said_to_have() -> None:
    learned = next(code for code in ("I10", "E11.9", "R05.9") if not code_is_held_out(code))
    notes = [note_split(f"n-{number}", "cardiology") for number in range(4000)]
    fragments = [fragment_split(f"line {number}", [learned]) for number in range(4000)]
    codes = [
        code_is_held_out(f"{letter}{n:02}.{m}") for letter in "ABCD" for n in range(100) for m in range(10)
    ]
    assert notes.count(Split.DEV) / 4000 == pytest.approx(1 / 4, abs=0.03)
    assert fragments.count(Split.DEV) / 4000 == pytest.approx(1 / 10, abs=0.02)
    assert sum(codes) / 4000 == pytest.approx(1 / 20, abs=0.015)
