"""What speaks for a candidate, as numbers, and how weights order candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.axes import read_title
from bertillon_server.coding.ranking import UNFITTED, Evidence, Ranking, features
from bertillon_server.coding.terms import TermFlag
from bertillon_server.coding.words import words_of


def evidence(title: str, said: str, **changes: object) -> Evidence:
    """Make the evidence for a code of that title, of which a curated term of weight 2 speaks by default."""
    made = Evidence(
        weight=2.0,
        flags=TermFlag.CURATED,
        similarity=None,
        invented=0,
        used=0,
        said=frozenset(words_of(said).forms),
        title=read_title(title),
    )
    return made._replace(**changes)  # type: ignore[arg-type]


KNEE = "Pain in right knee"


def test_a_term_speaks_by_its_weight_and_by_where_it_is_from() -> None:
    made = features(evidence(KNEE, "right knee pain", flags=TermFlag.OFFICIAL | TermFlag.STRIPPED))
    assert (made["term"], made["term:curated"], made["term:official"], made["term:stripped"]) == (
        0.2,
        0,
        1,
        1,
    )
    assert "near:only" not in made
    assert "near" not in made


def test_what_the_encoder_alone_proposes_has_no_feature_of_a_term() -> None:
    made = features(evidence(KNEE, "knee hurts", weight=0.0, flags=TermFlag(0), similarity=0.8))
    assert made["near"] == pytest.approx(2.0)
    assert made["near:only"] == 1
    assert not any(name.startswith("term") for name in made)


def test_a_term_that_the_encoder_finds_near_has_both() -> None:
    made = features(evidence(KNEE, "right knee pain", similarity=0.5))
    assert made["near"] == pytest.approx(-1.0)
    assert made["term"] > 0


@pytest.mark.parametrize(
    ("said", "unsaid", "untitled"),
    [
        ("right knee pain", 0, 0),
        ("knee pain", 1 / 4, 0),
        ("", 3 / 4, 0),
        ("right knee pain gout", 0, 1 / 5),
        ("gout", 3 / 4, 1 / 2),
    ],
)
def test_words_that_only_one_of_title_and_mention_has_are_told(
    said: str, unsaid: float, untitled: float
) -> None:
    made = features(evidence(KNEE, said))
    assert made["title:unsaid"] == pytest.approx(unsaid)
    assert made["said:untitled"] == pytest.approx(untitled)


def test_an_unspecified_title_is_open_and_asserts_nothing_by_that_word() -> None:
    made = features(evidence("Pain in unspecified knee", "knee pain"))
    assert (made["open"], made["title:unsaid"]) == (1, 0)
    assert features(evidence(KNEE, "knee pain"))["open"] == 0


@pytest.mark.parametrize(("number", "used", "invented"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (5, 2, 1)])
def test_details_are_counted_up_to_a_bound(number: int, used: int, invented: int) -> None:
    made = features(evidence(KNEE, "knee pain", used=number, invented=number))
    assert (made["used"], made["invented"]) == (used, invented)


@given(
    said=st.lists(st.sampled_from(["right", "left", "knee", "pain", "gout"])),
    weight=st.floats(0, 20),
    similarity=st.none() | st.floats(-1, 1),
    used=st.integers(0, 9),
)
def test_features_are_bounded_and_a_score_is_their_weighted_sum(
    said: list[str], weight: float, similarity: float | None, used: int
) -> None:
    made = evidence(KNEE, " ".join(said), weight=weight, similarity=similarity, used=used)
    values = features(made)
    assert all(-16 <= value <= 4 for value in values.values())
    weights = {name: number + 0.5 for number, name in enumerate(sorted(values))}
    assert Ranking(weights).score(made) == pytest.approx(sum(weights[name] * values[name] for name in values))


def test_a_weight_of_a_feature_that_nothing_has_changes_no_score() -> None:
    made = evidence(KNEE, "right knee pain")
    assert Ranking({"of another time": 9.0}).score(made) == 0
    assert Ranking({**UNFITTED, "of another time": 9.0}).score(made) == Ranking().score(made)


def test_before_anything_is_fitted_terms_come_before_neighbours_and_nothing_is_made_up() -> None:
    ranking = Ranking()
    term = evidence(KNEE, "right knee pain")
    near = term._replace(weight=0.0, flags=TermFlag(0), similarity=0.7)
    assert ranking.score(term) > ranking.score(near) > ranking.score(near._replace(similarity=0.6))
    assert ranking.score(term._replace(invented=1)) < ranking.score(near)
