"""What the Table of Drugs and Chemicals says, as notes say it."""

from __future__ import annotations

from pathlib import Path

from bertillon_models.drug_table import read_drugs

TABLE = """<ICD10CM.index><letter><title>L</title>
<mainTerm><title>Lisinopril</title><cell col="2">T46.4X1</cell><cell col="6">T46.4X5</cell>
<cell col="7">T46.4X6</cell></mainTerm>
<mainTerm><title>Lye (concentrated)</title><cell col="2">T54.3X1</cell><cell col="6">--</cell>
<cell col="7">--</cell></mainTerm>
<mainTerm><title>Iron (compounds) NEC</title><cell col="6">T45.4X5</cell><cell col="7">T45.4X6</cell>
<term level="1"><title>dextran</title><cell col="6">T45.4X5</cell></term></mainTerm>
</letter></ICD10CM.index>"""


def test_adverse_effects_and_underdosing_are_terms_and_poisoning_is_not(tmp_path: Path) -> None:
    (tmp_path / "icd10cm-drug-2026.xml").write_text(TABLE)
    terms = {term.text: term for term in read_drugs(tmp_path)}
    assert terms["adverse effect of lisinopril"].code == "T46.4X5"
    assert terms["lisinopril induced"].code == "T46.4X5"
    assert terms["underdosing of lisinopril"].code == "T46.4X6"
    assert not any("lye" in text for text in terms)
    # Conditions are due to iron that is lacking, too: only what says "adverse effect" is one.
    assert terms["adverse effect of iron"].code == "T45.4X5"
    assert "from iron" not in terms
    assert terms["adverse effect of dextran iron"].code == "T45.4X5"
    assert not any(term.vector for term in terms.values())


def test_classes_that_notes_name_are_terms_of_their_drugs(tmp_path: Path) -> None:
    (tmp_path / "icd10cm-drug-2026.xml").write_text(TABLE)
    terms = {term.text: term.code for term in read_drugs(tmp_path)}
    assert terms["steroid induced"] == "T38.0X5"
    assert terms["adverse effect of checkpoint inhibitor"] == "T45.AX5"


def test_a_folder_without_the_table_has_no_drugs(tmp_path: Path) -> None:
    assert not list(read_drugs(tmp_path))
