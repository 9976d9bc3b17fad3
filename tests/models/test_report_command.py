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
from small_coder import SmallEncoder, small_coder

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


def report(bundle: Path, corpus: Path, *more: str) -> Result:
    given = ["--bundle", str(bundle), "--corpus", str(corpus), *more]
    return CliRunner().invoke(report_command.report, given)


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


def test_int8_stands_beside_fp32_where_that_is_given(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encoder(path: Path) -> SmallEncoder:
        assert path.name == "fp32.onnx"
        return SmallEncoder()

    monkeypatch.setattr("bertillon_models.evaluation.local.Encoder", encoder)
    fp32 = tmp_path / "fp32.onnx"
    fp32.touch()
    (corpus / "mentions").mkdir()
    fragments = "".join(f"{{{{HTN|I10}}}} seen {number} times\n" for number in range(40))
    (corpus / "mentions" / "m.txt").write_text(fragments, encoding="utf-8")
    result = report(tmp_path, corpus, "--fp32", str(fp32))
    assert result.exit_code == 0, result.output
    text = (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    section = text[text.index("## int8 against fp32\n") :]
    assert "### corpus, split dev, profile us-outpatient: 1 notes" in section
    assert "| drop in exact F1 | 0.000 [0.000, 0.000] |" in section
    assert "### corpus, split dev, fragments: " in section
    assert "| top-1 agreement | 1.000 [1.000, 1.000] |" in section
    assert "## int8" not in text[: text.index(section)]
    stored = json.loads((tmp_path / "REPORT.json").read_text(encoding="utf-8"))
    assert [table["unit"] for table in stored["int8 against fp32"]] == ["notes", "notes", "mentions"]


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
