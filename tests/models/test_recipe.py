"""The whole way to a bundle, with small parts in the place of those that take hours."""

from __future__ import annotations

import builtins
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bertillon_models import recipe
from bertillon_models.cli import main
from bertillon_models.options import CODIESP_DEV, CODIESP_TRAIN, NEGEX, SENTENCES, TERMS
from bertillon_server.bundle.loader import load_bundle
from recorded_bundle import record
from small_bundle import write_small_bundle

ALL = ["train", "build", "calibrate", "export", "report"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_small_bundle(folder)
    return folder


class Parts:
    """What the recipe calls: `calls` in order, the part that `fails`, and what is `fitted` and measured."""

    def __init__(self, small: Path) -> None:
        self.small = small
        self.calls: list[str] = []
        self.fails = ""
        self.f1 = 0.5
        self.fitted = "{}"

    def called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails:
            raise click.ClickException("interrupted")

    def train(self, out: Path, **_: Any) -> None:
        self.called("train")
        (out / "weights").mkdir(exist_ok=True)
        (out / "weights" / "model.safetensors").write_bytes(b"trained")

    def build(self, out: Path, **_: Any) -> None:
        self.called("build")
        shutil.copytree(self.small, out)

    def calibrate(self, out: Path, **_: Any) -> None:
        self.called("calibrate")
        out.write_text(self.fitted, encoding="utf-8")

    def export(self, weights: Path, out: Path) -> None:
        self.called("export")
        assert (weights / "model.safetensors").exists()
        out.write_bytes(b"fp32")

    def report(self, bundle: Path, corpus: Path, data: Path, fp32: Path) -> None:
        del corpus, data
        self.called("report")
        assert fp32.read_bytes() == b"fp32"
        record(bundle, f1=self.f1)


@pytest.fixture
def parts(small: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    fakes = Parts(small)

    def training_command(name: str) -> click.Command:
        return click.Command(name, callback=fakes.train)

    monkeypatch.setattr(recipe, "training_command", training_command)
    monkeypatch.setattr(recipe, "build_bundle", click.Command("build", callback=fakes.build))
    monkeypatch.setattr(recipe, "calibrate_command", click.Command("calibrate", callback=fakes.calibrate))
    monkeypatch.setattr(recipe, "write_reference", fakes.export)
    monkeypatch.setattr(recipe, "report_on", fakes.report)
    return fakes


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """Write data that nothing reads, and return the arguments that name it."""
    data = tmp_path / "data"
    for file in (TERMS, SENTENCES, CODIESP_TRAIN, CODIESP_DEV):
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        (data / file).write_text("", encoding="utf-8")
    (data / NEGEX).mkdir()
    for name in ("corpus", "lexicon"):
        (tmp_path / name).mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("a", encoding="utf-8")
    named = {"data": data, "work": tmp_path / "work", "out": tmp_path / "own" / "1"}
    named |= {name: tmp_path / name for name in ("corpus", "lexicon")}
    return [word for name, path in named.items() for word in (f"--{name}", str(path))]


def run(given: list[str], *more: str) -> Result:
    return CliRunner().invoke(main, ["recipe", *given, *more])


def test_every_step_is_taken_once_and_a_bundle_comes_out(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    result = run(given)
    assert result.exit_code == 0, result.output
    assert parts.calls == ALL
    manifest = load_bundle(tmp_path / "own" / "1").manifest
    assert (manifest.name, manifest.version) == ("own", "1")
    assert (tmp_path / "own" / "1" / "REPORT.json").exists()
    again = run(given)
    assert parts.calls == ALL
    assert "[1/6] train: done before" in again.stderr
    assert again.stderr.endswith("is this bundle already\n")


def test_an_interrupted_run_goes_on_with_the_step_that_was_not_done(parts: Parts, given: list[str]) -> None:
    parts.fails = "calibrate"
    result = run(given)
    assert (result.exit_code, result.output.splitlines()[-1]) == (1, "Error: interrupted")
    parts.fails = ""
    assert run(given).exit_code == 0
    assert parts.calls == ["train", "build", "calibrate", "calibrate", "export", "report"]


def test_a_step_whose_output_is_gone_is_taken_again_with_all_after_it(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    run(given)
    (tmp_path / "work" / "confidence.json").unlink()
    assert run(given).exit_code == 0
    assert parts.calls == [*ALL, "calibrate", "export", "report"]


def test_a_step_whose_output_was_changed_is_taken_again_with_all_after_it(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    run(given)
    (tmp_path / "work" / "fp32.onnx").write_bytes(b"half of it")
    assert run(given).exit_code == 0
    assert parts.calls == [*ALL, "export", "report"]


def test_a_run_does_not_go_on_with_other_data_or_settings(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    run(given)
    (tmp_path / "corpus" / "a.txt").write_text("b", encoding="utf-8")
    result = run(given, "--steps", "7")
    assert result.exit_code == 1
    assert "is of a run with other corpus, steps; remove it to begin anew" in result.output
    assert parts.calls == ALL


def test_a_better_bundle_is_not_replaced_without_force(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    run(given)
    shutil.rmtree(tmp_path / "work")
    out = tmp_path / "own" / "1"
    before = load_bundle(out)
    parts.f1 = 0.4
    # Another calibration makes another bundle of it.
    parts.fitted = '{"other": 1}'
    result = run(given)
    assert result.exit_code == 1
    assert "f1 0.400 instead of 0.500" in result.output
    assert load_bundle(out) == before
    assert run(given, "--force").exit_code == 0
    assert load_bundle(out).digest != before.digest


def test_a_missing_data_file_is_named_before_anything_is_done(
    parts: Parts, given: list[str], tmp_path: Path
) -> None:
    (tmp_path / "data" / CODIESP_DEV).unlink()
    result = run(given)
    assert result.exit_code == 1
    assert "codiesp/dev.jsonl" in result.output
    assert parts.calls == []


def test_training_without_torch_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def refused(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("no torch", name="torch")
        return genuine(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refused)
    monkeypatch.delitem(sys.modules, "bertillon_models.training.command", raising=False)
    with pytest.raises(click.ClickException, match="training needs torch, which is not installed"):
        recipe.training_command("train")
