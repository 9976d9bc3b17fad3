"""Which words of a note name a condition, and which stand beside it: labels, marks, cues, other names."""

from collections.abc import Iterator

import pytest

from bertillon_models.terms import Term
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.vocabulary import Assertion, Setting
from small_knowledge import code, knowledge

MORE = [
    Term(text, target, "lexicon", capitals=text.isupper())
    for text, target in (
        ("HCC", "C22.0"),
        ("ckd 3", "N18.30"),
        ("HD", "Z99.2"),
        ("cut", "T14.8"),
        ("COPD exacerbation", "J44.1"),
        ("DM2 with CKD", "E11.22"),
        ("diabetic peripheral neuropathy", "E11.42"),
        ("peripheral neuropathy", "G62.9"),
        ("diabetic nephropathy", "E11.21"),
        ("secondary hypertension", "I15.9"),
        ("hypertension controlled", "I10"),
        ("metastatic colon", "C78.5"),
        ("liver cancer", "C22.8"),
        ("colon cancer", "C18.9"),
        ("breast cancer metastatic", "C50.919"),
        ("metastasis", "C79.9"),
        ("metastasis liver", "C78.7"),
        ("metastasis bone", "C79.51"),
        ("metastasis lung", "C78.0"),
        ("penicillin allergy", "Z88.0"),
        ("latex allergy", "Z91.040"),
        ("hives", "L50.9"),
        ("uti", "N39.0"),
        ("e coli uti", "N39.0"),
        ("e coli uti", "B96.20"),
        ("covid pneumonia", "U07.1"),
        ("covid pneumonia", "J12.82"),
        ("ADHD", "F90.9"),
    )
]


@pytest.fixture(scope="module")
def coder() -> Iterator[Coder]:
    with Catalog.open() as catalog:
        yield Coder(knowledge(catalog, more=MORE))


def named(coder: Coder, text: str) -> list[tuple[str, str]]:
    """Return the mentions of a note: what each spans, and its code."""
    results, _ = code(coder, text, setting=Setting.INPATIENT)
    return [(m.span.of(text), m.code.code) for r in results for m in r.mentions if m.code is not None]


def codes(coder: Coder, text: str) -> list[str]:
    _, summary = code(coder, text, setting=Setting.INPATIENT)
    return [item.code.code for item in summary.codes]


@pytest.mark.parametrize("suffix", ["(HCC)", "(CMS/HCC)", "(HHS-HCC)", "(CMS-HCC)", "(HCC 18)", "(CMD)"])
def test_a_mark_of_risk_adjustment_is_no_cancer(coder: Coder, suffix: str) -> None:
    assert named(coder, f"Assessment:\n1. Diabetes {suffix}\n2. HTN") == [
        ("Diabetes", "E11.9"),
        ("HTN", "I10"),
    ]


def test_the_abbreviation_outside_parentheses_is_one(coder: Coder) -> None:
    assert named(coder, "Assessment: HCC") == [("HCC", "C22.0")]


def test_a_label_is_no_part_of_a_name_and_names_nothing(coder: Coder) -> None:
    text = "Diagnoses:\nPrimary: COPD exacerbation\nSecondary: hypertension"
    assert named(coder, text) == [("COPD exacerbation", "J44.1"), ("hypertension", "I10")]


def test_the_day_of_a_stay_is_no_dialysis(coder: Coder) -> None:
    assert named(coder, "Assessment: HD#3, pneumonia") == [("pneumonia", "J18.9")]
    assert named(coder, "Assessment: on HD 3 times a week") == [("HD", "Z99.2")]


def test_to_cut_down_is_no_wound(coder: Coder) -> None:
    assert named(coder, "Assessment: he has cut down on smoking") == []
    assert [item for item, _ in named(coder, "Assessment: cut on the hand")] == ["cut"]


def test_a_span_ends_with_the_bold_text_that_it_begins_in(coder: Coder) -> None:
    text = "A/P:\n**Hypertension** - controlled\n**Diabetes** - stable"
    assert named(coder, text) == [("Hypertension", "I10"), ("Diabetes", "E11.9")]


def test_a_stage_written_onto_its_abbreviation_is_read(coder: Coder) -> None:
    assert named(coder, "Assessment: CKD3a") == [("CKD", "N18.31")]
    assert "N18.30" in codes(coder, "Assessment: HTN, DM2, CKD3, asthma.")


def test_two_names_stay_two_where_a_term_would_take_a_word_of_the_second(coder: Coder) -> None:
    text = "Assessment: peripheral neuropathy and diabetic nephropathy"
    assert named(coder, text) == [("peripheral neuropathy", "G62.9"), ("diabetic nephropathy", "E11.21")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Metastatic colon cancer to liver", ["C18.9", "C78.7"]),
        ("Metastatic breast cancer to bone and lung", ["C50.919", "C79.51", "C78.00"]),
        ("Breast cancer with mets to liver, bone and lung", ["C50.919", "C78.7", "C79.51", "C78.00"]),
        ("Colon cancer metastatic to the liver", ["C18.9", "C78.7"]),
        ("liver metastases", ["C78.7"]),
        ("liver cancer", ["C22.8"]),
    ],
)
def test_a_cancer_keeps_its_site_and_has_those_it_spread_to(
    coder: Coder, text: str, expected: list[str]
) -> None:
    assert codes(coder, f"Assessment: {text}") == expected


def test_an_allergy_section_names_allergies_and_no_reactions(coder: Coder) -> None:
    text = "ALLERGIES: Penicillin (hives), latex - hives\n\nAssessment: HTN"
    assert named(coder, text) == [("Penicillin", "Z88.0"), ("latex", "Z91.040"), ("HTN", "I10")]
    assert named(coder, "Assessment: hives") == [("hives", "L50.9")]


def test_a_term_that_names_a_disease_and_its_cause_is_both(coder: Coder) -> None:
    assert codes(coder, "Assessment: UTI due to E. coli") == ["N39.0", "B96.20"]
    assert codes(coder, "Assessment: COVID pneumonia") == ["U07.1", "J12.82"]


def test_a_cue_is_no_part_of_a_name(coder: Coder) -> None:
    results, _ = code(coder, "Assessment: r/o ADHD")
    (mention,) = results[0].mentions
    assert mention.span.of("Assessment: r/o ADHD") == "ADHD"
    assert mention.assertion is Assertion.POSSIBLE


def test_a_phrase_leaves_the_cue_behind_it(coder: Coder) -> None:
    text = "Assessment: tired sugar ruled out by glucose"
    results, _ = code(coder, text)
    (mention,) = results[0].mentions
    assert (mention.span.of(text), mention.assertion) == ("tired sugar", Assertion.NEGATED)
