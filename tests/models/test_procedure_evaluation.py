"""Procedure codes are compared to the length that the gold has, and at the levels of a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertillon_models.evaluation.procedures import ProcedureNote, read_procedure_notes, scores
from bertillon_models.evaluation.rows import DataError, Rejects


def test_a_code_is_compared_to_the_length_that_the_gold_has() -> None:
    notes = [ProcedureNote("1", "", frozenset({"0DTJ", "BW03ZZZ", "0FT44ZZ"}))]
    coded = [[("0DTJ4ZZ", 0.9), ("BW03ZZZ", 0.9), ("0FT40ZZ", 0.9), ("0SRC0JZ", 0.2)]]
    exact, part, table = scores(notes, coded)
    assert (exact.n, exact.precision, exact.recall) == (3, 2 / 4, 2 / 3)
    assert (part.n, part.precision, part.recall) == (3, 3 / 4, 1.0)
    assert (table.n, table.precision, table.recall) == (3, 3 / 4, 1.0)
    assert scores(notes, coded, threshold=0.5)[0].precision == pytest.approx(2 / 3)


def test_rows_without_procedure_codes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text(
        json.dumps({"note_id": "1", "text": "x", "procedure_codes": ["0dtj"]}) + '\n{"note_id": "2"}\n'
    )
    rejects = Rejects(skip=True)
    assert read_procedure_notes(file, rejects) == [ProcedureNote("1", "x", frozenset({"0DTJ"}))]
    assert len(rejects.reasons) == 1
    with pytest.raises(DataError):
        read_procedure_notes(tmp_path / "none.jsonl", Rejects())
