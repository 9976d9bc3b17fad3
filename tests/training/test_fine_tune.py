"""Training on with a customer's notes, in two steps of a small encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bertillon_models.cli import main
from bertillon_models.options import CODIESP_DEV, CODIESP_TRAIN, NEGEX, SENTENCES, TERMS
from bertillon_models.splits import Split, note_split
from bertillon_models.training.section_rows import FIRST_ROW, LAST_ROW
from bertillon_models.weights import load_weights
from bertillon_server.bundle.loader import load_bundle
from published_weights import publish
from recorded_bundle import another
from small_bundle import write_small_bundle, write_tokenizer

pytest.importorskip("torch")
fine_tune = pytest.importorskip("bertillon_models.training.fine_tune")

FORMS = ("heart failure", "failure of the heart", "failure heart", "acute heart failure", "no heart failure")
TEXT = "Assessment:\n1. heart failure.\n2. cough.\n"
NOTES: list[dict[str, Any]] = [
    {
        "note_id": "1",
        "text": TEXT,
        "codes": ["I50.9"],
        "evidence": [{"code": "I50.9", "start": 15, "end": 28}],
    },
    {"note_id": "2", "text": TEXT, "codes": ["I50.9", "R05.9", "I50", "Q99.99"]},
]


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """Write weights, data and a corpus of one note."""
    named = {name: tmp_path / name for name in ("data", "corpus", "lexicon", "weights", "work")}
    for name in ("corpus", "lexicon", "weights"):
        named[name].mkdir()
    for file in (TERMS, SENTENCES, CODIESP_TRAIN, CODIESP_DEV):
        (named["data"] / file).parent.mkdir(parents=True, exist_ok=True)
        (named["data"] / file).write_text("", encoding="utf-8")
    (named["data"] / NEGEX).mkdir()
    rows = [f"{form}\tI50.9\tinclusionTerm" for form in FORMS] + ["cough\tR05.9\ttitle"]
    (named["data"] / TERMS).write_text("\n".join(["term\tcode\tsource", *rows]), encoding="utf-8")
    chosen = next(f"n-{n}" for n in range(99) if note_split(f"n-{n}", "cardiology") is Split.TRAIN)
    note = f"=== note: {chosen} | specialty: cardiology\nA/P:\n1. {{{{heart failure|I50.9|present|y}}}} of chest\n"
    (named["corpus"] / "a.txt").write_text(note, encoding="utf-8")
    write_tokenizer(named["weights"] / "tokenizer.json")
    publish(named["weights"])
    return named


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small bundle, of which an F1 of 0.4 is on record, in the place of the one that would be made."""
    small = tmp_path / "small"
    small.mkdir()
    write_small_bundle(small)
    bundle = another(small, tmp_path / "ready" / "2", f1=0.4)

    def make_bundle(*_: Any, **__: Any) -> Path:
        return bundle

    monkeypatch.setattr(fine_tune, "make_bundle", make_bundle)
    return bundle


def run(sources: dict[str, Path], rows: list[Any], *flags: str) -> Result:
    folder = sources["work"].parent
    notes = folder / "notes.jsonl"
    notes.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    named = {"--notes": notes, "--weights": sources["weights"], "--out": folder / "own" / "1"}
    named |= {f"--{name}": sources[name] for name in ("data", "corpus", "lexicon", "work")}
    arguments = [str(word) for pair in named.items() for word in pair]
    return CliRunner().invoke(main, ["fine-tune", *arguments, "--steps", "2", *flags])


def test_weights_are_trained_on_and_a_bundle_is_put_in_place(sources: dict[str, Path], made: Path) -> None:
    result = run(sources, NOTES)
    assert result.exit_code == 0, result.output
    before, after = load_weights(sources["weights"]), load_weights(sources["work"] / "weights")
    assert after.heads is not None
    np.testing.assert_array_equal(after.words[LAST_ROW:], before.words[LAST_ROW:])
    assert not np.array_equal(after.words[FIRST_ROW:LAST_ROW], before.words[FIRST_ROW:LAST_ROW])
    assert not np.array_equal(after.layers[0].qkv.weight, before.layers[0].qkv.weight)
    assert made.exists()
    assert (sources["work"].parent / "own" / "1" / "manifest.json").exists()


def test_what_is_learned_from_and_what_is_not_is_told(sources: dict[str, Path], made: Path) -> None:
    del made
    result = run(sources, NOTES)
    assert "2 notes: 1 mentions marked, 2 found by their terms, 0 codes found nowhere" in result.stderr
    for code in ("I50", "Q99.99"):
        assert f"{code} is not billable in 2026-04-01: not trained on, in 1 notes" in result.stderr


def test_a_bad_row_is_named_and_skipped_only_when_asked(sources: dict[str, Path], made: Path) -> None:
    del made
    rows = [*NOTES, {"note_id": "3", "text": "secret words", "codes": "I10"}]
    result = run(sources, rows)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith("notes.jsonl, line 3: codes must be a list of strings")
    result = run(sources, rows, "--skip-bad-rows")
    assert result.exit_code == 0
    assert "notes.jsonl, line 3: codes must be a list of strings" in result.stderr
    assert "secret" not in result.output


def test_notes_that_teach_nothing_are_one_line(sources: dict[str, Path], made: Path) -> None:
    del made
    result = run(sources, [{"note_id": "1", "text": "No complaints.", "codes": ["I10"]}])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith("no note has a code that can be learned from")


def test_a_better_bundle_is_not_replaced_without_force(sources: dict[str, Path], made: Path) -> None:
    folder = sources["work"].parent
    out = another(folder / "small", folder / "own" / "1", f1=0.5)
    result = run(sources, NOTES)
    assert result.exit_code == 1
    assert "f1 0.400 instead of 0.500" in result.output
    assert load_bundle(out).manifest.version == "1"
    result = run(sources, NOTES, "--force")
    assert result.exit_code == 0
    assert "[1/6] fine-tune: done before" in result.stderr
    assert load_bundle(out).manifest == load_bundle(made).manifest
