"""Procedures are found by their names, as notes write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertillon_models.training.procedures import PROCEDURES_FILE, Procedures

LEXICON = Path("models/lexicon")
OURS = Procedures.read(LEXICON)


def found(procedures: Procedures, text: str) -> list[str]:
    return [span.of(text) for span in procedures.find(text)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("s/p EGD with biopsies 3/2026", ["EGD", "biopsies"]),
        ("Will repeat colonoscopy in 5 yrs, CT abdomen/pelvis today", ["colonoscopy", "CT abdomen/pelvis"]),
        ("D&C last year, d/c lisinopril, vitamin D, C", ["D&C"]),
        ("LP done; lp(a) 120", ["LP"]),
        ("emergent C-section, then x-rays", ["C-section", "x-rays"]),
        ("Flu shot given, dialyzed MWF", ["Flu shot", "dialyzed"]),
        ("laparoscopic cholecystectomy", ["laparoscopic cholecystectomy"]),
        ("drug-induced lupus, dilated cardiomyopathy, conjunctival injection", []),
        ("", []),
    ],
)
def test_names_are_found_longest_first_and_apart(text: str, named: list[str]) -> None:
    assert found(OURS, text) == named


def test_the_list_is_long_and_finds_each_of_its_names() -> None:
    lines = (LEXICON / PROCEDURES_FILE).read_text("utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names)) >= 500
    assert [name for name in names if found(OURS, name) != [name]] == []


def test_a_lexicon_without_procedures_names_none(tmp_path: Path) -> None:
    assert found(Procedures.read(tmp_path), "colonoscopy") == []


def test_a_line_without_a_word_is_named(tmp_path: Path) -> None:
    (tmp_path / PROCEDURES_FILE).write_text("# ours\nbiopsy\n--\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"procedures\.txt, line 3: there is no word"):
        Procedures.read(tmp_path)
