"""Tokens are whole, unpadded and bounded, and their offsets are code points of the text as given."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.inference.tokenizer import CODE_POINTS_PER_TOKEN, Tokenizer
from small_bundle import write_tokenizer

CLS, SEP, UNKNOWN = 2, 3, 1
# Surrogates are no text: they cannot be encoded as UTF-8 and never arrive in a request.
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.from_file(write_tokenizer(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"))


def _pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    _, starts, ends = tokenizer.split(text)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def test_published_padding_and_truncation_are_switched_off(tokenizer: Tokenizer) -> None:
    short, long = tokenizer.encode(["pain", "pain " * 50], max_tokens=1000)
    assert len(short) == 3
    assert len(long) == 52


def test_ids_are_framed_and_of_the_sessions_type(tokenizer: Tokenizer) -> None:
    (ids,) = tokenizer.encode(["chest pain"], max_tokens=10)
    assert ids.dtype == np.int64
    assert (ids[0], ids[-1], len(ids)) == (CLS, SEP, 4)


def test_a_blank_text_has_its_frame_only(tokenizer: Tokenizer) -> None:
    assert [ids.tolist() for ids in tokenizer.encode(["", " \r\n"], max_tokens=10)] == [[CLS, SEP]] * 2


def test_the_cap_keeps_the_frame(tokenizer: Tokenizer) -> None:
    whole, cut = (tokenizer.encode(["chest pain of the heart"], max_tokens=cap)[0] for cap in (99, 4))
    assert cut.tolist() == [*whole[:3], SEP]


@given(_texts, st.integers(3, 40))
def test_the_cap_cuts_and_changes_nothing_else(tokenizer: Tokenizer, text: str, cap: int) -> None:
    whole, cut = (tokenizer.encode([text], max_tokens=tokens)[0].tolist() for tokens in (10_000, cap))
    if len(text) <= cap * CODE_POINTS_PER_TOKEN:
        assert cut == (whole if len(whole) <= cap else [*whole[: cap - 1], SEP])
    assert len(cut) <= cap


@given(st.lists(_texts, max_size=5))
def test_a_text_has_the_same_tokens_alone_and_in_company(tokenizer: Tokenizer, texts: list[str]) -> None:
    together = tokenizer.encode(texts, max_tokens=500)
    for text, ids in zip(texts, together, strict=True):
        assert ids.tolist() == tokenizer.encode([text], max_tokens=500)[0].tolist()
        assert ids.tolist() == [CLS, *tokenizer.split(text)[0], SEP]


@given(_texts)
def test_offsets_lie_in_the_text_and_in_order(tokenizer: Tokenizer, text: str) -> None:
    ids, starts, ends = tokenizer.split(text)
    assert len(ids) == len(starts) == len(ends)
    assert all(0 <= start <= end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert starts == sorted(starts)


@given(before=st.text(st.sampled_from("😀🩺 \u0301\u0308é\t\r\n\u00a0עב漢\0\x07,.-"), max_size=40))
def test_a_word_is_found_where_it_stands_whatever_precedes_it(tokenizer: Tokenizer, before: str) -> None:
    text = f"{before} heart failure"
    assert _pieces(tokenizer, text)[-2:] == ["heart", "failure"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Chest pain", ["Chest", "pain"]),
        ("🩺 pain, cough", ["🩺", "pain", ",", "cough"]),
        ("pai\0n\u00a0cough\r\n", ["pai\0n", "cough"]),
        ("PÁIN", ["PÁIN"]),
        ("coughs", ["cough", "s"]),
    ],
)
def test_pieces_are_quoted_as_written(tokenizer: Tokenizer, text: str, pieces: list[str]) -> None:
    assert _pieces(tokenizer, text) == pieces


@pytest.mark.parametrize(
    "unit", ["a", ".", "😀", "a\u0301", "\u0301", "漢", "\0", " ", "ab ", "\ufdfa", "x" * 99 + " "]
)
def test_a_text_without_end_is_answered_within_the_cap(tokenizer: Tokenizer, unit: str) -> None:
    text = unit * (100_000 // len(unit))
    (ids,) = tokenizer.encode([text], max_tokens=64)
    assert len(ids) <= 64
    _, _, ends = tokenizer.split(text)
    assert max(ends, default=0) <= len(text)


def test_the_last_code_point_is_no_limit(tokenizer: Tokenizer) -> None:
    assert _pieces(tokenizer, chr(sys.maxunicode) + " pain")[-1] == "pain"


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Exception, match="Model missing"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")
