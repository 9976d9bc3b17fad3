"""The command that judges a bundle, over sets of every kind and a small bundle."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from bertillon_models.evaluation import command
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.splits import Split, note_split
from bertillon_server.catalog.store import Catalog
from small_coder import small_coder

NOTES = [
    {"note_id": "1", "text": "Assessment:\n1. Hypertension.\n2. Cough.\n", "codes": ["I10", "R05.9"]},
    {"note_id": "2", "text": "Assessment:\n1. Asthma.\n", "codes": ["J45.909", "Q99.99"]},
]
MENTIONS = [{"mention": "HTN", "codes": ["I10"]}, {"mention": "pneumonia", "codes": ["J18.1"]}]
ASSERTIONS = [{"text": "No cough.", "start": 3, "end": 8, "assertion": "NEGATED"}]
TERMS = "term\tcode\tsource\nEssential hypertension\tI10\ttitle\nLobar pneumonia\tJ18.1\ttitle\n"


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


@pytest.fixture(autouse=True)
def small_bundle(coder: LocalCoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(bundle: Path) -> LocalCoder:
        del bundle
        return coder

    monkeypatch.setattr(command, "LocalCoder", load)


def rows(folder: Path, name: str, values: Sequence[Mapping[str, object]]) -> str:
    path = folder / name
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return str(path)


def corpus(folder: Path) -> str:
    chosen = next(
        f"n-{number}" for number in range(99) if note_split(f"n-{number}", "cardiology") is Split.DEV
    )
    note = "=== note: {} | specialty: {} | setting: outpatient\nA/P:\n1. {{{{HTN|I10|present|y}}}}\n"
    (folder / "a.txt").write_text(
        note.format(chosen, "cardiology") + note.format("u-1", "urology"), encoding="utf-8"
    )
    return str(folder)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.evaluate, ["--bundle", __file__, *arguments])


def test_all_sets_are_scored_in_one_run_and_shown_as_json(tmp_path: Path) -> None:
    result = run(
        "--notes", rows(tmp_path, "notes.jsonl", NOTES),
        "--mentions", rows(tmp_path, "mentions.jsonl", MENTIONS),
        "--assertions", rows(tmp_path, "assertions.jsonl", ASSERTIONS),
        "--format", "json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    tables = {table["title"]: table for table in value["tables"]}
    assert list(tables) == ["notes.jsonl, profile us-outpatient", "mentions.jsonl", "assertions.jsonl"]
    notes = tables["notes.jsonl, profile us-outpatient"]
    assert (notes["n"], notes["unit"]) == (2, "notes")
    assert notes["rows"]["exact P"]["small/1"]["value"] == 1.0
    assert notes["rows"]["exact R"]["small/1"]["value"] == 0.75
    assert tables["mentions.jsonl"]["rows"]["exact R@1"]["small/1"]["value"] == 0.5
    assert tables["assertions.jsonl"]["rows"]["NEGATED"]["rules F1"]["value"] == 1.0
    assert value["gold_codes_not_billable"] == {"notes.jsonl": ["Q99.99"]}
    assert value["bundle"] == "small/1"


def test_baselines_stand_beside_the_bundle(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text(TERMS, encoding="utf-8")
    result = run(
        "--notes", rows(tmp_path, "notes.jsonl", NOTES),
        "--mentions", rows(tmp_path, "mentions.jsonl", MENTIONS),
        "--floor", str(terms),
        "--format", "json",
    )  # fmt: skip
    notes, mentions = json.loads(result.stdout)["tables"]
    assert notes["rows"]["exact F1"]["dictionary floor"]["value"] == pytest.approx(0.0)
    assert mentions["rows"]["exact R@1"]["BM25"]["value"] == 0.5
    assert mentions["rows"]["exact R@1"]["small/1, vectors alone"]["value"] == 0.0


def test_a_corpus_is_scored_by_part_with_its_breakdowns(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    titles = {}
    for split in ("dev", "specialty"):
        result = run("--corpus", folder, "--split", split, "--format", "json")
        assert result.exit_code == 0, result.output
        titles[split] = {table["title"]: table for table in json.loads(result.stdout)["tables"]}
    name = "corpus, split dev, profile us-outpatient"
    assert list(titles["dev"]) == [
        name,
        f"{name}, by specialty",
        f"{name}, by section of the evidence",
        f"{name}, by code in training (5 times or more is often)",
        "corpus, split dev, assertions",
    ]
    assert titles["dev"][name]["rows"]["evidence overlap F1"]["small/1"]["value"] == 1.0
    assert list(
        titles["specialty"]["corpus, split specialty, profile us-outpatient, by specialty"]["rows"]
    ) == ["urology"]
    only = run("--corpus", folder, "--only", "assertions", "--format", "json")
    assert [table["title"] for table in json.loads(only.stdout)["tables"]] == [
        "corpus, split dev, assertions"
    ]


def test_a_part_that_holds_nothing_is_an_error_and_not_an_empty_report(tmp_path: Path) -> None:
    result = run("--corpus", corpus(tmp_path), "--split", "train")
    assert result.exit_code == 1
    assert "nothing" in result.stderr


def test_a_report_and_plots_are_written(tmp_path: Path) -> None:
    report, plots = tmp_path / "REPORT.md", tmp_path / "plots"
    notes = rows(tmp_path, "notes.jsonl", NOTES)
    result = run("--notes", notes, "--report", str(report), "--plots", str(plots))
    assert result.exit_code == 0, result.output
    assert "exact macro F1" in result.stdout
    assert "not billable in this release: Q99.99" in result.stderr
    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Evaluation of small/1\n")
    for part in ("- command: `", "- machine: ", "- date: ", "2 notes", "| exact F1 |", "Q99.99"):
        assert part in text
    drawn = sorted(path.name for path in plots.iterdir())
    assert drawn == [
        "notes-jsonl-profile-us-outpatient-reliability.svg",
        "notes-jsonl-profile-us-outpatient-risk-and-coverage.svg",
    ]
    for path in plots.iterdir():
        root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own file
        assert root.findall(".//{*}polyline")


def test_a_bad_row_ends_the_run_unless_it_may_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps(NOTES[0]) + "\nsecret\n", encoding="utf-8")
    refused = run("--notes", str(path))
    assert refused.exit_code == 1
    assert refused.stderr == f"Error: {path}, line 2: not JSON\n"
    skipped = run("--notes", str(path), "--skip-bad-rows")
    assert skipped.exit_code == 0
    assert "1 rows were skipped" in skipped.stderr
    assert "line 2: not JSON" in skipped.stderr


def test_a_set_without_rows_is_one_error_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for kind in ("--notes", "--mentions", "--assertions"):
        result = run(kind, str(empty))
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1


def test_the_command_wants_a_set() -> None:
    assert run().exit_code == 2
