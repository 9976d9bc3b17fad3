"""Scores of coded notes, against figures worked out by hand."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from bertillon_models.evaluation.breakdown import by_frequency, by_section, by_specialty
from bertillon_models.evaluation.confidence_scores import confidence_figures, reliability, risk_coverage
from bertillon_models.evaluation.evidence_scores import evidence_figures
from bertillon_models.evaluation.figures import Figure
from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.note_scores import Prediction, chapter, note_figures
from bertillon_models.evaluation.note_sets import CodedNote, Evidence, Profile, comparable, read_notes
from bertillon_models.evaluation.notes import Run, notes_table
from bertillon_models.evaluation.quantisation import notes_fidelity
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import CodingProfile, Setting

NOTES = [
    CodedNote("1", "x", frozenset({"I10", "E11.9"})),
    CodedNote("2", "y", frozenset({"J18.9"})),
]
PREDICTIONS = [
    Prediction((("I10", 0.9), ("E11.65", 0.4)), frozenset({"I10", "E11.65"})),
    Prediction((("J18.9", 0.8),), frozenset({"J18.9"})),
]


def values(figures: dict[str, Figure], names: Sequence[str]) -> list[float]:
    return [round(figures[name].value, 4) for name in names]


def test_micro_scores_count_codes_over_all_notes() -> None:
    figures = note_figures(NOTES, PREDICTIONS, seed=0)
    assert values(figures, ["exact P", "exact R", "category F1", "chapter F1"]) == [0.6667, 0.6667, 1.0, 1.0]
    assert figures["exact P"].low <= figures["exact P"].value <= figures["exact P"].high


def test_macro_scores_average_over_codes_in_gold_or_predictions() -> None:
    figures = note_figures(NOTES, PREDICTIONS, seed=0)
    # I10 and J18.9 are right; E11.9 is missed and E11.65 is wrong.
    assert values(figures, [f"exact macro {name}" for name in ("P", "R", "F1")]) == [0.5, 0.5, 0.5]
    assert figures["category macro F1"].value == pytest.approx(1.0)
    interval = figures["exact macro F1"]
    assert interval.low == pytest.approx(1 / 3)
    assert interval.high == pytest.approx(1.0)


def test_ranked_lists_are_scored_over_notes_with_codes() -> None:
    empty = CodedNote("3", "z", frozenset())
    figures = note_figures([*NOTES, empty], [*PREDICTIONS, Prediction((), frozenset())], seed=0)
    names = ["exact MAP", "exact P@5", "exact R@5", "category MAP"]
    assert values(figures, names) == [0.75, 0.2, 0.75, 1.0]


def test_codes_of_one_category_count_once_at_that_level() -> None:
    note = CodedNote("1", "x", frozenset({"S82.101A", "S82.202A"}))
    given = Prediction((("S82.301A", 0.9),), frozenset({"S82.301A"}))
    figures = note_figures([note], [given], seed=0)
    assert values(figures, ["exact F1", "category F1", "category R@5"]) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("A00.0", "1"), ("D49.9", "2"), ("D50.0", "3"), ("E11.9", "4"), ("H59.9", "7"), ("H60.00", "8"),
        ("T88.9XXA", "19"), ("V00.01XA", "20"), ("Y99.9", "20"), ("Z99.89", "21"), ("U07.1", "22"),
    ],
)  # fmt: skip
def test_a_code_belongs_to_a_chapter(code: str, expected: str) -> None:
    assert chapter(code) == expected


def test_confidence_is_scored_over_all_ranked_codes() -> None:
    figures = confidence_figures(NOTES, PREDICTIONS, seed=0)
    # 0.9 right, 0.8 right, 0.4 wrong, each in a bin of its own.
    assert values(figures, ["ECE", "Brier"]) == [round(0.7 / 3, 4), 0.07]
    names = ["coverage at 90% precision", "recall at 90% precision", "coverage at 95% precision"]
    assert values(figures, names) == [0.6667, 0.6667, 0.6667]


def test_coverage_is_a_share_of_the_listed_codes() -> None:
    listed = [Prediction(PREDICTIONS[0].ranked, frozenset({"I10"})), PREDICTIONS[1]]
    assert confidence_figures(NOTES, listed, seed=0)["coverage at 95% precision"].value == 1.0


def test_confidence_that_says_what_happens_has_no_calibration_error() -> None:
    right = Prediction((("I10", 1.0), ("E11.9", 1.0)), frozenset())
    assert confidence_figures(NOTES[:1], [right], seed=0)["ECE"].value == pytest.approx(0.0)
    wrong = Prediction((("R05.9", 1.0),), frozenset())
    assert confidence_figures(NOTES[:1], [wrong], seed=0)["ECE"].value == pytest.approx(1.0)


def test_curves_tell_bins_and_risk() -> None:
    curve = reliability(NOTES, PREDICTIONS)
    assert curve.points == ((0.4, 0.0), (0.8, 1.0), (0.9, 1.0))
    assert curve.weights == (1, 1, 1)
    coverage, risk = zip(*risk_coverage(NOTES, PREDICTIONS).points, strict=True)
    assert coverage == pytest.approx((1 / 3, 2 / 3, 1.0))
    assert risk == pytest.approx((0.0, 0.0, 1 / 3))


def test_evidence_is_scored_by_span_by_code_and_by_token() -> None:
    marked = (Evidence("I10", Span(0, 3)), Evidence("E11.9", Span(8, 10)))
    given = (
        Evidence("I10", Span(0, 3)),
        Evidence("E11.65", Span(8, 10)),
        Evidence("R05.9", Span(11, 16)),
    )
    note = CodedNote("1", "HTN and DM today.", frozenset(), evidence=marked)
    unmarked = CodedNote("2", "HTN", frozenset())
    predictions = [Prediction((), frozenset(), given), Prediction((), frozenset(), given[:1])]
    figures = evidence_figures([note, unmarked], predictions, seed=0)
    assert values(figures, [f"evidence overlap {name}" for name in ("P", "R", "F1")]) == [0.6667, 1.0, 0.8]
    same = values(figures, [f"evidence overlap, same code {name}" for name in ("P", "R", "F1")])
    assert same == [0.3333, 0.5, 0.4]
    assert values(figures, [f"evidence token {name}" for name in ("P", "R", "F1")]) == [0.6667, 1.0, 0.8]
    assert evidence_figures([unmarked], predictions[1:], seed=0) == {}


def test_scores_break_down_by_how_often_training_links_a_code() -> None:
    given = [Prediction((), frozenset({"I10", "J18.9"}))]
    rows = by_frequency("set", NOTES[:1], given, {"I10": 5, "E11.9": 1}, seed=0).rows
    shown = {
        group: [str(row[name].value) for name in ("gold", "listed", "P", "R")] for group, row in rows.items()
    }
    assert shown == {
        "seen often": ["1", "1", "1.0", "1.0"],
        "seen seldom": ["1", "0", "nan", "0.0"],
        "never seen": ["0", "1", "0.0", "nan"],
    }


def test_scores_break_down_by_specialty_and_by_section_of_the_evidence() -> None:
    text = "Past medical history:\nHTN\n\nAssessment:\n1. Cough.\n"
    htn, cough = Span(22, 25), Span(42, 47)
    note = CodedNote("1", text, frozenset({"R05.9"}), evidence=(Evidence("R05.9", cough),))
    given = Prediction((), frozenset({"R05.9", "I10"}), (Evidence("R05.9", cough), Evidence("I10", htn)))
    assert (htn.of(text), cough.of(text)) == ("HTN", "Cough")
    table = by_section("set", [note], [given], seed=0)
    assert table is not None
    assert {group: row["P"].value for group, row in table.rows.items()} == {
        "assessment": 1.0,
        "past medical history": 0.0,
    }
    rows = by_specialty("set", [note], [given], ["urology"], seed=0).rows
    assert (rows["urology"]["P"].value, rows["urology"]["R"].value) == (0.5, 1.0)


def test_a_table_has_a_column_for_each_system_and_no_notes_are_refused() -> None:
    own = Run("own", tuple(PREDICTIONS), (0.1, 0.3), 0, 0)
    floor = Run("floor", tuple(PREDICTIONS))
    table = notes_table("set", NOTES, [own, floor], seed=0)
    assert table.columns == ("own", "floor")
    assert table.rows["seconds per note"]["own"].value == pytest.approx(0.2)
    assert "floor" not in table.rows["ECE"]
    assert table.rows["codes not billable"]["own"] == Figure(0)
    with pytest.raises(ValueError, match="no notes"):
        notes_table("set", [], [own], seed=0)


def test_a_run_restricted_to_codes_keeps_nothing_else() -> None:
    given = Prediction(PREDICTIONS[0].ranked, PREDICTIONS[0].listed, (Evidence("I10", Span(0, 1)),))
    (kept,) = Run("s", (given,)).restricted(lambda code: code.startswith("E")).predictions
    assert kept == Prediction((("E11.65", 0.4),), frozenset({"E11.65"}), ())


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
    assert Profile.US_OUTPATIENT.comparable(code) == code


def test_profiles_name_what_the_server_runs() -> None:
    assert [profile.coding for profile in Profile] == [
        CodingProfile.ENCOUNTER,
        CodingProfile.ENCOUNTER,
        CodingProfile.ALL_MENTIONS,
        CodingProfile.ALL_MENTIONS,
    ]
    assert Profile.US_INPATIENT.setting is Setting.INPATIENT


def test_notes_are_read_with_their_setting_date_and_evidence(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(
        '{"note_id": "1", "text": "R51 here", "codes": ["R51.9"], "date_of_service": "2026-05-11", '
        '"evidence": [{"code": "R51.9", "start": 0, "end": 3}]}\n\n'
        '{"note_id": "2", "text": "y", "codes": [], "setting": "outpatient"}\n',
        encoding="utf-8",
    )
    first, second = read_notes(path, Setting.INPATIENT)
    assert first == CodedNote(
        "1",
        "R51 here",
        frozenset({"R51.9"}),
        Setting.INPATIENT,
        dt.date(2026, 5, 11),
        (Evidence("R51.9", Span(0, 3)),),
    )
    assert (second.setting, second.evidence) == (Setting.OUTPATIENT, None)
    (compared,) = comparable([first], Profile.CODIESP)
    assert compared.codes == {"R51"}
    assert compared.evidence == (Evidence("R51", Span(0, 3)),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not an object"),
        ('{"note_id": "1", "text": " ", "codes": []}', "not blank"),
        ('{"note_id": "1", "text": "secret", "codes": "I10"}', "list of strings"),
        ('{"note_id": "1", "text": "secret", "codes": [], "setting": "moon"}', "setting"),
        ('{"note_id": "1", "text": "secret", "codes": [], "date_of_service": "May"}', "date_of_service"),
        ('{"note_id": "1", "text": "secret", "codes": [], "evidence": 1}', "evidence"),
        ('{"note_id": "1", "text": "secret", "codes": [], "evidence": [1]}', "evidence"),
        (
            '{"note_id": "1", "text": "secret", "codes": [], "evidence": [{"code": "Q", "start": 2, "end": 9}]}',
            "within the text",
        ),
    ],
)
def test_a_bad_line_is_named_without_its_text_or_skipped_and_kept(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"note_id": "0", "text": "fine", "codes": []}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=reason) as refused:
        list(read_notes(path))
    assert "line 2" in str(refused.value)
    assert "secret" not in str(refused.value)
    rejects = Rejects(skip=True)
    assert [note.note_id for note in read_notes(path, rejects=rejects)] == ["0"]
    assert rejects.reasons == [str(refused.value)]


def test_a_file_that_cannot_be_read_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        list(read_notes(path))


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


def test_a_parent_stands_for_its_shortest_unspecified_leaf(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("term\tcode\tsource\n", encoding="utf-8")
    floor = DictionaryFloor(terms, {"I50.1", "I50.89", "I50.9", "I500", "E10.10", "E10.90"})
    assert [floor.leaf(code) for code in ("I50", "E10", "I50.1", "Q99")] == [
        "I50.9",
        "E10.90",
        "I50.1",
        "Q99",
    ]


def test_int8_is_compared_with_fp32_on_the_same_notes() -> None:
    right = Prediction((), frozenset({"I10", "E11.9"}))
    table = notes_fidelity("set", NOTES, PREDICTIONS, [right, PREDICTIONS[1]], seed=0)
    shown = {name: row["int8 against fp32"] for name, row in table.rows.items()}
    assert values(shown, list(shown)) == [0.6667, 1.0, 0.3333, 0.5]
    assert list(shown) == ["exact F1 int8", "exact F1 fp32", "drop in exact F1", "same codes"]
