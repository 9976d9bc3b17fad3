import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.evaluation.assertion_sets import NEGEX_FILE, locate
from bertillon_models.evaluation.assertions import Part, Report, assertions_command, evaluate
from bertillon_models.evaluation.intervals import Interval, bootstrap, precision_recall_f1
from bertillon_server.coding.spans import Span

HEADER = "line number\tCondition\tsentence\tnegation\ttemporality\texperiencer\n"


def negex(folder: Path, *rows: str) -> Path:
    (folder / NEGEX_FILE).write_text(HEADER + "".join(row + "\n" for row in rows), encoding="utf-8")
    return folder


def json_lines(folder: Path, *rows: object) -> Path:
    file = folder / "set.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def part(report: Report, name: str) -> Part:
    return next(part for part in report.parts if part.name == name)


def test_negex_is_scored_as_negated_or_affirmed_with_odd_and_even_lines_apart(tmp_path: Path) -> None:
    report = evaluate(
        negex(
            tmp_path,
            "1\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
            "2\tcough\tPossible COUGH.\tAffirmed\tRecent\tPatient",
            "3\tpain\tHe has PAIN.\tNegated\tRecent\tPatient",
        )
    )
    assert [(part.name, part.mentions) for part in report.parts] == [("even", 1), ("odd", 2), ("all", 3)]
    negated = part(report, "all").classes[0]
    assert (negated.assertion, negated.gold, negated.predicted) == ("NEGATED", 2, 1)
    assert (negated.precision.value, negated.recall.value) == (1.0, 0.5)
    assert part(report, "even").classes[0].assertion == "AFFIRMED"
    assert report.malformed == ()


def test_own_sets_are_scored_in_every_class_by_split_and_section(tmp_path: Path) -> None:
    report = evaluate(
        json_lines(
            tmp_path,
            {"text": "No fever.", "start": 3, "end": 8, "assertion": "NEGATED", "split": "check"},
            {"text": "CAD", "start": 0, "end": 3, "assertion": "FAMILY", "section": "FAMILY_HISTORY"},
            {"text": "Cough.", "start": 0, "end": 5, "assertion": "POSSIBLE"},
        )
    )
    assert [(part.name, part.mentions) for part in report.parts] == [("check", 1), ("all", 3)]
    scores = {score.assertion: (score.gold, score.predicted) for score in part(report, "all").classes}
    assert scores == {"PRESENT": (0, 1), "NEGATED": (1, 1), "POSSIBLE": (1, 0), "FAMILY": (1, 1)}
    assert part(report, "all").accuracy == pytest.approx(2 / 3)


