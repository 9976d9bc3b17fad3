"""The ranking that is fitted prefers what made people choose a candidate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase
from bertillon_models.ranking_fit import RIVALS, Contest, contests, fit_ranking
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.ranking import Ranking
from bertillon_server.coding.spans import Span
from small_coder import small_coder


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


def case(text: str, mention: str, code: str) -> MentionCase:
    start = text.index(mention)
    return MentionCase(text, Span(start, start + len(mention)), frozenset({code}), alone=False)


def loss(weights: dict[str, float], found: list[Contest], ridge: float = 3.0) -> float:
    """Return what the fit is to make least, written once more."""
    total = ridge / 2 * sum(weight**2 for weight in weights.values())
    for contest in found:
        scores = np.array(
            [sum(weights[name] * value for name, value in row.items()) for row in contest.features]
        )
        total += float(np.log(np.exp(scores).sum()) - scores[contest.right])
    return total


def drawn(number: int) -> list[Contest]:
    """Draw contests in which `good` decides for a candidate, `bad` against it, and `noise` is nothing."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(number):
        rows = rng.normal(size=(4, 3))
        chances = 2.0 * rows[:, 0] - 1.0 * rows[:, 1] + rng.gumbel(size=4)
        features = tuple(
            {name: float(value) for name, value in zip(("good", "bad", "noise"), row, strict=True)}
            for row in rows
        )
        found.append(Contest(features, int(chances.argmax())))
    return found


def test_weights_have_the_sign_of_what_they_speak_for() -> None:
    weights = fit_ranking(drawn(400))
    assert weights["good"] == pytest.approx(2.0, abs=0.4)
    assert weights["bad"] == pytest.approx(-1.0, abs=0.3)
    assert abs(weights["noise"]) < 0.3


def test_no_weights_near_those_that_are_fitted_are_better() -> None:
    found = drawn(40)
    weights = fit_ranking(found)
    least = loss(weights, found)
    for name in weights:
        for change in (-0.02, 0.02):
            assert loss(weights | {name: weights[name] + change}, found) > least


def test_a_feature_that_a_candidate_lacks_counts_as_0() -> None:
    found = [Contest(({"near": 1.0}, {}), 0), Contest(({}, {"near": 1.0}), 1)] * 10
    assert fit_ranking(found)["near"] > 0.5


def test_a_feature_that_is_the_same_for_all_rivals_has_no_weight() -> None:
    found = [Contest(({"bias": 1.0, "term": 1.0}, {"bias": 1.0, "term": 0.0}), 0)] * 10
    weights = fit_ranking(found)
    assert weights["bias"] == 0
    assert weights["term"] > 0


def test_few_mentions_move_a_weight_little() -> None:
    contest = Contest(({"term": 1.0}, {"term": 0.0}), 0)
    once, often = fit_ranking([contest])["term"], fit_ranking([contest] * 100)["term"]
    assert 0 < once < 0.5 < often


def test_no_contests_give_no_weights() -> None:
    assert fit_ranking([]) == {}


def test_a_mention_is_a_contest_when_the_right_code_is_proposed_and_has_rivals(coder: LocalCoder) -> None:
    text = "Assessment:\n1. diabetes, tired sugar.\n2. hypertension\n"
    found = contests(
        coder,
        [
            case(text, "diabetes", "E11.9"),
            # What nobody proposes teaches nothing, nor does what has no rival, nor what has no word.
            case(text, "hypertension", "J45.909"),
            case(text, "hypertension", "I10"),
            case(text, ",", "I10"),
        ],
    )
    for contest in found:
        assert 0 <= contest.right < len(contest.features) <= RIVALS
        assert len(contest.features) > 1


def test_the_right_one_of_a_contest_is_the_one_that_people_gave(coder: LocalCoder) -> None:
    # Two terms in one mention: each is proposed, and people gave the second.
    text = "Assessment:\n1. asthma with pneumonia\n"
    (contest,) = contests(coder, [case(text, "asthma with pneumonia", "J18.9")])
    assert len(contest.features) == 2
    (other,) = contests(coder, [case(text, "asthma with pneumonia", "J45.909")])
    assert contest.features == other.features
    assert {contest.right, other.right} == {0, 1}
    assert all(set(Ranking().weights) & set(row) for row in contest.features)
