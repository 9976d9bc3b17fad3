from __future__ import annotations

import time

import pytest
from benchmarks.notes import own_notes
from benchmarks.service import ROOT, Service
from benchmarks.spans import UNITS
from hypothesis import given, settings
from hypothesis import strategies as st
from replies import assert_sound

from bertillon import Bertillon, CodingOptions, OffsetUnit

LENGTH = 100_000
# A second or two on an idle core; slow machines and company have their share.
LIMIT_S = 20.0
# What the replies to one such text may add to the process: most are megabytes, none is kept.
GROWTH_BYTES = 300e6

CLINICAL = [
    "ASSESSMENT:\n",
    "A/P: ",
    "FAMILY HISTORY: ",
    "## Plan\n",
    "1. ",
    "- ",
    "Type 2 diabetes with neuropathy",
    "HTN",
    "acute on chronic systolic heart failure",
    "denies chest pain",
    "no fever or chills",
    "mother with breast cancer",
    "h/o stroke",
    "likely pneumonia",
    "fracture of the left femur, initial encounter",
    "CKD stage 3b",
    "pt c/o SOB x3d",
    "return if vomiting",
    "Sjögren's syndrome",
    "Ménière\u2019s disease",
]
BETWEEN = [
    " ",
    ". ",
    ", ",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\t",
    "\u00a0",
    "\u2028",
    "\u0085",
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\0",
    "\x07",
    "\u0301",
    "\u202e",
    "😀",
    "👩🏽‍⚕️",
    "שלום",
    "مرحبا",
    "疼痛",
    "\U0001d4b3",
    "ﬁ",
    "İ",
    "ß",
    "/",
    "(",
    "",
]
PIECES = st.one_of(
    st.sampled_from(CLINICAL), st.sampled_from(BETWEEN), st.sampled_from(BETWEEN), st.text(max_size=3)
)
TEXTS = st.lists(PIECES, min_size=1, max_size=40).map("".join).filter(lambda text: bool(text.strip()))


@settings(max_examples=80)
@given(text=TEXTS, unit=st.sampled_from(list(UNITS.values())))
def test_every_span_quotes_what_stands_there_whatever_the_text(
    client: Bertillon, text: str, unit: OffsetUnit.ValueType
) -> None:
    result = client.code_note_all(text, options=CodingOptions(offset_unit=unit))
    assert_sound(result, text, unit)


def filled(pattern: str, before: str = "") -> str:
    return (before + pattern * (LENGTH // len(pattern)))[:LENGTH]


def many_conditions() -> str:
    """Return a list of all that the lexicon knows of a chapter: hundreds of codes in one note."""
    lines = (ROOT / "models" / "lexicon" / "circulatory.tsv").read_text("utf-8").splitlines()
    return ", ".join(line.split("\t")[0] for line in lines if line and not line.startswith("#"))[:LENGTH]


UNUSUAL = {
    "one word": filled("a"),
    "one word made of terms": filled("hypertension"),
    "terms between commas without a space": filled("htn,dm,copd,"),
    "terms without a period": filled("chest pain ", "ASSESSMENT:\n"),
    "words that mean nothing": filled("severe worsening thing ", "ASSESSMENT:\n"),
    "relatives": filled("mother has diabetes, ", "FAMILY HISTORY: "),
    "every condition": many_conditions(),
    "digits": filled("1"),
    "list numbers": filled("1. a\n"),
    "headers": filled("ASSESSMENT:\n"),
    "titles of a letter": filled("A:\n"),
    "emoji": filled("😀"),
    "joined emoji": filled("👩🏽‍⚕️"),
    "control characters": filled("".join(map(chr, range(1, 32))), "pain"),
    "NUL": filled("\0pain\0"),
    "CRLF": filled("pain\r\n"),
    "lone CR": filled("no pain\r"),
    "NBSP": filled("chest\u00a0pain\u00a0"),
    "combining marks": filled("e\u0301"),
    "marks on one letter": filled("\u0301", "a"),
    "right to left": filled("שלום pain "),
    "direction marks": filled("\u202epain\u202c "),
    "surrogate pairs in UTF-16": filled("\U0001d4b3 pain "),
    "white space around a word": "\u00a0" * 50_000 + "pain" + "\n" * 49_996,
}


# In ASCII all units count alike; elsewhere code points are the offsets that need no conversion.
CASES = [
    (what, unit)
    for what, text in UNUSUAL.items()
    for unit in UNITS
    if text.isascii() == (unit == "code points")
]


@pytest.mark.parametrize(("what", "unit"), CASES)
def test_a_long_unusual_text_is_answered_rightly_in_bounded_time_and_memory(
    client: Bertillon, server: Service, what: str, unit: str
) -> None:
    text = UNUSUAL[what]
    before = server.resident_bytes()
    began = time.monotonic()
    result = client.code_note_all(text, options=CodingOptions(offset_unit=UNITS[unit]), timeout=LIMIT_S)
    assert time.monotonic() - began < LIMIT_S
    assert_sound(result, text, UNITS[unit])
    assert server.resident_bytes() - before < GROWTH_BYTES


@pytest.mark.parametrize("unit", [*UNITS])
def test_notes_with_foreign_line_ends_and_signs_have_right_offsets(client: Bertillon, unit: str) -> None:
    for note in own_notes()[:10]:
        text = note.replace("\n", "\r\n").replace(", ", ",\u00a0").replace("e", "e\u0301", 20) + " 😀"
        result = client.code_note_all(text, options=CodingOptions(offset_unit=UNITS[unit]))
        assert_sound(result, text, UNITS[unit])
