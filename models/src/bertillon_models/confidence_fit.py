"""Fits the confidence of codes on labelled notes and chooses the threshold of each profile.

A code of a note is right when people gave the note that code. Its features are those of its best mention, which
the model itself chooses, so fitting alternates with choosing. Weights are fitted on one set of notes and the
threshold is chosen on another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, Profile
from bertillon_models.usage_fit import Editions, fit_usage, read_words
from bertillon_server.coding.confidence import ProfileModel, Signals, features
from bertillon_server.coding.results import CodingOptions, EncounterCode, NoteInput, SuppressedCode
from bertillon_server.coding.usage import Usage

# Pull of every weight towards 0, in examples; keeps rare features modest.
_RIDGE = 2.0
_NEWTON_STEPS = 25
_ROUNDS = 2
# Parts of the notes, each seen with what was learned on the others.
_PARTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A code of a note, with the signals of its best mention, its probability so far, and whether it is right.

    `listed` is false of a code that was considered and that the rules leave out.
    """

    note: int
    signals: Signals
    confidence: float
    right: bool
    listed: bool = True


def examples(
    coder: LocalCoder,
    notes: Sequence[CodedNote],
    profile: Profile,
    model: ProfileModel,
    *,
    considered: bool = False,
) -> list[Example]:
    """Code notes with a model and return every code that the rules leave, whatever its confidence.

    With `considered`, those that the rules leave out as well.
    """
    calibration = coder.knowledge.calibration
    profiles = {**calibration.profiles, profile.coding: ProfileModel(model.weights, 0.0)}
    recording = coder.with_calibration(dataclasses.replace(calibration, profiles=profiles))
    options = CodingOptions(profile=profile.coding, min_confidence=0.0)
    found = []
    for number, note in enumerate(track(notes, "coding", console=Console(stderr=True), transient=True)):
        coded = recording.code(NoteInput(text=note.text, setting=note.setting, options=options))
        codes: list[EncounterCode | SuppressedCode] = [*coded.summary.codes]
        if considered:
            codes += coded.summary.suppressed
        for code in codes:
            mentions = [
                coded.sections[ref.section_index].mentions[ref.mention_index] for ref in code.evidence
            ]
            best = max(mentions, key=lambda mention: mention.confidence)
            if best.signals is not None:
                right = profile.comparable(code.code.code) in note.codes
                listed = isinstance(code, EncounterCode)
                found.append(Example(number, best.signals, code.confidence, right, listed))
    return found


def fit(coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile) -> ProfileModel:
    """Fit the weights of a profile on labelled notes."""
    model = coder.knowledge.calibration.profiles[profile.coding]
    for _ in range(_ROUNDS):
        found = examples(coder, notes, profile, model)
        model = ProfileModel(_logistic_regression(found), model.threshold)
    return model


@dataclasses.dataclass(frozen=True, slots=True)
class Habits:
    """What was learned of annotators: their usage, the model that weighs it, and the threshold."""

    usage: Usage
    model: ProfileModel
    threshold: float


def fit_habits(
    coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile, parts: int = _PARTS
) -> Habits:
    """Learn usage, weights and threshold of a profile on labelled notes whose codes are comparable.

    Usage fits the notes that it was learned on better than any others, so each part of the notes is seen with what
    was learned on the other parts. Codes that the rules leave out are fitted on too: they stand in the ranked list.
    """
    plain = with_usage(coder, Usage())
    read = read_words(plain, notes, profile)
    editions = Editions(coder.billable, profile)
    others = [
        with_usage(coder, fit_usage([words for i, words in enumerate(read) if i % parts != part], editions))
        for part in range(parts)
    ]

    def judged(model: ProfileModel) -> list[Example]:
        return [
            example
            for part, other in enumerate(others)
            for example in examples(other, notes[part::parts], profile, model, considered=True)
        ]

    model = coder.knowledge.calibration.profiles[profile.coding]
    for _ in range(_ROUNDS):
        model = ProfileModel(_logistic_regression(judged(model)), model.threshold)
    threshold = choose_threshold(judged(model), sum(len(note.codes) for note in notes))
    return Habits(fit_usage(read, editions), model, threshold)


def with_usage(coder: LocalCoder, usage: Usage) -> LocalCoder:
    """Return a coder that differs in what it knows of annotators' usage."""
    return coder.with_calibration(dataclasses.replace(coder.knowledge.calibration, usage=usage))


def choose_threshold(found: Sequence[Example], gold: int) -> float:
    """Return the confidence from which on a code is reported, so that micro-F1 is highest.

    `gold` counts the codes that people gave the notes. The weights must not have been fitted on the examples.
    Without examples nothing is reported but what is sure.
    """
    ordered = sorted(
        (example for example in found if example.listed), key=lambda example: -example.confidence
    )
    if not ordered:
        return 1.0
    confidences = np.array([example.confidence for example in ordered])
    # No threshold parts examples of equal confidence.
    parted = np.append(confidences[1:] < confidences[:-1], True)
    right = np.cumsum([example.right for example in ordered])
    listed = np.arange(1, len(ordered) + 1)
    best = int(np.argmax(np.where(parted, 2 * right / (listed + gold), -1.0)))
    # Half-way to the next code, so that a rounding of the confidence does not decide.
    below = ordered[best + 1].confidence if best + 1 < len(ordered) else 0.0
    return round((ordered[best].confidence + below) / 2, 4)


def crossed(coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile) -> list[Example]:
    """Return the examples of each half of the notes as weights fitted on the other half see them."""
    halves = notes[::2], notes[1::2]
    return [
        example
        for fitted, seen in (halves, halves[::-1])
        for example in examples(coder, seen, profile, fit(coder, fitted, profile))
    ]


def _logistic_regression(found: Sequence[Example]) -> Mapping[str, float]:
    names = sorted({name for example in found for name in features(example.signals)})
    place = {name: i for i, name in enumerate(names)}
    matrix = np.zeros((len(found), len(names)))
    for row, example in enumerate(found):
        for name, value in features(example.signals).items():
            matrix[row, place[name]] = value
    labels = np.array([example.right for example in found], np.float64)
    weights = _newton(matrix, labels)
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def _newton(matrix: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.zeros(matrix.shape[1])
    ridge = _RIDGE * np.eye(matrix.shape[1])
    for _ in range(_NEWTON_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))
        gradient = matrix.T @ (chances - labels) + ridge @ weights
        hessian = (matrix * (chances * (1 - chances))[:, None]).T @ matrix + ridge
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    return weights
