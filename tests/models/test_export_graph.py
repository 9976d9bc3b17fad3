"""The exported graph computes what BERT is, and stays clear of the runtime's slow path."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from bertillon_models.build import export_encoder
from bertillon_server.coding.heads import HEAD_WIDTH
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.onnx_session import session_options
from numpy_encoder import forward
from small_bundle import SHAPE, random_weights

# What half a precision, in which rows leave the graph, may differ by.
HALF = 1e-3


@pytest.mark.parametrize(("batch", "tokens"), [(1, 2), (3, 7), (8, 33), (1, SHAPE.positions)])
def test_the_graph_computes_the_reference(tmp_path: Path, batch: int, tokens: int) -> None:
    weights = random_weights()
    encoder = Encoder(export_encoder(weights, tmp_path / "encoder.onnx"))
    ids = np.random.default_rng(1).integers(0, SHAPE.vocabulary, (batch, tokens))
    np.testing.assert_allclose(encoder.encode(ids), forward(weights, ids), rtol=HALF, atol=2e-5)


def test_the_graph_takes_other_dimensions(tmp_path: Path) -> None:
    shape = dataclasses.replace(SHAPE, layers=3, hidden=48, heads=6, intermediate=80)
    weights = random_weights(5, shape=shape)
    encoder = Encoder(export_encoder(weights, tmp_path / "encoder.onnx"))
    ids = np.random.default_rng(2).integers(0, shape.vocabulary, (2, 9))
    assert encoder.width == 48 + HEAD_WIDTH
    np.testing.assert_allclose(encoder.encode(ids), forward(weights, ids), rtol=HALF, atol=2e-5)


def test_an_encoder_without_heads_gives_hidden_states_alone(tmp_path: Path) -> None:
    weights = dataclasses.replace(random_weights(), heads=None)
    encoder = Encoder(export_encoder(weights, tmp_path / "encoder.onnx"))
    ids = np.random.default_rng(1).integers(0, SHAPE.vocabulary, (2, 5))
    assert encoder.width == SHAPE.hidden
    np.testing.assert_allclose(encoder.encode(ids), forward(weights, ids), rtol=HALF, atol=2e-5)


def test_the_runtime_leaves_layer_norms_unfused(tmp_path: Path) -> None:
    file = export_encoder(random_weights(), tmp_path / "encoder.onnx")
    options = session_options()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("LayerNormalization") == 1 + 2 * SHAPE.layers
    assert "SkipLayerNormalization" not in kinds
