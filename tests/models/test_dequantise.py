"""Weights that are read back from a bundle compute what the bundle does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from bertillon_models.dequantise import weights_of
from bertillon_models.graph import FloatScheme, encoder_graph
from bertillon_models.weights import WeightsError
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE, MANIFEST_FILE
from bertillon_server.inference.encoder import Encoder

MODELS = Path("models")
# "Hypertension, at goal." and the kind of its section.
IDS = np.array([[101, 18, 23760, 29048, 1010, 2012, 3125, 1012, 102]])


@pytest.mark.parametrize("name", ["current", "large"])
def test_a_shipped_encoder_comes_back_as_one_that_reads_alike(name: str) -> None:
    bundle = MODELS / name
    weights = weights_of(bundle)
    read_back = ort.InferenceSession(encoder_graph(weights, FloatScheme()).SerializeToString())
    served = Encoder(load_bundle(bundle).path(ENCODER_FILE)).encode(IDS)[0].astype(np.float32)
    (rows,) = read_back.run(None, {"input_ids": IDS})[0].astype(np.float32)
    hidden = weights.shape.hidden
    cosines = (rows[:, :hidden] * served[:, :hidden]).sum(axis=1)
    cosines /= np.linalg.norm(rows[:, :hidden], axis=1) * np.linalg.norm(served[:, :hidden], axis=1)
    assert cosines.min() > 0.98
    assert weights.heads is not None
    assert rows.shape == (IDS.shape[1], hidden + len(weights.heads.bias))


def test_a_bundle_without_an_encoder_in_it_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(WeightsError, match="is no encoder"):
        weights_of(tmp_path)
    (tmp_path / ENCODER_FILE).write_bytes(b"\xff\xff not a graph")
    with pytest.raises(WeightsError, match="is no encoder"):
        weights_of(tmp_path)
