"""A smaller encoder that begins as some of the layers of a larger one and learns to give what that one gives.

The student keeps the width, the tokenizer and the heads of its teacher, so that what follows an encoder (terms,
concept vectors, rules) reads either.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from bertillon_models.training.network import ClinicalEncoder, Padded
from bertillon_models.weights import EncoderWeights


def with_fewer_layers(weights: EncoderWeights, layers: int) -> EncoderWeights:
    """Return what a student of so many layers begins as: layers evenly apart, the last of them the last one.

    Raises ValueError where the weights have no more layers than that.
    """
    if not 0 < layers < weights.shape.layers:
        raise ValueError(
            f"a student of these weights has 1 to {weights.shape.layers - 1} layers, not {layers}"
        )
    kept = [round((place + 1) * weights.shape.layers / layers) - 1 for place in range(layers)]
    return replace(
        weights,
        shape=replace(weights.shape, layers=layers),
        layers=tuple(weights.layers[place] for place in kept),
    )


class Teacher:
    """An encoder that is not trained, whose hidden states another one learns; `digest` tells it from others."""

    def __init__(self, weights: EncoderWeights, device: torch.device) -> None:
        parts = [weights.words, *(layer.expand.weight for layer in weights.layers)]
        self.digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
        self._model = ClinicalEncoder.from_weights(weights).to(device).eval()

    def distance(self, hidden: Tensor, batch: Padded) -> Tensor:
        """Return how far hidden states [rows, tokens, hidden] of a batch are from the teacher's, per token [n].

        The squared distance as a share of the squared length: 0 where they are the same, about 2 where unrelated.
        """
        with torch.no_grad():
            taught = self._model(batch).float()[batch.mask]
        return functional.mse_loss(hidden[batch.mask], taught, reduction="none").sum(
            -1
        ) / taught.square().sum(-1)
