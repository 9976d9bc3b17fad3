"""A bundle with another first pass of searches has the same vectors and finds the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bertillon_models import corpus
from bertillon_models.cli import main
from bertillon_models.corpus import corpus_lines
from bertillon_models.vectors import search_axes
from bertillon_server.bundle.loader import load_bundle
from small_bundle import write_small_bundle

NOTE = """=== note: fm-001 | specialty: family medicine

ASSESSMENT:
1. {{Essential hypertension|I10|present|y}}, no {{cough|R05.9|absent|n:denied}}.
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text(NOTE, encoding="utf-8")
    return folder


def test_only_graph_and_axes_of_the_search_change(notes: Path, tmp_path: Path) -> None:
    small, out = tmp_path / "own" / "1", tmp_path / "own" / "2"
    small.mkdir(parents=True)
    write_small_bundle(small)
    arguments = ["reindex", "--bundle", str(small), "--corpus", str(notes), "--out", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output) == (0, "")
    old, new = load_bundle(small).manifest, load_bundle(out).manifest
    before, after = ({file.path: file.sha256 for file in manifest.files} for manifest in (old, new))
    assert before.keys() == after.keys()
    changed = {path for path, sha256 in after.items() if before[path] != sha256}
    assert changed <= {"search.onnx", "search_axes.npy"}
    assert "search_axes.npy" in changed
    assert (new.sources, new.recipe, new.canary) == (old.sources, old.recipe, old.canary)


def test_lines_are_read_without_headers_and_annotations(notes: Path) -> None:
    assert corpus_lines(notes) == ["ASSESSMENT:", "1. Essential hypertension, no cough."]


def test_of_many_lines_some_from_everywhere_are_taken(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "SAMPLED_LINES", 10)
    text = "\n".join(["=== note: fm-001", *(str(number) for number in range(35))])
    (notes / "a.txt").write_text(text, encoding="utf-8")
    assert corpus_lines(notes) == [str(number) for number in range(0, 35, 4)]


def test_axes_keep_what_queries_have_and_vectors_lack() -> None:
    generator = np.random.default_rng(0)
    vectors, queries = (generator.normal(size=(200, 8)).astype(np.float32) for _ in range(2))
    vectors[:, 4:] *= 0.01
    queries[:, 5:] *= 0.01
    queries[:, 4] += 3
    axes = search_axes(vectors, queries, 5)
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-5)
    kept = queries @ axes @ axes.T
    assert np.linalg.norm(queries - kept) < 0.05 * np.linalg.norm(queries)
