"""A bundle is scored on the standing sets, and what comes of it lies in the bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bertillon_models import report_command
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.splits import Split, note_split
from bertillon_server.catalog.store import Catalog
from small_coder import small_coder

NOTE = "=== note: {} | specialty: {} | setting: outpatient\nA/P:\n1. {{{{{}|I10|present|y}}}}\n"


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


@pytest.fixture(autouse=True)
def small_bundle(coder: LocalCoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(bundle: Path) -> LocalCoder:
        del bundle
        return coder

    monkeypatch.setattr(report_command, "LocalCoder", load)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    chosen = next(f"n-{n}" for n in range(99) if note_split(f"n-{n}", "cardiology") is Split.DEV)
    folder = tmp_path / "corpus"
    folder.mkdir()
    notes = NOTE.format(chosen, "cardiology", "HTN") + NOTE.format("u-1", "urology", "high pressure")
    (folder / "a.txt").write_text(notes, encoding="utf-8")
    return folder


def report(bundle: Path, corpus: Path) -> Result:
    return CliRunner().invoke(report_command.report, ["--bundle", str(bundle), "--corpus", str(corpus)])


def record(bundle: Path) -> dict[str, dict[str, object]]:
    read: dict[str, dict[str, object]] = json.loads((bundle / "REPORT.json").read_text(encoding="utf-8"))[
        "standing"
    ]
    return read


def test_what_bundles_are_compared_by_is_on_record(corpus: Path, tmp_path: Path) -> None:
    result = report(tmp_path, corpus)
    assert result.exit_code == 0, result.output
    standing = record(tmp_path)
    assert {name: (measure["value"], measure["units"]) for name, measure in standing.items()} == {
        "corpus, split dev: exact F1": (1.0, 1),
        "corpus, split specialty: exact F1": (0.0, 1),
    }
    text = (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    assert text.startswith("# Evaluation of small/1\n")
    assert "## corpus, split specialty, profile us-outpatient: 1 notes" in text


def test_a_set_that_changed_is_another_set(corpus: Path, tmp_path: Path) -> None:
    report(tmp_path, corpus)
    before = record(tmp_path)
    (corpus / "b.txt").write_text(NOTE.format("u-2", "urology", "HTN"), encoding="utf-8")
    report(tmp_path, corpus)
    after = record(tmp_path)
    dev, specialty = before
    assert before[dev] == after[dev]
    assert before[specialty]["fingerprint"] != after[specialty]["fingerprint"]


def test_a_corpus_that_keeps_nothing_from_training_is_one_line(tmp_path: Path) -> None:
    result = report(tmp_path, tmp_path)
    assert result.exit_code == 1
    assert result.output == "Error: the corpus has nothing that is kept from training\n"
