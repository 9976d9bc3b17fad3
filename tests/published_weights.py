"""Weights as they are published: a folder with a configuration and a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bertillon_models.weights import EncoderWeights, Floats, Linear, Norm
from small_bundle import SHAPE, random_weights

CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": SHAPE.layers,
    "hidden_size": SHAPE.hidden,
    "num_attention_heads": SHAPE.heads,
    "intermediate_size": SHAPE.intermediate,
    "vocab_size": SHAPE.vocabulary,
    "max_position_embeddings": SHAPE.positions,
    "layer_norm_eps": SHAPE.norm_epsilon,
}


def published_tensors(weights: EncoderWeights) -> Iterator[tuple[str, Floats]]:
    """Yield the tensors of an encoder by the names and in the layout that checkpoints have."""

    def linear(name: str, value: Linear) -> Iterator[tuple[str, Floats]]:
        yield f"{name}.weight", np.ascontiguousarray(value.weight.T)
        yield f"{name}.bias", value.bias

    def norm(name: str, value: Norm) -> Iterator[tuple[str, Floats]]:
        yield f"{name}.weight", value.gain
        yield f"{name}.bias", value.offset

    segment = np.full((2, SHAPE.hidden), 0.25, np.float32)
    yield "embeddings.word_embeddings.weight", weights.words
    yield "embeddings.position_embeddings.weight", weights.positions - segment[0]
    yield "embeddings.token_type_embeddings.weight", segment
    yield from norm("embeddings.LayerNorm", weights.embedding_norm)
    for index, layer in enumerate(weights.layers):
        name = f"encoder.layer.{index}"
        for place, part in enumerate(("query", "key", "value")):
            columns = slice(place * SHAPE.hidden, (place + 1) * SHAPE.hidden)
            yield from linear(
                f"{name}.attention.self.{part}", Linear(layer.qkv.weight[:, columns], layer.qkv.bias[columns])
            )
        yield from linear(f"{name}.attention.output.dense", layer.attention_out)
        yield from norm(f"{name}.attention.output.LayerNorm", layer.attention_norm)
        yield from linear(f"{name}.intermediate.dense", layer.expand)
        yield from linear(f"{name}.output.dense", layer.contract)
        yield from norm(f"{name}.output.LayerNorm", layer.output_norm)


def publish(folder: Path, prefix: str = "", without: str = "", **config: object) -> Path:
    """Write small random weights as a published folder, less one tensor, and return the folder."""
    tensors = {
        f"{prefix}{name}": tensor for name, tensor in published_tensors(random_weights()) if name != without
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG | config), encoding="utf-8")
    return folder
