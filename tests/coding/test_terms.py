"""The term index finds what was put in, wherever the words stand, and nothing else."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.terms import Term, build_table
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.words import words_of

KNOWN = frozenset(
    {"M25.56", "M25.561", "M25.562", "M25.569", "I10", "I26.99", "I50.1", "I50.9", "E10.9", "E11.9", "N18.31"}
)
TERMS = [
    Term("Pain in right knee", "M25.561", "title"),
    Term("Pain in left knee", "M25.562", "title"),
    Term("Pain in unspecified knee", "M25.569", "title"),
    Term("hypertension", "I10", "doid_name"),
    Term("PE", "I26.99", "lexicon", capitals=True),
    Term("Left ventricular failure, unspecified", "I50.1", "title"),
    Term("diabetes", "E11.9", "lexicon"),
    Term("diabetes", "E10.9", "doid_exact"),
    Term("ckd stage 3a", "N18.31", "lexicon"),
    Term("not of this release", "Q99.123", "title"),
]


def index() -> TermIndex:
    table = build_table(TERMS, KNOWN)
    return TermIndex(table.rows, tuple(table.codes))


def found(text: str) -> dict[str, str]:
    words = words_of(text)
    terms = index()
    matches = terms.matches(words, np.zeros(len(words.forms), np.int32))
    best: dict[str, str] = {}
    for match in sorted(matches, key=lambda m: -m.weight):
        best.setdefault(
            text[words.starts[match.first] : words.ends[match.last - 1]], terms.targets(match)[0][0]
        )
    return best


def test_sides_lead_to_the_code_of_the_side_and_without_one_to_what_they_share() -> None:
    assert found("pain in the right knee")["pain in the right knee"] == "M25.561"
    assert found("Knee pain, left.")["Knee pain, left"] == "M25.562"
    assert found("knee pain")["knee pain"] == "M25.56"


def test_word_order_and_silent_words_do_not_matter() -> None:
    assert found("CKD, stage 3a") == {"CKD, stage 3a": "N18.31"}
    assert found("pain of her knee") == {"pain of her knee": "M25.56"}


def test_a_term_in_capitals_matches_only_in_capitals() -> None:
    assert found("acute PE on CT") == {"PE": "I26.99"}
    assert found("the pe was normal") == {}


def test_a_side_that_belongs_to_the_name_counts() -> None:
    assert found("left ventricular failure")["left ventricular failure"] == "I50.1"


def test_the_lexicon_says_what_is_meant_by_default_and_the_rest_is_kept() -> None:
    words = words_of("diabetes")
    terms = index()
    (match,) = terms.matches(words, np.zeros(1, np.int32))
    assert [code for code, _, _ in terms.targets(match)] == ["E11.9", "E10.9"]


def test_no_run_leaves_its_sentence() -> None:
    words = words_of("knee. pain")
    assert index().matches(words, np.array([0, 1], np.int32)) == []


def test_a_code_that_the_release_has_not_is_left_out() -> None:
    assert "Q99.123" not in build_table(TERMS, KNOWN).codes


def test_the_index_is_the_same_after_storing(tmp_path: Path) -> None:
    table = build_table(TERMS, KNOWN)
    np.save(tmp_path / "terms.npy", table.rows)
    (tmp_path / "codes.txt").write_text("\n".join(table.codes), encoding="ascii")
    loaded = TermIndex.load(tmp_path / "terms.npy", tmp_path / "codes.txt")
    words = words_of("hypertension and right knee pain")
    numbers = np.zeros(len(words.forms), np.int32)
    assert loaded.matches(words, numbers) == index().matches(words, numbers)


@given(st.permutations(["pain", "in", "right", "knee"]))
def test_any_order_of_a_terms_words_is_the_term(words: list[str]) -> None:
    assert "M25.561" in found(" ".join(words)).values()


@given(st.text(max_size=200))
def test_any_text_is_looked_up_and_matches_lie_within_it(text: str) -> None:
    words = words_of(text)
    for match in index().matches(words, np.zeros(len(words.forms), np.int32)):
        assert 0 <= match.first < match.last <= len(words.forms)
