"""Fits the ranking of candidates on annotated mentions: which of the codes proposed is the one that people gave.

A conditional logit: the features of the right candidate against those of its rivals. Mentions whose code nobody
proposes teach nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase
from bertillon_server.coding.candidates import place_of, ranked
from bertillon_server.coding.heads import read_mention
from bertillon_server.coding.ranking import features

# Candidates of a mention that compete.
RIVALS = 12
# Pull of every weight towards 0, in mentions.
_RIDGE = 3.0
_NEWTON_STEPS, _HALVINGS, _LEAST_FALL = 40, 20, 1e-4


@dataclass(frozen=True, slots=True)
class Contest:
    """The features of a mention's candidates, by name, and which of them is right."""

    features: tuple[dict[str, float], ...]
    right: int


def contests(coder: LocalCoder, cases: Sequence[MentionCase]) -> list[Contest]:
    """Return the contests of the mentions for which the right code is proposed."""
    found = []
    knowledge = coder.knowledge
    for case in track(cases, "ranking", console=Console(stderr=True), transient=True):
        place = place_of(knowledge, case.text, case.span, alone=case.alone)
        if place is None:
            continue
        rows = coder.encode([window for window in place.windows if window.holds(case.span)]).at(case.span)
        read = None if rows is None else read_mention(rows, knowledge.vectors.dimensions)
        candidates = ranked(knowledge, place, read, RIVALS)
        right = next((i for i, candidate in enumerate(candidates) if candidate.leaf.code in case.codes), None)
        if right is not None and len(candidates) > 1:
            found.append(Contest(tuple(features(candidate.evidence) for candidate in candidates), right))
    return found


def fit_ranking(found: Sequence[Contest]) -> dict[str, float]:
    """Return the weights by feature name that make the right candidates likeliest."""
    names = sorted({name for contest in found for features_ in contest.features for name in features_})
    place = {name: i for i, name in enumerate(names)}
    matrices = [_matrix(contest.features, place) for contest in found]
    rights = [contest.right for contest in found]
    weights = np.zeros(len(names))
    loss = _loss(matrices, rights, weights)
    for _ in range(_NEWTON_STEPS):
        gradient = _RIDGE * weights
        hessian = _RIDGE * np.eye(len(names))
        for matrix, right in zip(matrices, rights, strict=True):
            chances = np.exp(_log_chances(matrix, weights))
            mean = chances @ matrix
            gradient += mean - matrix[right]
            hessian += (matrix * chances[:, None]).T @ matrix - np.outer(mean, mean)
        step = np.linalg.solve(hessian, gradient)
        # A whole step overshoots where chances are near 0 or 1; it is halved until the loss falls.
        for _ in range(_HALVINGS):
            lower = _loss(matrices, rights, weights - step)
            if lower <= loss:
                break
            step /= 2
        weights, fall, loss = weights - step, loss - lower, lower
        if fall < _LEAST_FALL:
            break
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def _log_chances(matrix: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    scores = matrix @ weights
    chances: NDArray[np.float64] = scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())
    return chances


def _loss(
    matrices: Sequence[NDArray[np.float64]], rights: Sequence[int], weights: NDArray[np.float64]
) -> float:
    likely = sum(_log_chances(m, weights)[right] for m, right in zip(matrices, rights, strict=True))
    return float(_RIDGE * (weights @ weights) / 2 - likely)


def _matrix(rows: Iterable[dict[str, float]], place: dict[str, int]) -> NDArray[np.float64]:
    listed = list(rows)
    matrix = np.zeros((len(listed), len(place)))
    for number, row in enumerate(listed):
        for name, value in row.items():
            matrix[number, place[name]] = value
    return matrix
