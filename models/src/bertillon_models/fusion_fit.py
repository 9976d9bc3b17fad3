"""Fits what the rules of assertion and the encoder are worth to each other on annotated mentions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.fusion import Fusion
from bertillon_server.coding.heads import ASSERTIONS

# What the encoder may count beside the rules, and how sure it may be taken to be.
POWERS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEAST = (0.001, 0.003, 0.01, 0.03)


def fit_fusion(
    by_rules: Sequence[int], read: NDArray[np.floating], gold: Sequence[int], powers: Sequence[float] = POWERS
) -> Fusion:
    """Return the fusion under which the gold assertions are likeliest.

    `read` are the encoder's chances [examples, 7] on mentions that it was not trained on, in the order of the rules'
    verdicts and the gold, which are places in `heads.ASSERTIONS`.
    """
    kinds = len(ASSERTIONS)
    counts = np.eye(kinds) + 0.5  # as if each verdict had been right once more, and wrong now and then
    for rule, right in zip(by_rules, gold, strict=True):
        counts[rule, right] += 1
    usual = np.bincount(gold, minlength=kinds) + 0.5
    meant = counts / counts.sum(axis=1, keepdims=True)

    def likelihood(choice: tuple[float, float]) -> float:
        fusion = Fusion(meant, usual / usual.sum(), *choice)
        total = 0.0
        for rule, chances, right in zip(by_rules, read, gold, strict=True):
            scores = fusion.scores(rule, chances)
            total += float(scores[right] - np.log(np.exp(scores - scores.max()).sum()) - scores.max())
        return total

    power, least = max(itertools.product(powers, LEAST), key=likelihood)
    return Fusion(meant, usual / usual.sum(), power, least)
