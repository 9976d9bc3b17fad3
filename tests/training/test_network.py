"""The encoder in torch computes what the graph computes, and its weights go to files and back as they were."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bertillon_models.training.network import ClinicalEncoder, Padded  # noqa: E402 - needs torch
from bertillon_models.weights import EncoderWeights, Floats, Linear, load_weights, save_weights  # noqa: E402
from bertillon_server.coding.heads import PLACES  # noqa: E402
from numpy_encoder import forward  # noqa: E402
from published_weights import publish  # noqa: E402
from small_bundle import SHAPE, random_weights, write_tokenizer  # noqa: E402

CPU = torch.device("cpu")


def rows_of(model: ClinicalEncoder, rows: list[np.ndarray]) -> Floats:
    """Return hidden states and logits [rows, tokens, width], as the graph gives them."""
    model.eval()
    with torch.no_grad():
        hidden = model(Padded.of(rows, CPU))
        made: Floats = torch.cat([hidden, model.heads(hidden)], dim=-1).numpy()
    return made


def tensors(value: object, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield all arrays of weights with where they are."""
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, tuple):
        for place, entry in enumerate(value):
            yield from tensors(entry, f"{name}.{place}")
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from tensors(getattr(value, field.name), f"{name}.{field.name}")


def assert_same(one: EncoderWeights, other: EncoderWeights) -> None:
    assert one.shape == other.shape
    for (name, array), (_, wanted) in zip(tensors(one), tensors(other), strict=True):
        np.testing.assert_array_equal(array, wanted, err_msg=name)
        assert array.dtype == np.float32


@pytest.mark.parametrize("tokens", [1, 3, 17])
def test_the_network_computes_what_the_graph_computes(tokens: int) -> None:
    weights = random_weights(3)
    ids = np.random.default_rng(tokens).integers(0, SHAPE.vocabulary, (4, tokens))
    made = rows_of(ClinicalEncoder.from_weights(weights), list(ids))
    np.testing.assert_allclose(made, forward(weights, ids), rtol=1e-4, atol=1e-4)


def test_a_row_is_the_same_alone_and_beside_a_longer_one() -> None:
    model = ClinicalEncoder.from_weights(random_weights(4))
    random = np.random.default_rng(0)
    short, long = random.integers(1, SHAPE.vocabulary, 5), random.integers(1, SHAPE.vocabulary, 12)
    np.testing.assert_allclose(
        rows_of(model, [short, long])[0, :5], rows_of(model, [short])[0], rtol=1e-4, atol=1e-4
    )


def test_padding_is_told_from_tokens() -> None:
    batch = Padded.of([np.array([5, 6]), np.array([7, 8, 0])], CPU)
    assert batch.ids.tolist() == [[5, 6, 0], [7, 8, 0]]
    assert batch.mask.tolist() == [[True, True, False], [True, True, True]]


def test_weights_come_out_of_the_network_as_they_went_in() -> None:
    weights = random_weights(5)
    assert_same(ClinicalEncoder.from_weights(weights).to_weights(), weights)


def test_weights_taken_out_do_not_change_when_training_goes_on() -> None:
    model = ClinicalEncoder.from_weights(random_weights(5))
    taken = model.to_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert_same(taken, random_weights(5))


def test_heads_that_are_not_there_yet_begin_near_0() -> None:
    torch.manual_seed(0)
    model = ClinicalEncoder.from_weights(dataclasses.replace(random_weights(), heads=None))
    heads = model.to_weights().heads
    assert heads is not None
    assert not heads.bias.any()
    assert 0 < np.abs(heads.weight).std() < 1


def test_weights_from_before_the_last_heads_are_trained_on() -> None:
    weights = random_weights(7)
    assert weights.heads is not None
    older = PLACES["procedure"].start
    before = Linear(weights.heads.weight[:, :older], weights.heads.bias[:older])
    heads = ClinicalEncoder.from_weights(dataclasses.replace(weights, heads=before)).to_weights().heads
    assert heads is not None
    assert heads.weight.shape == weights.heads.weight.shape
    np.testing.assert_array_equal(heads.weight[:, :older], before.weight)
    np.testing.assert_array_equal(heads.bias, [*before.bias, 0, 0, 0])


def test_weights_come_out_of_a_file_as_they_went_in(tmp_path: Path) -> None:
    began = tmp_path / "began"
    began.mkdir()
    publish(began)
    write_tokenizer(began / "tokenizer.json")
    weights = ClinicalEncoder.from_weights(random_weights(6)).to_weights()
    save_weights(weights, began, tmp_path / "made" / "weights")
    assert_same(load_weights(tmp_path / "made" / "weights"), weights)
    made = tmp_path / "made" / "weights"
    assert (made / "tokenizer.json").read_bytes() == (began / "tokenizer.json").read_bytes()
    assert json.loads((made / "config.json").read_text()) == json.loads((began / "config.json").read_text())
