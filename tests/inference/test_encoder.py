"""One session serves all threads, at every length, with the same answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bertillon_models.build import quantise_encoder
from bertillon_server.coding.heads import HEAD_WIDTH
from bertillon_server.inference import onnx_session
from bertillon_server.inference.encoder import Encoder
from small_bundle import SHAPE, random_weights


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder")
    random = np.random.default_rng(1)
    quantise_encoder(random_weights(), [random.integers(0, SHAPE.vocabulary, 12) for _ in range(50)], folder)
    return Encoder(folder / "encoder.onnx")


def test_every_token_has_a_row_of_hidden_state_and_heads_in_half_precision(encoder: Encoder) -> None:
    rows = encoder.encode(np.random.default_rng(2).integers(0, SHAPE.vocabulary, (5, 11)))
    assert rows.shape == (5, 11, encoder.width)
    assert encoder.width == SHAPE.hidden + HEAD_WIDTH
    assert rows.dtype == np.float16


def test_threads_share_the_session(encoder: Encoder) -> None:
    random = np.random.default_rng(3)
    batches = [
        random.integers(0, SHAPE.vocabulary, (random.integers(1, 9), length)) for length in range(2, 42)
    ]
    wanted = [encoder.encode(batch) for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        for vectors, expected in zip(threads.map(encoder.encode, batches), wanted, strict=True):
            np.testing.assert_array_equal(vectors, expected)


def test_warm_up_takes_every_length_the_encoder_has_positions_for(encoder: Encoder) -> None:
    encoder.warm_up([2, 16, SHAPE.positions])
    with pytest.raises(Exception, match="broadcast"):
        encoder.warm_up([SHAPE.positions + 1])


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "inexact"),
    [
        ("x86_64", "processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("x86_64", "flags\t\t: fpu avx2 avx_vnni\n", False),
        ("x86_64", "flags\t\t: fpu avx2 avx512f\n", True),
        ("x86_64", None, True),
        ("aarch64", None, False),
    ],
)
def test_processors_that_would_saturate_are_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str, cpuinfo: str | None, *, inexact: bool
) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo, encoding="ascii")
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(onnx_session, "CPUINFO", file)
    assert onnx_session.multiplies_int8_inexactly() is inexact
