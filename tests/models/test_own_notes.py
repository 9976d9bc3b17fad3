"""A customer's coded notes: what is learned of them, and what is left open because nobody said it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertillon_models.evaluation.note_sets import CodedNote, Evidence
from bertillon_models.terms import Term, build_table
from bertillon_models.training.examples import IGNORED
from bertillon_models.training.own_notes import OwnWindows, aligned, mixed, read_own
from bertillon_models.training.stems import Stems
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex
from small_learning import PROCEDURES, TITLES, small_tokenizer, small_windows

BILLABLE = frozenset(TITLES) - {"N18", "R05"}
TEXT = "Assessment:\n1. acute heart failure.\n2. chronic kidney disease, no cough.\n"


@pytest.fixture(scope="module")
def index() -> TermIndex:
    terms = [
        Term("heart failure", "I50.9", "lexicon"),
        Term("acute heart failure", "I50.21", "lexicon"),
        Term("chronic kidney disease", "N18", "title"),
        Term("cough", "R05.9", "title"),
    ]
    table = build_table(terms, frozenset(TITLES))
    return TermIndex(table.rows, tuple(table.codes))


def read(index: TermIndex, folder: Path, *notes: CodedNote) -> OwnWindows:
    return read_own(notes, BILLABLE, index, small_tokenizer(folder), Stems(TITLES), PROCEDURES)


def marked(text: str, words: str, code: str) -> Evidence:
    start = text.index(words)
    return Evidence(code, Span(start, start + len(words)))


def placed(text: str, codes: set[str], index: TermIndex) -> dict[str, str]:
    return {found.code: found.span.of(text) for found in aligned(text, codes, index)}


def test_marked_evidence_is_a_mention_that_counts(index: TermIndex, tmp_path: Path) -> None:
    note = CodedNote(
        "1", TEXT, frozenset({"I50.21"}), evidence=(marked(TEXT, "acute heart failure", "I50.21"),)
    )
    own = read(index, tmp_path, note)
    (mention,) = (mention for window in own.windows for mention in window.mentions)
    assert (mention.code, mention.codeable, mention.last - mention.first) == ("I50.21", 1, 3)
    assert (own.marked, own.aligned, own.unplaced) == (1, 0, 0)


def test_nothing_is_learned_of_what_nobody_marked(index: TermIndex, tmp_path: Path) -> None:
    note = CodedNote("1", TEXT, frozenset({"R05.9"}), evidence=(marked(TEXT, "cough", "R05.9"),))
    (window,) = read(index, tmp_path, note).windows
    assert set(np.unique(window.tags[window.tags <= 0])) == {IGNORED}
    assert {mention.assertion for mention in window.mentions} == {IGNORED}


def test_a_code_without_evidence_is_looked_for_by_its_terms(index: TermIndex, tmp_path: Path) -> None:
    own = read(index, tmp_path, CodedNote("1", TEXT, frozenset({"I50.21", "N18.2"})))
    found = {mention.code: mention.codeable for window in own.windows for mention in window.mentions}
    assert found == {"I50.21": IGNORED, "N18.2": IGNORED}
    assert (own.marked, own.aligned, own.unplaced) == (0, 2, 0)


def test_codes_that_evidence_leaves_over_are_looked_for_beside_it(index: TermIndex, tmp_path: Path) -> None:
    evidence = (marked(TEXT, "acute heart failure", "I50.21"),)
    note = CodedNote("1", TEXT, frozenset({"I50.21", "I50.9", "R05.9"}), evidence=evidence)
    own = read(index, tmp_path, note)
    assert {mention.code for window in own.windows for mention in window.mentions} == {"I50.21", "R05.9"}
    assert (own.marked, own.aligned, own.unplaced) == (1, 1, 1)


def test_the_longest_term_has_its_words_to_itself(index: TermIndex) -> None:
    assert placed(TEXT, {"I50.21", "I50.9"}, index) == {"I50.21": "acute heart failure"}
    assert placed(TEXT, {"I50.9"}, index) == {"I50.9": "heart failure"}


def test_a_category_counts_for_the_only_code_below_it(index: TermIndex) -> None:
    assert placed(TEXT, {"N18.2"}, index) == {"N18.2": "chronic kidney disease"}
    assert placed(TEXT, {"N18.1", "N18.2"}, index) == {}


def test_a_code_that_is_not_billable_is_counted_and_not_trained_on(index: TermIndex, tmp_path: Path) -> None:
    evidence = (marked(TEXT, "chronic kidney disease", "N18"),)
    notes = [
        CodedNote("1", TEXT, frozenset({"N18"}), evidence=evidence),
        CodedNote("2", TEXT, frozenset({"N18"})),
    ]
    own = read(index, tmp_path, *notes)
    assert own.unbillable == {"N18": 2}
    assert own.windows == []


def test_own_windows_are_about_half_and_never_learned_by_heart(tmp_path: Path) -> None:
    notes, lines = small_windows(small_tokenizer(tmp_path), Stems(TITLES))
    others, own = notes[:1] * 30, lines[:1]
    assert sum(window is own[0] for window in mixed(own * 10, others)) == 30
    assert sum(window is own[0] for window in mixed(own, others)) == 8
    assert len(mixed(own * 40, others)) == 70
