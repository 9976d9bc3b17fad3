"""The encoder in torch: a BERT trunk with heads on its hidden states, and the way to and from numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertillon_models.training.section_rows import FIRST_ROW, LAST_ROW
from bertillon_models.weights import EncoderShape, EncoderWeights, Floats, Layer, Linear, Norm
from bertillon_server.coding.heads import HEAD_WIDTH

# Applied to embeddings; in the blocks it cost an eighth of the time of a step.
DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class Padded:
    """Token ids int64 [rows, tokens], padded with 0, and a mask bool [rows, tokens] of what is no padding."""

    ids: Tensor
    mask: Tensor

    @classmethod
    def of(cls, rows: list[np.ndarray], device: torch.device) -> Padded:
        """Pad rows to the longest."""
        length = max(len(row) for row in rows)
        ids = np.zeros((len(rows), length), np.int64)
        mask = np.zeros((len(rows), length), bool)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = True
        return cls(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))


class _Block(nn.Module):
    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.hidden, 3 * shape.hidden)
        self.attention_out = nn.Linear(shape.hidden, shape.hidden)
        self.attention_norm = nn.LayerNorm(shape.hidden, eps=shape.norm_epsilon)
        self.expand = nn.Linear(shape.hidden, shape.intermediate)
        self.contract = nn.Linear(shape.intermediate, shape.hidden)
        self.output_norm = nn.LayerNorm(shape.hidden, eps=shape.norm_epsilon)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        rows, tokens, width = hidden.shape
        parts = self.qkv(hidden).view(rows, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # Written out: the fused kernel's way back costs six times as much for texts as short as these.
        scores = query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5
        scores = scores.masked_fill(~mask[:, None, None, :], torch.finfo(scores.dtype).min)
        mixed = scores.softmax(dim=-1).to(value.dtype) @ value
        mixed = self.attention_out(mixed.transpose(1, 2).reshape(rows, tokens, width))
        hidden = self.attention_norm(hidden + mixed)
        grown = self.contract(functional.gelu(self.expand(hidden)))
        normed: Tensor = self.output_norm(hidden + grown)
        return normed


class ClinicalEncoder(nn.Module):
    """The trunk, and one linear map that gives the logits of all heads."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.hidden)
        # Apart from the words, so that these can be trained while those are not.
        self.sections = nn.Parameter(torch.zeros(LAST_ROW - FIRST_ROW, shape.hidden))
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.hidden))
        self.embedding_norm = nn.LayerNorm(shape.hidden, eps=shape.norm_epsilon)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.heads = nn.Linear(shape.hidden, HEAD_WIDTH)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, batch: Padded) -> Tensor:
        """Return hidden states [rows, tokens, hidden]."""
        hidden = self._embedded(batch.ids) + self.positions[: batch.ids.shape[1]]
        hidden = self.dropout(self.embedding_norm(hidden))
        for block in self.blocks:
            hidden = block(hidden, batch.mask)
        return hidden

    def _embedded(self, ids: Tensor) -> Tensor:
        words = self.words(ids)
        places = ((ids >= FIRST_ROW) & (ids < LAST_ROW)).nonzero(as_tuple=True)
        put: Tensor = words.index_put(places, self.sections[ids[places] - FIRST_ROW])
        return put

    @classmethod
    def from_weights(cls, weights: EncoderWeights) -> ClinicalEncoder:
        """Start from published weights; heads that are not there yet begin near 0."""
        model = cls(weights.shape)
        with torch.no_grad():
            _put(model.words.weight, weights.words)
            _put(model.sections, weights.words[FIRST_ROW:LAST_ROW])
            _put(model.positions, weights.positions)
            _put_norm(model.embedding_norm, weights.embedding_norm)
            for block, layer in zip(model.blocks, weights.layers, strict=True):
                assert isinstance(block, _Block)  # noqa: S101 - what the list was made of
                for name in ("qkv", "attention_out", "expand", "contract"):
                    _put_linear(getattr(block, name), getattr(layer, name))
                _put_norm(block.attention_norm, layer.attention_norm)
                _put_norm(block.output_norm, layer.output_norm)
            nn.init.normal_(model.heads.weight, std=1 / math.sqrt(weights.shape.hidden))
            nn.init.zeros_(model.heads.bias)
            if weights.heads is not None:
                # Weights that were trained before the last heads were thought of have those before them.
                trained = len(weights.heads.bias)
                _put(model.heads.weight[:trained], weights.heads.weight.T)
                _put(model.heads.bias[:trained], weights.heads.bias)
        return model

    def to_weights(self) -> EncoderWeights:
        """Return everything that was learned as numpy arrays, the tokens of sections among the words again."""
        words = _take(self.words.weight)
        words[FIRST_ROW:LAST_ROW] = _take(self.sections)
        return EncoderWeights(
            shape=self.shape,
            words=words,
            positions=_take(self.positions),
            embedding_norm=_norm(self.embedding_norm),
            layers=tuple(_layer(block) for block in self.blocks if isinstance(block, _Block)),
            heads=_linear(self.heads),
        )


def _layer(block: _Block) -> Layer:
    return Layer(
        qkv=_linear(block.qkv),
        attention_out=_linear(block.attention_out),
        attention_norm=_norm(block.attention_norm),
        expand=_linear(block.expand),
        contract=_linear(block.contract),
        output_norm=_norm(block.output_norm),
    )


def _put(parameter: Tensor, value: Floats) -> None:
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))


def _put_linear(linear: nn.Linear, value: Linear) -> None:
    _put(linear.weight, value.weight.T)
    _put(linear.bias, value.bias)


def _put_norm(norm: nn.LayerNorm, value: Norm) -> None:
    _put(norm.weight, value.gain)
    _put(norm.bias, value.offset)


def _take(parameter: Tensor) -> Floats:
    taken: Floats = parameter.detach().cpu().float().numpy().copy()
    return taken


def _linear(linear: nn.Linear) -> Linear:
    return Linear(np.ascontiguousarray(_take(linear.weight).T), _take(linear.bias))


def _norm(norm: nn.LayerNorm) -> Norm:
    return Norm(_take(norm.weight), _take(norm.bias))
