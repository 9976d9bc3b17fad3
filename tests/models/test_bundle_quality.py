"""The bundle that is shipped, on the notes that we wrote: a change of code that costs quality fails here."""

from pathlib import Path

import pytest

from bertillon_models.corpus import corpus_notes
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import Profile
from bertillon_models.evaluation.notes import Scores, excludes1_violations, predict, score

ROOT = Path(__file__).parents[2]
# What the bundle reached when it was recorded, less a point for changes that trade one note for another.
EXACT_F1, CATEGORY_F1 = 0.55, 0.65


@pytest.fixture(scope="module")
def coder() -> LocalCoder:
    return LocalCoder(ROOT / "models" / "current")


@pytest.fixture(scope="module")
def scores(coder: LocalCoder) -> Scores:
    notes = corpus_notes(ROOT / "models" / "corpus", coder.billable)
    predictions, _, unbillable = predict(coder, notes, Profile.ENCOUNTER)
    scored = score("shipped", notes, predictions)
    scored.plain["unbillable"] = unbillable
    scored.plain["violations"] = excludes1_violations(coder, predictions)
    return scored


def test_codes_of_the_corpus_are_found_as_recorded(scores: Scores) -> None:
    assert scores.figures["exact F1"].value >= EXACT_F1
    assert scores.figures["category F1"].value >= CATEGORY_F1


def test_every_code_is_billable_and_no_two_exclude_each_other(scores: Scores) -> None:
    assert scores.plain["unbillable"] == 0
    assert scores.plain["violations"] == 0
