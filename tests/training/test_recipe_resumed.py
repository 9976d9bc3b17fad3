"""A recipe that was ended in the middle of training goes on there and ends with the same weights."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from bertillon_models import recipe
from bertillon_models.cli import main
from bertillon_models.options import CODIESP_DEV, CODIESP_TRAIN, NEGEX, SENTENCES, TERMS
from bertillon_models.splits import Split, note_split
from bertillon_models.training.rates import RATE
from bertillon_models.weights import load_weights, save_weights
from bertillon_server.bundle.loader import load_bundle
from published_weights import publish
from recorded_bundle import record
from small_bundle import random_weights, write_small_bundle, write_tokenizer

pytest.importorskip("torch")
command = pytest.importorskip("bertillon_models.training.command")
trainer = pytest.importorskip("bertillon_models.training.trainer")

FORMS = ("heart failure", "failure of the heart", "failure heart", "acute heart failure", "no heart failure")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Write weights, data and a corpus of one note."""
    for name in ("corpus", "lexicon", "weights"):
        (tmp_path / name).mkdir()
    for file in (TERMS, SENTENCES, CODIESP_TRAIN, CODIESP_DEV):
        (tmp_path / "data" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / file).write_text("", encoding="utf-8")
    (tmp_path / "data" / NEGEX).mkdir()
    rows = [f"{form}\tI50.9\tinclusionTerm" for form in FORMS] + ["cough\tR05.9\ttitle"]
    (tmp_path / "data" / TERMS).write_text("\n".join(["term\tcode\tsource", *rows]), encoding="utf-8")
    chosen = next(f"n-{n}" for n in range(99) if note_split(f"n-{n}", "cardiology") is Split.TRAIN)
    note = f"=== note: {chosen} | specialty: cardiology\nA/P:\n1. {{{{heart failure|I50.9|present|y}}}} of chest\n"
    (tmp_path / "corpus" / "a.txt").write_text(note, encoding="utf-8")
    (tmp_path / "lexicon" / "procedures.txt").write_text("chest\n", encoding="utf-8")
    write_tokenizer(tmp_path / "weights" / "tokenizer.json")
    publish(tmp_path / "weights")
    return tmp_path


