"""Windows hold every token of a section once, in whole sentences while they fit, and know where each stands."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.windows import (
    GATHERED_TOKENS,
    MAX_TOKENS,
    SPECIAL_TOKENS,
    Encodings,
    Window,
    cut_windows,
    kind_token,
)
from small_knowledge import WordTokenizer

TEXTS = st.lists(
    st.sampled_from(
        ["pain", "of", "the", "knee", "1.", ". ", "\n", "- ", "x" * 30, "e\u0301", "\u00a0", "12 mg; "]
    ),
    max_size=300,
).map(" ".join)


def windows_of(text: str, kind: SectionKind = SectionKind.PLAN, start: int = 0) -> list[Window]:
    body = Span(start, len(text))
    return cut_windows(text, body, kind, split_sentences(text, body), WordTokenizer())  # type: ignore[arg-type]


@given(TEXTS)
def test_every_token_is_in_one_window_and_stands_where_it_says(text: str) -> None:
    prefix = "Seen today.\n"
    whole = prefix + text
    places = [
        (int(start), int(end))
        for window in windows_of(whole, start=len(prefix))
        for start, end in zip(window.starts[2:-1], window.ends[2:-1], strict=True)
    ]
    assert places == [m.span() for m in re.finditer(r"\w+|[^\w\s]", whole) if m.start() >= len(prefix)]


@given(TEXTS)
def test_no_window_is_longer_than_the_cap(text: str) -> None:
    assert all(SPECIAL_TOKENS < len(window.ids) <= MAX_TOKENS for window in windows_of(text))


def test_sentences_are_gathered_and_never_cut_while_they_fit() -> None:
    sentence = "The knee still hurts at night and on the stairs. "
    windows = windows_of(sentence * 20)
    tokens = len(re.findall(r"\w+|[^\w\s]", sentence))
    assert len(windows) > 1
    assert all((len(window.ids) - SPECIAL_TOKENS) % tokens == 0 for window in windows)
    assert all(len(window.ids) <= GATHERED_TOKENS for window in windows)


def test_a_sentence_without_end_is_cut_at_the_cap() -> None:
    text = "word " * 300
    whole = Span(0, len(text))
    windows = cut_windows(text, whole, SectionKind.PLAN, [whole], WordTokenizer())  # type: ignore[arg-type]
    assert [len(window.ids) for window in windows] == [MAX_TOKENS, MAX_TOKENS, 53]


def test_a_window_names_the_kind_of_its_section() -> None:
    for kind in SectionKind:
        (window,) = windows_of("Cough.", kind)
        assert window.ids[1] == kind_token(kind)
    assert len({kind_token(kind) for kind in SectionKind}) == len(SectionKind)
    assert max(map(kind_token, SectionKind)) < 100  # beyond it, BERT's vocabulary has tokens with a meaning


def test_a_section_without_words_has_no_windows() -> None:
    assert windows_of(" \n\t") == []


def test_rows_of_a_span_are_those_of_its_tokens() -> None:
    text = "No cough. Left knee pain since May. " * 8
    windows = windows_of(text)
    assert len(windows) > 1
    rows = [
        np.arange(len(window.ids), dtype=np.float32)[:, None] + 1000 * n for n, window in enumerate(windows)
    ]
    encodings = Encodings(windows, rows)
    for match in re.finditer("knee pain", text):
        found = encodings.at(Span(*match.span()))
        assert found is not None
        number, first = divmod(int(found[0, 0]), 1000)
        assert found[:, 0].tolist() == [1000 * number + first, 1000 * number + first + 1]
        assert text[windows[number].starts[first] : windows[number].ends[first + 1]] == "knee pain"


def test_what_no_window_has_seen_has_no_rows() -> None:
    text = "Cough. " * 40
    windows = windows_of(text)
    later = Encodings(windows[1:], [np.zeros((len(window.ids), 1), np.float32) for window in windows[1:]])
    assert later.at(Span(0, 5)) is None
