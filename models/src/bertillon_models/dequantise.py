"""Weights read back from a bundle: what training goes on from where the fp32 weights are not at hand.

A bundle holds every linear map in int8, of which fp32 numbers come back to within half a step. Smoothing is taken
out where the graph states it; where it was folded into the values of an attention it stays there, and the encoder
computes the same. What comes back is a place to train on from, no reference to measure int8 against.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from bertillon_models.weights import (
    WEIGHTS_FILE,
    EncoderShape,
    EncoderWeights,
    Floats,
    Layer,
    Linear,
    Norm,
    WeightsError,
    load_weights,
)
from bertillon_server.bundle.manifest import ENCODER_FILE, MANIFEST_FILE


def weights_file(folder: Path) -> Path:
    """Return the file that holds the weights in a folder of weights, or in a bundle."""
    return folder / (ENCODER_FILE if (folder / MANIFEST_FILE).exists() else WEIGHTS_FILE)


def weights_of(folder: Path) -> EncoderWeights:
    """Read weights from a folder of them, or back from a bundle; raises WeightsError."""
    file = weights_file(folder)
    return read_bundle_weights(file) if file.name == ENCODER_FILE else load_weights(folder)


def read_bundle_weights(encoder: Path) -> EncoderWeights:
    """Return the weights of a bundle's `encoder.onnx`; raises WeightsError for a graph that `build` did not write."""
    try:
        graph = onnx.load_model(encoder).graph
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{encoder} is no encoder ({type(error).__name__})") from None
    source = _Graph(
        {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer},
        {
            node.name: {
                attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute
            }
            for node in graph.node
        },
    )
    try:
        return source.weights()
    except KeyError as error:
        raise WeightsError(f"{encoder} has no {error.args[0]}") from None


class _Graph:
    """The constants of a graph and the attributes of its operators, by name."""

    def __init__(
        self, constants: Mapping[str, NDArray[Any]], attributes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._constants = constants
        self._attributes = attributes

    def weights(self) -> EncoderWeights:
        layers: list[Layer] = []
        while f"layer.{len(layers)}.qkv.weight" in self._constants:
            layers.append(self._layer(f"layer.{len(layers)}"))
        words: Floats = self._constants["words"].astype(np.float32) * self._constants["words.steps"]
        positions = self._floats("positions")
        heads = Linear(self._floats("heads.weight"), self._floats("heads.bias"))
        return EncoderWeights(
            shape=EncoderShape(
                layers=len(layers),
                hidden=words.shape[1],
                heads=int(self._attributes["layer.0.attended"]["num_heads"]),
                intermediate=self._constants["layer.0.expand.weight"].shape[1],
                vocabulary=words.shape[0],
                positions=positions.shape[0],
                norm_epsilon=float(self._attributes["embeddings.norm"]["epsilon"]),
            ),
            words=words,
            positions=positions,
            embedding_norm=self._norm("embeddings.norm"),
            layers=tuple(layers),
            heads=heads,
        )

    def _layer(self, name: str) -> Layer:
        return Layer(
            qkv=self._linear(f"{name}.qkv"),
            attention_out=self._linear(f"{name}.attention_out"),
            attention_norm=self._norm(f"{name}.attention_norm"),
            expand=self._linear(f"{name}.expand"),
            contract=self._linear(f"{name}.contract"),
            output_norm=self._norm(f"{name}.output_norm"),
        )

    def _linear(self, name: str) -> Linear:
        weight: Floats = self._constants[f"{name}.weight"].astype(np.float32) * self._floats(
            f"{name}.weight_steps"
        )
        smoothing = self._constants.get(f"{name}.smoothing")
        if smoothing is not None:
            weight = weight * smoothing[:, np.newaxis]
        return Linear(weight, self._floats(f"{name}.bias"))

    def _norm(self, name: str) -> Norm:
        return Norm(self._floats(f"{name}.gain"), self._floats(f"{name}.offset"))

    def _floats(self, name: str) -> Floats:
        return self._constants[name].astype(np.float32)
