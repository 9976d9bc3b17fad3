"""Published weights are read as they are laid out, and refused with a reason when they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertillon_models import weights as module
from bertillon_models.weights import WeightsError, load_weights
from published_weights import publish
from small_bundle import SHAPE, random_weights


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_weights_are_read_as_published(tmp_path: Path, prefix: str) -> None:
    loaded, wanted = load_weights(publish(tmp_path, prefix)), random_weights()
    assert loaded.shape == SHAPE
    np.testing.assert_allclose(loaded.positions, wanted.positions, atol=1e-6)
    for layer, expected in zip(loaded.layers, wanted.layers, strict=True):
        np.testing.assert_array_equal(layer.qkv.weight, expected.qkv.weight)
        np.testing.assert_array_equal(layer.contract.weight, expected.contract.weight)
        np.testing.assert_array_equal(layer.output_norm.gain, expected.output_norm.gain)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    folder = publish(tmp_path, without="encoder.layer.1.output.dense.bias")
    with pytest.raises(WeightsError, match=r"no tensor encoder\.layer\.1\.output\.dense\.bias"):
        load_weights(folder)


def test_a_configuration_of_other_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has shape"):
        load_weights(publish(tmp_path, vocab_size=99))


def test_an_encoder_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no BERT encoder"):
        load_weights(publish(tmp_path, hidden_act="relu"))


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
