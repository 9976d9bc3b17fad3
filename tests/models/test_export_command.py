"""The command makes a bundle that the server opens, and fails in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bertillon_models.cli import COMMANDS, main
from bertillon_server.bundle.loader import load_bundle
from published_weights import publish
from small_bundle import TEXTS, write_tokenizer


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    write_tokenizer(folder / "tokenizer.json")
    return publish(folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    terms = tmp_path / "data" / "icd10cm" / "terms.tsv"
    sentences = tmp_path / "data" / "mts-dialog" / "mts-dialog.jsonl"
    for file in (terms, sentences):
        file.parent.mkdir(parents=True)
    rows = [f"{text}\tA{place:02}\ttitle" for place, text in enumerate(TEXTS)]
    terms.write_text("\n".join(["term\tcode\tsource", *rows, "flu\tJ11\tdoid_exact"]), encoding="utf-8")
    note = {"id": "1", "section_text": "The patient has chest pain. No cough.\nHeart failure is chronic."}
    sentences.write_text(json.dumps(note) + "\n", encoding="utf-8")
    return tmp_path / "data"


def _run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_bundle_is_built_that_the_server_opens(data: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "general" / "3"
    code, output = _run("build-bundle", "--data", data, "--out", out, "--weights", weights)
    assert code == 0, output
    manifest = load_bundle(out).manifest
    assert (manifest.name, manifest.version) == ("general", "3")
    assert manifest.sources[0].sha256
    assert float(manifest.metrics["int8_cosine_mean"]) > 0.95
    code, output = _run("build-bundle", "--data", data, "--out", out, "--weights", weights)
    assert code == 1
    assert output.strip().endswith("exists already; give --force to replace it")


def test_weights_that_are_none_are_one_line(data: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, output = _run("build-bundle", "--data", data, "--out", tmp_path / "b" / "1", "--weights", empty)
    assert code == 1
    assert output == f"Error: {empty} has no config.json\n"


def test_the_reference_is_exported(weights: Path, tmp_path: Path) -> None:
    code, _ = _run("export-reference", "--out", tmp_path / "fp32.onnx", "--weights", weights)
    assert code == 0
    assert (tmp_path / "fp32.onnx").stat().st_size > 0


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_in_the_registry_explains_itself(name: str) -> None:
    if name in {"train", "fine-tune"}:
        pytest.importorskip("torch")
    code, output = _run(name, "--help")
    assert code == 0
    assert f"main {name}" in output