@pytest.fixture(autouse=True)
def small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a checkpoint of every step, and put small parts in the place of what comes after training."""
    small = tmp_path / "small"
    small.mkdir()
    write_small_bundle(small)

    def build(out: Path, **_: Any) -> None:
        shutil.copytree(small, out)

    def calibrate(out: Path, **_: Any) -> None:
        out.write_text("{}", encoding="utf-8")

    def report(bundle: Path, *_: Path) -> None:
        record(bundle, f1=0.5)

    monkeypatch.setattr(command, "Settings", partial(trainer.Settings, save_every=1))
    monkeypatch.setattr(recipe, "build_bundle", click.Command("build", callback=build))
    monkeypatch.setattr(recipe, "calibrate_command", click.Command("calibrate", callback=calibrate))
    monkeypatch.setattr(recipe, "report_on", report)


def run(sources: Path, work: str, *more: str) -> Result:
    named = {name: sources / name for name in ("data", "corpus", "lexicon", "weights")}
    named |= {"work": sources / work, "out": sources / work / "own" / "1"}
    given = [str(word) for name, path in named.items() for word in (f"--{name}", path)]
    return CliRunner().invoke(main, ["recipe", *given, "--steps", "4", *more])


def test_a_recipe_ended_in_the_middle_of_training_ends_as_one_that_was_not(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(sources, "whole").exit_code == 0
    genuine = command.Sampler.step

    def ended(sampler: Any, number: int) -> Any:
        if number == 2:
            raise KeyboardInterrupt
        return genuine(sampler, number)

    with monkeypatch.context() as patched:
        patched.setattr(command.Sampler, "step", ended)
        assert run(sources, "parts").exit_code != 0
    assert not (sources / "parts" / "weights").exists()
    result = run(sources, "parts")
    assert result.exit_code == 0, result.output
    assert "going on after step 2" in result.stderr
    whole, parts = (load_weights(sources / work / "weights") for work in ("whole", "parts"))
    np.testing.assert_array_equal(parts.words, whole.words)
    np.testing.assert_array_equal(parts.layers[-1].contract.weight, whole.layers[-1].contract.weight)
    assert parts.heads is not None
    assert whole.heads is not None
    np.testing.assert_array_equal(parts.heads.weight, whole.heads.weight)
    assert (sources / "parts" / "fp32.onnx").stat().st_size > 0
    assert load_bundle(sources / "parts" / "own" / "1").manifest.version == "1"
    again = run(sources, "parts")
    assert again.stderr.count("done before") == 6


def with_heads(sources: Path, seed: int = 0) -> None:
    """Put weights that were trained in the place of general ones."""
    weights = random_weights(seed, outliers=False)
    assert weights.shape.layers == 2
    save_weights(weights, sources / "weights", sources / "trained")
    shutil.rmtree(sources / "weights")
    (sources / "trained").rename(sources / "weights")


def test_a_student_has_its_layers_and_is_no_result_of_a_run_without(sources: Path) -> None:
    with_heads(sources)
    result = run(sources, "small", "--layers", "1")
    assert result.exit_code == 0, result.output
    student = load_weights(sources / "small" / "weights")
    assert len(student.layers) == student.shape.layers == 1
    assert "taught" in (sources / "small" / "log.jsonl").read_text("utf-8")
    other = run(sources, "small")
    assert other.exit_code == 1
    assert "a run with other layers" in other.output


def test_a_run_that_says_nothing_of_batch_and_rate_had_the_usual_ones(sources: Path) -> None:
    assert run(sources, "whole").exit_code == 0
    record_of_run = sources / "whole" / "done.json"
    written = json.loads(record_of_run.read_text("utf-8"))
    del written["given"]["batch"], written["given"]["rate"]
    record_of_run.write_text(json.dumps(written), "utf-8")
    again = run(sources, "whole", "--rate", f"{RATE}")
    assert again.exit_code == 0, again.output
    assert again.stderr.count("done before") == 6


@pytest.mark.parametrize("option", [("--batch", "2"), ("--rate", "2e-4")])
def test_a_run_with_another_batch_or_rate_is_another_run(sources: Path, option: tuple[str, str]) -> None:
    assert run(sources, "whole").exit_code == 0
    other = run(sources, "whole", *option)
    assert other.exit_code == 1
    assert f"a run with other {option[0].strip('-')}" in other.output
    alone = run(sources, "other", *option)
    assert alone.exit_code == 0, alone.output
    usual, own = (load_weights(sources / work / "weights").layers[-1] for work in ("whole", "other"))
    assert not np.array_equal(usual.expand.weight, own.expand.weight)


@pytest.mark.parametrize(
    ("layers", "trained", "reason"),
    [("1", False, "has no heads and cannot teach"), ("2", True, "has 1 to 1 layers")],
)
def test_a_student_needs_a_teacher_that_was_trained_and_is_larger(
    sources: Path, layers: str, reason: str, *, trained: bool
) -> None:
    if trained:
        with_heads(sources)
    result = run(sources, "small", "--layers", layers)
    assert result.exit_code == 1
    assert reason in result.output


def test_a_student_does_not_go_on_with_another_teacher(sources: Path) -> None:
    with_heads(sources)
    assert run(sources, "small", "--layers", "1").exit_code == 0
    with_heads(sources, seed=5)
    # What a recipe refuses by itself, before it trains, the command that trains alone has to notice.
    given = [
        word
        for name in ("data", "corpus", "lexicon", "weights")
        for word in (f"--{name}", str(sources / name))
    ]
    train = ["train", *given, "--out", str(sources / "small"), "--steps", "4", "--layers", "1"]
    result = CliRunner().invoke(main, train)
    assert result.exit_code == 1
    assert "a run with another teacher" in result.output
