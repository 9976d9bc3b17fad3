"""The encoder once more, in a few lines of numpy: what the graph must compute."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bertillon_models.weights import EncoderWeights, Floats, Linear, Norm

_erf = np.vectorize(math.erf)


def forward(weights: EncoderWeights, ids: NDArray[np.int64]) -> Floats:
    """Return the rows [batch, tokens, width] of [batch, tokens]: hidden states, then the logits of the heads."""
    batch, tokens = ids.shape
    heads, epsilon = weights.shape.heads, weights.shape.norm_epsilon
    size = weights.shape.hidden // heads
    hidden = _norm(weights.words[ids] + weights.positions[:tokens], weights.embedding_norm, epsilon)
    for layer in weights.layers:
        mixed = _linear(hidden, layer.qkv).reshape(batch, tokens, 3, heads, size).transpose(2, 0, 3, 1, 4)
        query, key, value = mixed
        logits = query @ key.swapaxes(-1, -2) / math.sqrt(size)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        attended = (shares / shares.sum(-1, keepdims=True)) @ value
        attended = attended.transpose(0, 2, 1, 3).reshape(batch, tokens, -1)
        hidden = _norm(_linear(attended, layer.attention_out) + hidden, layer.attention_norm, epsilon)
        wide = _linear(hidden, layer.expand)
        active = wide * 0.5 * (1 + _erf(wide / math.sqrt(2)))
        hidden = _norm(_linear(active, layer.contract) + hidden, layer.output_norm, epsilon)
    if weights.heads is None:
        return hidden
    rows: Floats = np.concatenate([hidden, _linear(hidden, weights.heads)], axis=-1)
    return rows


def _linear(value: Floats, linear: Linear) -> Floats:
    result: Floats = value @ linear.weight + linear.bias
    return result


def _norm(value: Floats, norm: Norm, epsilon: float) -> Floats:
    centred = value - value.mean(-1, keepdims=True)
    result: Floats = (
        centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + epsilon) * norm.gain + norm.offset
    )
    return result