def test_malformed_rows_are_named_by_file_line_and_reason_and_never_quoted(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(
        '{"text": "Secretword", "start": 0, "end": 6, "assertion": "PRESENT"}\n'
        "Secretword\n"
        '["Secretword"]\n'
        '{"text": 5}\n'
        '{"text": "Secretword", "start": 3, "end": 99, "assertion": "PRESENT"}\n'
        '{"text": "Secretword", "start": true, "end": 2, "assertion": "PRESENT"}\n'
        '{"text": "Secretword", "start": 0, "end": 6, "assertion": "Secretword"}\n'
        '{"text": "Secretword", "start": 0, "end": 6, "assertion": "PRESENT", "section": "Secretword"}\n'
        '{"text": "Secretword", "start": 0, "end": 6, "assertion": "PRESENT", "split": 1}\n',
        encoding="utf-8",
    )
    result = CliRunner().invoke(assertions_command, ["--file", str(file)])
    assert result.exit_code == 0
    skipped = result.stderr.splitlines()
    assert [line.split(":")[1] for line in skipped] == [str(line) for line in range(2, 10)]
    assert "skipped set.jsonl:5: start and end are not a range of the text" in skipped
    assert "Secretword" not in result.output


def test_malformed_negex_rows_are_named(tmp_path: Path) -> None:
    report = evaluate(
        negex(
            tmp_path,
            "1\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
            "2\tfever\tNo FEVER.\tNegated",
            "x\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
            "4\tfever\tNo FEVER.\tPerhaps\tRecent\tPatient",
            "5\tfever\tNothing here.\tNegated\tRecent\tPatient",
        )
    )
    assert [str(row) for row in report.malformed] == [
        f"{NEGEX_FILE}:3: 4 columns instead of 6",
        f"{NEGEX_FILE}:4: the line number is not a number",
        f"{NEGEX_FILE}:5: the negation is neither Negated nor Affirmed",
        f"{NEGEX_FILE}:6: the condition is not in the sentence",
    ]


@pytest.mark.parametrize(
    ("condition", "sentence", "found"),
    [
        ("chest pain", "Chest pain? No CHEST   PAIN.", "CHEST   PAIN"),
        ("Dilated ventricle (left)", "Dilated ventricle (left).", "Dilated ventricle (left)"),
        ("Neck: Supple.  No nodes", "Neck:  Supple.", "Neck:  Supple."),
        ("neck is supple.  No nodes present", "No nodes present.", "No nodes present"),
    ],
)
def test_a_condition_is_found_where_it_stands_in_capitals_or_as_much_of_it_as_is_there(
    condition: str, sentence: str, found: str
) -> None:
    span = locate(condition, sentence)
    assert span is not None
    assert span.of(sentence) == found


def test_the_command_prints_a_table_and_json_with_the_same_figures(tmp_path: Path) -> None:
    folder = negex(tmp_path, "1\tfever\tNo FEVER.\tNegated\tRecent\tPatient")
    table = CliRunner().invoke(assertions_command, ["--negex", str(folder)])
    assert "1.000 (1.000-1.000)" in table.stdout
    value = json.loads(
        CliRunner().invoke(assertions_command, ["--negex", str(folder), "--format", "json"]).stdout
    )
    assert value["parts"][-1]["classes"][0]["f1"] == {"value": 1.0, "interval": [1.0, 1.0]}


@pytest.mark.parametrize("arguments", [[], ["--negex", ".", "--file", __file__]])
def test_the_command_wants_exactly_one_set(arguments: list[str]) -> None:
    result = CliRunner().invoke(assertions_command, arguments)
    assert result.exit_code == 2
    assert "one of --negex and --file" in result.stderr


def test_a_set_without_a_usable_row_or_file_is_one_error_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for arguments in (["--file", str(empty)], ["--negex", str(tmp_path)]):
        result = CliRunner().invoke(assertions_command, arguments)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1


def test_undefined_figures_are_null_in_json(tmp_path: Path) -> None:
    file = json_lines(tmp_path, {"text": "Cough.", "start": 0, "end": 5, "assertion": "POSSIBLE"})
    value = json.loads(evaluate(file).to_json())
    present = value["parts"][0]["classes"][0]
    assert present["recall"]["value"] is None


def test_intervals_are_reproducible_and_narrow_with_more_units() -> None:
    def interval(units: int, seed: int = 0) -> Interval:
        counts = np.tile(np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]), (units // 2, 1))
        return bootstrap(counts, precision_recall_f1, seed=seed)[0]

    assert interval(100) == interval(100)
    assert interval(100) != interval(100, seed=1)
    assert 0.38 < interval(100).low < 0.42
    assert 0.58 < interval(100).high < 0.62
    assert interval(10_000).high - interval(10_000).low < 0.021


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=20), st.integers(0, 3))
def test_an_interval_lies_within_what_single_units_can_give(
    rows: list[tuple[int, int, int]], seed: int
) -> None:
    counts = np.array(
        [[min(hits, predicted, gold), predicted, gold] for hits, predicted, gold in rows], dtype=float
    )
    for interval in bootstrap(counts, precision_recall_f1, resamples=50, seed=seed):
        assert np.isnan(interval.low) or 0 <= interval.low <= interval.high <= 1


@pytest.mark.parametrize("counts", [np.zeros((0, 3)), np.zeros(3)])
def test_an_interval_needs_units(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="units"):
        bootstrap(counts, precision_recall_f1)


def test_spans_of_the_negex_set_are_those_of_the_text() -> None:
    assert locate("fever", "No FEVER") == Span(3, 8)
