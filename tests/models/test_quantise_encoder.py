"""Int8 keeps the vectors, and a text's vector does not depend on its company."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.build import export_encoder, quantise_encoder
from bertillon_models.rounding import round_in_turn
from bertillon_server.coding.heads import pooled
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.onnx_session import session_options
from numpy_encoder import forward
from small_bundle import SHAPE, random_weights

# One step of the half precision in which rows leave the graph: a sum in another order may fall on its other side.
HALF = 1e-3


def _texts(count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(0, SHAPE.vocabulary, random.integers(3, 30)) for _ in range(count)]


def _vector(rows: np.ndarray) -> np.ndarray:
    """Return the vector of the only text of a batch."""
    return pooled(rows[0, :, : SHAPE.hidden].astype(np.float32))


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    quantise_encoder(random_weights(), _texts(200, seed=1), folder)
    return folder / "encoder.onnx"


@pytest.fixture(scope="module")
def encoder(encoder_file: Path) -> Encoder:
    return Encoder(encoder_file)


def test_vectors_stay_close_to_fp32_despite_outlier_channels(encoder: Encoder) -> None:
    cosines = [
        float(_vector(encoder.encode(ids[np.newaxis])) @ _vector(forward(random_weights(), ids[np.newaxis])))
        for ids in _texts(50, seed=2)
    ]
    assert np.mean(cosines) > 0.998
    assert min(cosines) > 0.97


def test_the_recipe_states_what_calibration_saw(tmp_path: Path) -> None:
    texts = _texts(20, seed=1)
    recipe = quantise_encoder(random_weights(), texts, tmp_path)
    assert recipe["calibration_texts"] == 20
    assert recipe["calibration_tokens"] == sum(len(ids) for ids in texts)
    assert 0 < float(recipe["worst_relative_error"]) < 0.01


@given(
    ids=st.lists(st.integers(0, SHAPE.vocabulary - 1), min_size=2, max_size=40),
    mates=st.integers(1, 9),
    place=st.integers(0, 9),
    seed=st.integers(0, 2**16),
)
def test_a_vector_is_the_same_alone_and_in_company(
    encoder: Encoder, ids: list[int], mates: int, place: int, seed: int
) -> None:
    alone = encoder.encode(np.array([ids]))[0]
    company = np.random.default_rng(seed).integers(0, SHAPE.vocabulary, (mates, len(ids)))
    place = min(place, mates)
    together = encoder.encode(np.insert(company, place, ids, axis=0))[place]
    np.testing.assert_allclose(together, alone, rtol=HALF, atol=1e-4)


def test_processors_that_need_unsigned_weights_give_the_same_vectors(
    encoder_file: Path, encoder: Encoder
) -> None:
    options = session_options()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = ort.InferenceSession(str(encoder_file), options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(3).integers(0, SHAPE.vocabulary, (4, 17))
    np.testing.assert_allclose(
        session.run(None, {"input_ids": ids})[0], encoder.encode(ids), rtol=HALF, atol=1e-4
    )


def test_the_file_is_about_a_quarter_of_fp32(encoder_file: Path, tmp_path: Path) -> None:
    whole = export_encoder(random_weights(), tmp_path / "whole.onnx").stat().st_size
    # The fixed cost of nodes and names weighs more in a small encoder than in a real one.
    assert encoder_file.stat().st_size < 0.5 * whole


def test_rounding_in_turn_spares_the_output_more_than_rounding_each() -> None:
    random = np.random.default_rng(0)
    tokens = (
        random.normal(size=(500, 6)) @ random.normal(size=(6, 24)) + 0.1 * random.normal(size=(500, 24))
    ).astype(np.float32)
    weight = random.normal(size=(24, 16)).astype(np.float32)
    steps = (np.abs(weight).max(axis=0) / 7).astype(np.float32)

    def error(rounded: np.ndarray) -> float:
        return float(np.square(tokens @ (rounded * steps - weight)).sum())

    assert error(round_in_turn(weight, steps, tokens)) < 0.5 * error(np.rint(weight / steps))


def test_rounding_never_leaves_the_range_of_int8() -> None:
    random = np.random.default_rng(0)
    weight = random.normal(size=(8, 4)).astype(np.float32)
    steps = (np.abs(weight).max(axis=0) / 200).astype(np.float32)
    rounded = round_in_turn(weight, steps, random.normal(size=(50, 8)).astype(np.float32))
    assert rounded.max() == 127
    assert rounded.min() >= -127
