"""Published weights are read as they are laid out, and refused with a reason when they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bertillon_models import weights as module
from bertillon_models.weights import EncoderWeights, Floats, Linear, Norm, WeightsError, load_weights
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


def _published(weights: EncoderWeights) -> Iterator[tuple[str, Floats]]:
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


def _publish(folder: Path, prefix: str = "", without: str = "", **config: object) -> Path:
    tensors = {f"{prefix}{name}": tensor for name, tensor in _published(random_weights()) if name != without}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG | config), encoding="utf-8")
    return folder


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_weights_are_read_as_published(tmp_path: Path, prefix: str) -> None:
    loaded, wanted = load_weights(_publish(tmp_path, prefix)), random_weights()
    assert loaded.shape == SHAPE
    np.testing.assert_allclose(loaded.positions, wanted.positions, atol=1e-6)
    for layer, expected in zip(loaded.layers, wanted.layers, strict=True):
        np.testing.assert_array_equal(layer.qkv.weight, expected.qkv.weight)
        np.testing.assert_array_equal(layer.contract.weight, expected.contract.weight)
        np.testing.assert_array_equal(layer.output_norm.gain, expected.output_norm.gain)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    folder = _publish(tmp_path, without="encoder.layer.1.output.dense.bias")
    with pytest.raises(WeightsError, match=r"no tensor encoder\.layer\.1\.output\.dense\.bias"):
        load_weights(folder)


def test_a_configuration_of_other_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has shape"):
        load_weights(_publish(tmp_path, vocab_size=99))


def test_an_encoder_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no BERT encoder"):
        load_weights(_publish(tmp_path, hidden_act="relu"))


def test_an_incomplete_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_act": "gelu"}', encoding="utf-8")
    with pytest.raises(WeightsError, match="num_hidden_layers"):
        load_weights(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no config\.json"):
        load_weights(tmp_path)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GENERAL_PACKAGE", "no_such_package")
    with pytest.raises(WeightsError, match="no-such-package is not installed"):
        module.find_general_weights()
