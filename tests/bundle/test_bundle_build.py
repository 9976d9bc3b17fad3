"""A bundle appears in one step, complete, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertillon_models import build
from bertillon_models.build import BuildError, new_bundle, write_manifest
from bertillon_server.bundle.loader import BundleError, load_bundle
from bertillon_server.coding.heads import pooled
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.tokenizer import Tokenizer
from bertillon_server.inference.vectors import VectorIndex
from small_bundle import DESCRIPTION, SHAPE, TEXTS, write_small_bundle


def test_a_built_bundle_finds_its_own_texts(tmp_path: Path) -> None:
    out = tmp_path / "small" / "1"
    with new_bundle(out) as folder:
        write_small_bundle(folder)
    bundle = load_bundle(out)
    tokenizer = Tokenizer.from_file(bundle.path("tokenizer.json"))
    encoder = Encoder(bundle.path("encoder.onnx"))
    index = VectorIndex.from_files(
        graph=bundle.path("search.onnx"),
        vectors=bundle.path("vectors.npy"),
        scales=bundle.path("vector_scales.npy"),
        axes=bundle.path("search_axes.npy"),
    )
    for row, ids in enumerate(tokenizer.encode(TEXTS, max_tokens=32)):
        query = pooled(encoder.encode(ids[None])[0, 1:-1, : SHAPE.hidden].astype(np.float32))
        rows, scores = index.search(query[None], k=2)
        assert rows[0, 0] == row
        assert scores[0, 0] == pytest.approx(1, abs=1e-3)


def test_what_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "1"
    with new_bundle(out) as folder:
        (folder / "a").write_text("old", encoding="utf-8")
    with pytest.raises(BuildError, match="exists already"), new_bundle(out):
        pass
    with new_bundle(out, force=True) as folder:
        (folder / "b").write_text("new", encoding="utf-8")
    assert [file.name for file in out.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_failed_build_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    out = tmp_path / "1"
    with new_bundle(out) as folder:
        (folder / "a").write_text("old", encoding="utf-8")
    with pytest.raises(BundleError), new_bundle(out, force=True) as folder:
        write_manifest(folder, DESCRIPTION)
    assert [file.name for file in out.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FILE_LIMIT_BYTES", 3)
    (tmp_path / "large").write_bytes(b"1234")
    with pytest.raises(BuildError, match="large has 4 bytes; the limit is 3"):
        write_manifest(tmp_path, DESCRIPTION)


def test_a_bundle_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "BUNDLE_LIMIT_BYTES", 5)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"123")
    with pytest.raises(BuildError, match="has 6 bytes; the limit is 5"):
        write_manifest(tmp_path, DESCRIPTION)


def test_an_incomplete_bundle_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"does not list encoder\.onnx"):
        write_manifest(tmp_path, DESCRIPTION)
