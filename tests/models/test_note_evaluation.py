"""Scores of coded notes, against figures worked out by hand."""

from pathlib import Path

import pytest

from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.note_sets import CodedNote, DataError, Profile, read_notes
from bertillon_models.evaluation.notes import Prediction, score

NOTES = [
    CodedNote("1", "x", frozenset({"I10", "E11.9"})),
    CodedNote("2", "y", frozenset({"J18.9"})),
]


def test_micro_scores_count_codes_over_all_notes() -> None:
    predictions = [
        Prediction((("I10", 0.9), ("E11.65", 0.4)), frozenset({"I10", "E11.65"})),
        Prediction((("J18.9", 0.8),), frozenset({"J18.9"})),
    ]
    figures = score("s", NOTES, predictions).figures
    assert figures["exact P"].value == pytest.approx(2 / 3)
    assert figures["exact R"].value == pytest.approx(2 / 3)
    assert figures["category F1"].value == pytest.approx(1.0)
    assert figures["MAP"].value == pytest.approx((0.5 + 1.0) / 2)
    assert figures["exact P"].low <= figures["exact P"].value <= figures["exact P"].high


def test_confidence_that_says_what_happens_has_no_calibration_error() -> None:
    right = Prediction((("I10", 1.0), ("E11.9", 1.0)), frozenset())
    assert score("s", NOTES[:1], [right]).plain["ECE"] == pytest.approx(0.0)
    wrong = Prediction((("R05.9", 1.0),), frozenset())
    assert score("s", NOTES[:1], [wrong]).plain["ECE"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("R51.9", "R51"),
        ("M54.50", "M54.5"),
        ("S52.501A", "S52.501"),
        ("W19.XXXA", "W19"),
        ("T14.8XXA", "T14.8"),
        ("F32.A", "F32.9"),
        ("I10", "I10"),
    ],
)
def test_codiesp_codes_are_compared_as_its_edition_writes_them(code: str, expected: str) -> None:
    assert Profile.CODIESP.comparable(code) == expected
    assert Profile.ENCOUNTER.comparable(code) == code


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not an object"),
        ('{"note_id": "1", "text": " ", "codes": []}', "not blank"),
        ('{"note_id": "1", "text": "secret", "codes": "I10"}', "list of strings"),
        ('{"note_id": "1", "text": "secret", "codes": [], "setting": "moon"}', "setting"),
    ],
)
def test_a_bad_line_is_named_without_its_text(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"note_id": "0", "text": "fine", "codes": []}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=reason) as refused:
        list(read_notes(path))
    assert "line 2" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_floor_takes_the_longest_term_and_the_unspecified_leaf(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    rows = [
        "term\tcode\tsource",
        "heart\tI51.9\ttitle",
        "Heart failure\tI50\ttitle",
        "Aspirin\tT39.01\tdrug_table",
    ]
    terms.write_text("\r\n".join(rows), encoding="utf-8")
    floor = DictionaryFloor(terms, {"I50.1", "I50.9", "I51.9", "T39.011A"})
    assert floor.codes("Known HEART failures, on aspirin") == {"I50.9"}
