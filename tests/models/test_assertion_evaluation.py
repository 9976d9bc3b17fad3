import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.corpus import read_corpus
from bertillon_models.evaluation.assertion_sets import (
    NEGEX_FILE,
    Example,
    examples_of,
    locate,
    read_assertions,
)
from bertillon_models.evaluation.assertions import assertions_table, judged_by_rules, judged_with
from bertillon_models.evaluation.figures import Table
from bertillon_models.evaluation.intervals import Interval, bootstrap, precision_recall_f1, resampled
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.spans import Span
from small_coder import small_coder

HEADER = "line number\tCondition\tsentence\tnegation\ttemporality\texperiencer\n"


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


def negex(folder: Path, *rows: str) -> Path:
    (folder / NEGEX_FILE).write_text(HEADER + "".join(row + "\n" for row in rows), encoding="utf-8")
    return folder


def json_lines(folder: Path, *rows: object) -> Path:
    file = folder / "set.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def by_rules(path: Path) -> Table:
    examples = list(read_assertions(path, Rejects()))
    return assertions_table("set", examples, {"rules": judged_by_rules(examples)}, seed=0)


def shown(table: Table, column: str) -> dict[str, str]:
    return {name: str(row[column].value) for name, row in table.rows.items() if column in row}


def test_negex_is_scored_as_negated_or_affirmed_with_odd_and_even_lines_apart(tmp_path: Path) -> None:
    table = by_rules(
        negex(
            tmp_path,
            "1\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
            "2\tcough\tPossible COUGH.\tAffirmed\tRecent\tPatient",
            "3\tpain\tHe has PAIN.\tNegated\tRecent\tPatient",
        )
    )
    assert shown(table, "gold") == {
        "even: AFFIRMED": "1",
        "even: all classes": "1",
        "odd: NEGATED": "2",
        "odd: AFFIRMED": "0",
        "odd: all classes": "2",
        "NEGATED": "2",
        "AFFIRMED": "1",
        "all classes": "3",
    }
    negated = table.rows["NEGATED"]
    assert (negated["rules P"].value, negated["rules R"].value) == (1.0, 0.5)
    assert table.rows["all classes"]["rules F1"].value == pytest.approx(2 / 3)


def test_own_sets_are_scored_in_every_class_by_split_and_section(tmp_path: Path) -> None:
    table = by_rules(
        json_lines(
            tmp_path,
            {"text": "No fever.", "start": 3, "end": 8, "assertion": "NEGATED", "split": "check"},
            {"text": "CAD", "start": 0, "end": 3, "assertion": "FAMILY", "section": "FAMILY_HISTORY"},
            {"text": "Cough.", "start": 0, "end": 5, "assertion": "POSSIBLE"},
        )
    )
    assert shown(table, "rules R") == {
        "check: NEGATED": "1.0",
        "check: all classes": "1.0",
        "PRESENT": "nan",
        "NEGATED": "1.0",
        "POSSIBLE": "0.0",
        "FAMILY": "1.0",
        "all classes": str(2 / 3),
    }


def test_annotations_of_notes_are_judged_in_their_own_section_with_and_without_the_encoder(
    tmp_path: Path, coder: LocalCoder
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(
        "=== note: t-1 | specialty: family medicine | setting: outpatient\n"
        "Family history:\nFather with {{CAD|I25.10|family|n:family}}.\n\n"
        "A/P:\n1. {{HTN|I10|present|y}}. No {{cough|R05.9|negated|n:negated}}.\n",
        encoding="utf-8",
    )
    examples = list(examples_of(read_corpus(path, {"I25.10", "I10", "R05.9"})))
    assert [example.gold for example in examples] == ["FAMILY", "PRESENT", "NEGATED"]
    assert {example.unit for example in examples} == {"t-1"}
    rules = judged_by_rules(examples)
    systems = {"rules": rules, "fused": judged_with(coder, examples, rules)}
    table = assertions_table("set", examples, systems, seed=0)
    assert table.rows["all classes"]["rules F1"].value == 1.0
    # The fake encoder takes everything for present, which changes nothing that a rule found.
    assert table.rows["all classes"]["fused F1"].value == 1.0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Secretword", "not JSON"),
        ('["Secretword"]', "not an object"),
        ('{"text": 5}', "text is not a string"),
        ('{"text": "Secretword", "start": 3, "end": 99, "assertion": "PRESENT"}', "not a range"),
        ('{"text": "Secretword", "start": true, "end": 2, "assertion": "PRESENT"}', "not a range"),
        ('{"text": "Secretword", "start": 0, "end": 6, "assertion": "Secretword"}', "assertion is none of"),
        (
            '{"text": "Secretword", "start": 0, "end": 6, "assertion": "PRESENT", "section": "Secretword"}',
            "not a kind of section",
        ),
        ('{"text": "Secretword", "start": 0, "end": 6, "assertion": "PRESENT", "split": 1}', "split"),
    ],
)
def test_malformed_rows_are_named_by_file_line_and_reason_and_never_quoted(
    tmp_path: Path, row: str, reason: str
) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"text": "Fine", "start": 0, "end": 4, "assertion": "PRESENT"}\n' + row + "\n")
    with pytest.raises(DataError, match=reason) as refused:
        list(read_assertions(file, Rejects()))
    assert "set.jsonl, line 2" in str(refused.value)
    assert "Secretword" not in str(refused.value)
    rejects = Rejects(skip=True)
    assert len(list(read_assertions(file, rejects))) == len(rejects.reasons) == 1


def test_malformed_negex_rows_are_named(tmp_path: Path) -> None:
    rejects = Rejects(skip=True)
    folder = negex(
        tmp_path,
        "1\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
        "2\tfever\tNo FEVER.\tNegated",
        "x\tfever\tNo FEVER.\tNegated\tRecent\tPatient",
        "4\tfever\tNo FEVER.\tPerhaps\tRecent\tPatient",
        "5\tfever\tNothing here.\tNegated\tRecent\tPatient",
    )
    (kept,) = read_assertions(folder, rejects)
    assert kept.mention == Span(3, 8)
    assert [reason.partition(", line ")[2] for reason in rejects.reasons] == [
        "3: 4 columns instead of 6",
        "4: the line number is not a number",
        "5: the negation is neither Negated nor Affirmed",
        "6: the condition is not in the sentence",
    ]


def test_a_set_without_a_row_or_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=NEGEX_FILE):
        list(read_assertions(tmp_path, Rejects()))
    none: list[Example] = []
    with pytest.raises(ValueError, match="no asserted mentions"):
        assertions_table("set", none, {}, seed=0)


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


def test_an_interval_of_any_figure_weighs_the_units_drawn() -> None:
    def share_of_the_first(weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights[:, :1] / weights.sum(axis=1, keepdims=True))

    (interval,) = resampled(4, share_of_the_first, block=7)
    assert (interval.low, interval.high) == (0.0, 0.75)
    with pytest.raises(ValueError, match="unit"):
        resampled(0, share_of_the_first)


@pytest.mark.parametrize("counts", [np.zeros((0, 3)), np.zeros(3)])
def test_an_interval_needs_units(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="units"):
        bootstrap(counts, precision_recall_f1)


def test_spans_of_the_negex_set_are_those_of_the_text() -> None:
    assert locate("fever", "No FEVER") == Span(3, 8)
