"""The confidence that is fitted is a chance, and the threshold is the one that gives the highest micro-F1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bertillon_models.confidence_fit import (
    Example,
    _logistic_regression,
    choose_threshold,
    crossed,
    examples,
    fit,
)
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, Profile
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.confidence import Place, ProfileModel, Signals, features
from bertillon_server.coding.terms import TermFlag
from bertillon_server.coding.vocabulary import Assertion, SectionKind, Setting
from small_coder import small_coder

SIGNALS = Signals(
    code="I10",
    section=SectionKind.ASSESSMENT,
    assertion=Assertion.PRESENT,
    place=Place.HEAD,
    words=1,
    weight=1.0,
    margin=2.0,
    flags=TermFlag.CURATED,
    cosine=None,
    invented=0,
    used=0,
)
# Confidences apart from each other by far more than the rounding of a threshold, some of them equal.
CONFIDENCES = st.integers(1, 99).map(lambda percent: percent / 100)


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


def judged(pairs: list[tuple[float, bool]]) -> list[Example]:
    return [Example(0, SIGNALS, confidence, right) for confidence, right in pairs]


def micro_f1(pairs: list[tuple[float, bool]], gold: int, threshold: float) -> float:
    listed = [right for confidence, right in pairs if confidence >= threshold]
    return 2 * sum(listed) / (len(listed) + gold)


@given(
    pairs=st.lists(st.tuples(CONFIDENCES, st.booleans()), min_size=1, max_size=30), missed=st.integers(0, 9)
)
def test_no_threshold_has_a_higher_f1_than_the_one_chosen(
    pairs: list[tuple[float, bool]], missed: int
) -> None:
    gold = sum(right for _, right in pairs) + missed
    assume(gold)
    chosen = choose_threshold(judged(pairs), gold)
    best = max(micro_f1(pairs, gold, percent / 100) for percent in range(101))
    assert micro_f1(pairs, gold, chosen) == pytest.approx(best)


def test_the_threshold_lies_between_the_last_code_reported_and_the_next() -> None:
    assert choose_threshold(judged([(0.9, True), (0.5, True), (0.3, False)]), 2) == pytest.approx(0.4)
    assert choose_threshold(judged([(0.3, False), (0.5, True), (0.9, True)]), 2) == pytest.approx(0.4)


def test_codes_of_equal_confidence_are_reported_together_or_not_at_all() -> None:
    # Cut among the equals, in the order they happen to have, one right code would seem to stand alone.
    pairs = [(0.9, True), (0.4, True), *[(0.4, False)] * 20]
    assert 0.4 < choose_threshold(judged(pairs), 2) < 0.9


def test_without_examples_only_what_is_sure_is_reported() -> None:
    assert choose_threshold([], 3) == 1.0


def test_weights_have_the_sign_of_what_they_speak_for() -> None:
    lead = replace(SIGNALS, place=Place.BODY, invented=1)
    found = [
        *[Example(0, SIGNALS, 0.5, right=True)] * 30,
        *[Example(0, SIGNALS, 0.5, right=False)] * 3,
        *[Example(0, lead, 0.5, right=True)] * 3,
        *[Example(0, lead, 0.5, right=False)] * 30,
    ]
    weights = _logistic_regression(found)
    assert weights["place:head"] > 0 > weights["place:body"]
    assert weights["invented"] < 0
    model = ProfileModel(weights, 0.0)
    assert model.confidence(SIGNALS) == pytest.approx(30 / 33, abs=0.06)
    assert model.confidence(lead) == pytest.approx(3 / 33, abs=0.06)


def test_no_weights_near_those_that_are_fitted_are_better() -> None:
    rng = np.random.default_rng(3)
    found = [
        Example(
            0,
            replace(SIGNALS, place=list(Place)[rng.integers(3)], words=int(rng.integers(1, 4)), lead=lead),
            0.5,
            bool(rng.random() < 1 / (1 + np.exp(1 - lead))),
        )
        for lead in rng.uniform(0, 3, 60).tolist()
    ]
    weights = dict(_logistic_regression(found))

    def loss(changed: dict[str, float]) -> float:
        total = sum(weight**2 for weight in changed.values())
        for example in found:
            logit = sum(changed[name] * value for name, value in features(example.signals).items())
            total += float(np.log1p(np.exp(-logit if example.right else logit)))
        return total

    assert weights["lead"] > 0
    least = loss(weights)
    for name, weight in weights.items():
        for change in (-0.02, 0.02):
            assert loss(weights | {name: weight + change}) > least


def test_examples_that_agree_are_no_cause_for_certainty() -> None:
    weights = _logistic_regression([Example(0, SIGNALS, 0.5, right=True)] * 3)
    assert 0.5 < ProfileModel(weights, 0.0).confidence(SIGNALS) < 0.95
    assert _logistic_regression([]) == {}


def note(number: int, text: str, *codes: str) -> CodedNote:
    return CodedNote(f"n-{number}", text, frozenset(codes), Setting.OUTPATIENT)


# Heads of problems were coded, what stands in the review of systems was not.
NOTES = [
    note(number, f"ROS:\n{other}.\n\nAssessment:\n1. {problem}.\n", code)
    for number, (other, problem, code) in enumerate(
        [("Cough", "Hypertension", "I10"), ("Fever", "Asthma", "J45.909"), ("Chest pain", "CKD", "N18.9")] * 2
    )
]


def test_every_code_of_a_note_is_an_example_whatever_its_confidence(coder: LocalCoder) -> None:
    model = ProfileModel({"bias": -9.0}, 0.9)
    found = examples(coder, NOTES[:2], Profile.US_OUTPATIENT, model)
    assert {(example.note, example.signals.code) for example in found if example.right} == {
        (0, "I10"),
        (1, "J45.909"),
    }
    assert {example.note for example in found} == {0, 1}
    assert all(example.confidence == pytest.approx(model.confidence(example.signals)) for example in found)


def test_a_fit_on_notes_tells_what_people_coded_from_what_they_did_not(coder: LocalCoder) -> None:
    before = coder.knowledge.calibration.profiles[Profile.US_OUTPATIENT.coding]
    model = fit(coder, NOTES, Profile.US_OUTPATIENT)
    found = examples(coder, NOTES, Profile.US_OUTPATIENT, model)
    right = [example.confidence for example in found if example.right]
    wrong = [example.confidence for example in found if not example.right]
    assert right
    assert min(right) > max(wrong, default=0.0)
    # The coder that was asked is as it was.
    assert coder.knowledge.calibration.profiles[Profile.US_OUTPATIENT.coding] == before


def test_each_half_is_judged_by_weights_of_the_other(
    coder: LocalCoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[list[str]] = []

    def fake_fit(coder: LocalCoder, notes: list[CodedNote], profile: Profile) -> ProfileModel:
        del coder, profile
        fitted.append([note.note_id for note in notes])
        return ProfileModel({"bias": float(len(fitted))}, 0.0)

    monkeypatch.setattr("bertillon_models.confidence_fit.fit", fake_fit)
    found = crossed(coder, NOTES[:4], Profile.US_OUTPATIENT)
    assert fitted == [["n-0", "n-2"], ["n-1", "n-3"]]
    # The first weights judge the notes that they were not fitted on, and so do the second.
    first = ProfileModel({"bias": 1.0}, 0.0).confidence(SIGNALS)
    codes = {(example.signals.code, example.confidence == pytest.approx(first)) for example in found}
    assert {("J45.909", True), ("I10", False), ("N18.9", False)} <= codes
