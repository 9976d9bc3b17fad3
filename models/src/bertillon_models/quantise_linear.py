"""One linear map in int8: which smoothing, which channels apart, which steps.

SmoothQuant (Xiao et al. 2023, arXiv:2211.10438) moves the spread of an activation's channels into the
weights. What it cannot move is the one or two channels that are many times larger than all others at a single
token, as BERT's are after the GELU of its first layers: they alone would set the step of the whole tensor. The
excess of those channels over the range of the others goes past int8, as a product of fp32 numbers a few
columns wide. Weights are then rounded one input channel after the other (`rounding`), and the mean of the
error that remains goes into the bias.

How much is smoothed (alpha) and how many channels are taken apart is chosen for each map by its error on
calibration texts. A token counts by its error relative to its own output, because a LayerNorm follows: else
the few huge tokens would decide alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertillon_models.rounding import WEIGHT_LIMIT, round_in_turn
from bertillon_models.weights import Floats, Linear

ACTIVATION_LEVELS = 255

# Share of an activation's spread that moves into the weights.
ALPHAS = (0.5, 0.6, 0.7, 0.8, 0.9)
# Numbers of channels taken apart to choose from, for a map that may. Where it is worth it two are enough.
APART = (0, 1, 2)
# Tokens that candidates are compared on.
COMPARED_TOKENS = 1024
# Least share of the median length that an output counts with: an output near zero needs no relative precision.
LEAST_LENGTH = 0.25


@dataclass(frozen=True, slots=True)
class Observed:
    """What calibration texts put into one linear map: the largest magnitude per channel, and sampled tokens."""

    largest: Floats
    tokens: Floats


@dataclass(frozen=True, slots=True)
class QuantisedLinear:
    """A linear map in int8.

    The input is multiplied by `inverse_smoothing` (unless `folded`: what makes the input already does so),
    divided by `step`, rounded and shifted by `zero`; a column of the weight counts in units of its
    `weight_steps`. What channels `apart` have beyond the range is multiplied by their `apart_weight`.
    `relative_error` is the mean over calibration tokens of the output's squared error over its square.
    """

    inverse_smoothing: Floats
    step: float
    zero: int
    weight: NDArray[np.int8]
    weight_steps: Floats
    bias: Floats
    apart: NDArray[np.int64]
    apart_weight: Floats
    relative_error: float = 0.0
    folded: bool = False

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest input, after smoothing, that int8 represents."""
        return -self.zero * self.step, (ACTIVATION_LEVELS - self.zero) * self.step

    def product(self, tokens: Floats) -> Floats:
        """Return what the runtime computes for inputs [tokens, in], but for the bias."""
        smoothed = tokens * self.inverse_smoothing
        product: Floats = self.rounded(smoothed) @ (self.weight * self.weight_steps)
        return product + self.excess(smoothed) @ self.apart_weight

    def rounded(self, smoothed: Floats) -> Floats:
        """Return smoothed inputs as int8 represents them."""
        levels = np.clip(np.rint(smoothed / self.step) + self.zero, 0, ACTIVATION_LEVELS)
        rounded: Floats = ((levels - self.zero) * self.step).astype(np.float32)
        return rounded

    def excess(self, smoothed: Floats) -> Floats:
        """Return what the channels apart have beyond the range, [tokens, apart]."""
        picked = smoothed[:, self.apart]
        excess: Floats = picked - np.clip(picked, *self.range).astype(np.float32)
        return excess


def quantise_linear(linear: Linear, observed: Observed, *, apart: Sequence[int] = (0,)) -> QuantisedLinear:
    """Return the int8 form with the least error on the observed tokens.

    `apart` are the numbers of channels, fewer than all, that may be taken apart.
    """
    wanted = observed.tokens @ linear.weight
    lengths = np.linalg.norm(wanted, axis=1, keepdims=True)
    counts = 1 / np.maximum(lengths, LEAST_LENGTH * np.median(lengths))
    compared = slice(None, None, max(1, len(observed.tokens) // COMPARED_TOKENS))

    def error(candidate: QuantisedLinear) -> float:
        left = (candidate.product(observed.tokens[compared]) - wanted[compared]) * counts[compared]
        return float(np.square(left).sum(axis=1).mean())

    best = min((_plain(linear, observed, alpha, count) for alpha in ALPHAS for count in apart), key=error)
    rounded = best.rounded(observed.tokens * best.inverse_smoothing)
    smoothed_weight = linear.weight / best.inverse_smoothing[:, np.newaxis]
    best = replace(best, weight=round_in_turn(smoothed_weight, best.weight_steps, rounded * counts))
    # Rounding shifts the mean of the output; the bias takes the shift back.
    shift = np.average(wanted - best.product(observed.tokens), axis=0, weights=np.square(counts[:, 0]))
    return replace(best, bias=(linear.bias + shift).astype(np.float32), relative_error=error(best))


def _plain(linear: Linear, observed: Observed, alpha: float, apart: int) -> QuantisedLinear:
    order = np.argsort(-observed.largest, kind="stable")
    chosen, others = np.sort(order[:apart]), order[apart:]
    inverse = _inverse_smoothing(linear, np.minimum(observed.largest, observed.largest[order[apart]]), alpha)
    weight = linear.weight / inverse[:, np.newaxis]
    steps = (np.abs(weight).max(axis=0) / WEIGHT_LIMIT).astype(np.float32)
    smoothed = observed.tokens[:, others] * inverse[others]
    # Zero must have a level of its own, and does within any range that includes it.
    low, high = min(float(smoothed.min()), 0.0), max(float(smoothed.max()), 0.0)
    step = (high - low) / ACTIVATION_LEVELS
    return QuantisedLinear(
        inverse_smoothing=inverse,
        step=step,
        zero=int(np.clip(np.rint(-low / step), 0, ACTIVATION_LEVELS)),
        weight=np.rint(weight / steps).astype(np.int8),
        weight_steps=steps,
        bias=linear.bias,
        apart=chosen.astype(np.int64),
        apart_weight=weight[chosen],
    )


def _inverse_smoothing(linear: Linear, largest: Floats, alpha: float) -> Floats:
    tiny = np.finfo(np.float32).tiny
    activations = np.maximum(largest, tiny)
    weights = np.maximum(np.abs(linear.weight).max(axis=1), tiny)
    smoothing = activations**alpha / weights ** (1 - alpha)
    # Around 1, so that the steps of activations and weights stay of ordinary size.
    inverse: Floats = (np.exp(np.log(smoothing).mean()) / smoothing).astype(np.float32)
    return inverse
