from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertillon_server.coding.sentences import MAX_SENTENCE, split_sentences
from bertillon_server.coding.spans import Span

pieces = st.sampled_from(
    [
        *[
            "Dr. Smith",
            "pt. ",
            "98.6",
            "1. ",
            "2. ",
            "- ",
            "• ",
            "q.d. ",
            "He is ill. ",
            "no fever",
            "...",
            "?",
            "! ",
            ";",
        ],
        *[
            "\n",
            "\n\n",
            "\r\n",
            "\u2029",
            "\x0b",
            " ",
            "\t",
            "\u00a0",
            "😀",
            "e\u0301",
            "\u200d",
            "שלום.",
            "\x00",
            ")",
            '"',
        ],
    ]
)
texts = st.text(max_size=150) | st.lists(pieces, max_size=40).map("".join)


def sentences(text: str) -> list[str]:
    return [span.of(text) for span in split_sentences(text, Span(0, len(text)))]


def assert_covers(text: str, span: Span, found: list[Span]) -> None:
    done = span.start
    for sentence in found:
        assert done <= sentence.start < sentence.end <= span.end
        assert not text[done : sentence.start].strip()
        assert sentence.of(text) == sentence.of(text).strip()
        assert sentence.end - sentence.start <= MAX_SENTENCE
        done = sentence.end
    assert not text[done : span.end].strip()


@given(text=texts, data=st.data())
@settings(max_examples=300)
def test_sentences_cover_a_span_of_any_text_in_order_and_trimmed(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))

    assert_covers(text, span, split_sentences(text, span))


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Smith saw the pt. for f/u of CHF.",
        "Takes metformin 500 mg b.i.d. with food.",
        "Temp 98.6, lesion 1.5 cm vs. 2 cm, e.g. on the arm, approx. 3 wks.",
        "Seen by J. Smith, M.D., for No. 2 of three lesions.",
        "Na 140; K 4.2; Cl 100; creatinine 1.1.",
        "Fever... but no chills.",
        "?pneumonia ? PE on the film.",
        "Patient was seen today for a\nheadache that lasted\r\nthree days.",
        "History of diabetes,\nHTN and gout.",
    ],
)
def test_abbreviations_decimals_and_wrapped_lines_do_not_end_a_sentence(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Lisinopril q.d. Continue. Next visit soon.", ["Lisinopril q.d.", "Continue.", "Next visit soon."]),
        ("Hepatitis C. She is well.", ["Hepatitis C.", "She is well."]),
        ("Seen by Dr. X. We agreed.", ["Seen by Dr. X.", "We agreed."]),
        ("Allergies: No. She denies any.", ["Allergies: No.", "She denies any."]),
        ("Denies pain.No fever.", ["Denies pain.", "No fever."]),
        ("denies cp. no sob.", ["denies cp.", "no sob."]),
        ("Pain at 7. 2 weeks ago flu.", ["Pain at 7.", "2 weeks ago flu."]),
        ("Any fever? None! Good.", ["Any fever?", "None!", "Good."]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
    ],
)
def test_a_sentence_ends_where_the_next_begins(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_each_line_of_a_list_is_a_sentence_with_its_marker() -> None:
    text = (
        "Problems:\n- asthma\n* gout\n• CKD, which is\n  stage 3\n1. HTN\n2) obesity\nSodium 140\nPotassium 4"
    )

    assert sentences(text) == [
        *["Problems:", "- asthma", "* gout", "• CKD, which is\n  stage 3", "1. HTN", "2) obesity"],
        *["Sodium 140", "Potassium 4"],
    ]


def test_numbered_items_in_one_line_are_apart() -> None:
    assert sentences("1. HTN. 2. DM 3. CKD. Stage 4.") == ["1. HTN.", "2. DM", "3. CKD.", "Stage 4."]


def test_an_empty_line_ends_a_sentence_whatever_follows() -> None:
    assert sentences("pain in the left\n\nknee and hip") == ["pain in the left", "knee and hip"]


def test_an_endless_sentence_is_cut_at_white_space_where_there_is_any() -> None:
    words = "word " * 500

    pieces_found = sentences(words)

    assert max(map(len, pieces_found)) <= MAX_SENTENCE
    assert " ".join(pieces_found) == words.strip()


def test_a_cut_does_not_part_a_letter_from_its_accent() -> None:
    text = "a" + "e\u0301" * MAX_SENTENCE

    assert all(not piece.startswith("\u0301") for piece in sentences(text))


@pytest.mark.parametrize(
    "unit", ["x", ".", ". ", " ", "\n", "? ", "Dr. ", "1. ", "- ", ".)", "e\u0301", "a\n", "…", ","]
)
def test_a_monotonous_text_of_the_largest_size_is_cut_in_bounded_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.process_time()

    found = split_sentences(text, Span(0, len(text)))

    # Several times what the slowest takes; a quadratic pattern takes half a minute.
    assert time.process_time() - start < 3.0
    assert_covers(text, Span(0, len(text)), found)
