"""Annotated notes: what is left is the text, and what was marked is where it stands."""

from pathlib import Path

import pytest

from bertillon_models.corpus import read_corpus
from bertillon_models.evaluation.rows import DataError
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.vocabulary import Assertion, Setting

BILLABLE = frozenset({"I10", "E11.9", "R05.9"})
HEADER = "=== note: t-1 | specialty: family medicine | setting: outpatient\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "notes.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_annotations_give_way_to_their_words_and_keep_their_place(tmp_path: Path) -> None:
    text = HEADER + "A/P:\n1. {{HTN|I10|present|y}} up. No {{cough|R05.9|negated|n:negated}}.\n"
    (note,) = read_corpus(written(tmp_path, text), BILLABLE)
    assert note.text == "A/P:\n1. HTN up. No cough.\n"
    assert [annotation.span.of(note.text) for annotation in note.annotations] == ["HTN", "cough"]
    assert [annotation.assertion for annotation in note.annotations] == [Assertion.PRESENT, Assertion.NEGATED]
    assert note.coded().codes == {"I10"}
    assert note.coded().setting is Setting.OUTPATIENT


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{{HTN|I10|present}}", "four fields"),
        ("{{HTN|I10|present|y}", "not closed"),
        ("{{HTN|I99.999|present|y}}", "not billable"),
        ("{{HTN|I10|surely|y}}", "no assertion"),
        ("{{HTN|I10|present|maybe}}", "codeable"),
    ],
)
def test_a_bad_annotation_is_named_by_file_and_line(tmp_path: Path, body: str, reason: str) -> None:
    path = written(tmp_path, HEADER + body)
    with pytest.raises(DataError, match=rf"notes\.txt, line 1: .*{reason}"):
        list(read_corpus(path, BILLABLE))


def test_every_note_of_the_corpus_can_be_read_and_reports_a_code() -> None:
    with Catalog.open() as catalog:
        table = catalog.code_table("icd-10-cm", "2026-04-01")
    billable = frozenset(code for code, ok in zip(table.codes, table.billable, strict=True) if ok)
    root = Path(__file__).parents[2] / "models" / "corpus"
    notes = [note for path in sorted(root.glob("*.txt")) for note in read_corpus(path, billable)]
    assert len(notes) >= 90
    assert len({note.fields["note"] for note in notes}) == len(notes)
    for note in notes:
        assert note.coded().codes
        assert all(annotation.span.of(note.text).strip() for annotation in note.annotations)
