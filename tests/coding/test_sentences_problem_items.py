from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertillon_server.coding.list_items import LISTED_KINDS, MAX_HEAD, problem_items
from bertillon_server.coding.results import Section
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind as K

pieces = st.sampled_from(
    [
        *[
            "1. ",
            "2. ",
            "- ",
            "# ",
            "#3 ",
            "* ",
            "HTN",
            "Diabetes: bad",
            " - ",
            "**Gout**",
            "Plan: rest",
            "stable. ",
        ],
        *["\n", "\r\n", "\n  ", "\t", "\u00a0", "😀", "\x00", ":", ";", "--", "a long run of words " * 20],
    ]
)


def section(text: str, kind: K = K.ASSESSMENT_AND_PLAN) -> Section:
    return Section(index=0, kind=kind, span=Span(0, len(text)), title=None, body=Span(0, len(text)))


def heads(text: str, kind: K = K.ASSESSMENT_AND_PLAN) -> list[str]:
    return [item.head.of(text) for item in problem_items(text, section(text, kind))]


@given(
    text=st.text(max_size=120) | st.lists(pieces, max_size=40).map("".join),
    kind=st.sampled_from(sorted(LISTED_KINDS, key=str)),
)
@settings(max_examples=300)
def test_items_are_in_order_and_apart_within_the_body(text: str, kind: K) -> None:
    done = 0
    for item in problem_items(text, section(text, kind)):
        if item.marker is not None:
            assert done <= item.marker.start < item.marker.end <= item.head.start
        assert done <= item.head.start < item.head.end <= item.body.start <= item.body.end <= len(text)
        assert item.head.of(text) == item.head.of(text).strip()
        assert len(item.head.of(text)) <= MAX_HEAD
        done = item.body.end


def test_a_numbered_list_with_what_is_done_below() -> None:
    text = (
        "62F with:\n1. HTN - uncontrolled, raise lisinopril\n   - check BMP\n"
        "2. Type 2 diabetes mellitus with diabetic chronic kidney\n   disease, stage 3: A1c 8\n3) CKD\n"
    )

    items = problem_items(text, section(text))

    assert [
        (item.marker and item.marker.of(text), item.head.of(text), item.body.of(text)) for item in items
    ] == [
        ("1.", "HTN", "uncontrolled, raise lisinopril\n   - check BMP"),
        ("2.", "Type 2 diabetes mellitus with diabetic chronic kidney\n   disease, stage 3", "A1c 8"),
        ("3)", "CKD", ""),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# HTN\n- continue\n#T2DM: bad\n1. diet\n2. metformin\n#3 Gout\n", ["HTN", "T2DM", "Gout"]),
        ("- HTN: continue\n- DM2 - metformin\n- COPD stable\n", ["HTN", "DM2", "COPD stable"]),
        ("Hypertension:\nLabs: BMP\nPlan: rest\n\nGout: better\nFollow-up: 3 mo\n", ["Hypertension", "Gout"]),
        (
            "Hypertension\n- lisinopril\nType 2 diabetes, with CKD\n- A1c 7.9\n",
            ["Hypertension", "Type 2 diabetes, with CKD"],
        ),
        ("**Hypertension:** stable\n**Gout**\n- x\n", ["Hypertension", "Gout"]),
        ("Hypertension - stable\nGout - bad, see below\n", ["Hypertension", "Gout"]),
        (
            "1. Chest pain. Likely MSK. 2. Hypertension. 3. Tremor vs. tic. Watch.",
            ["Chest pain", "Hypertension", "Tremor vs. tic"],
        ),
        ("HTN\nT2DM\nHLD\n", ["HTN", "T2DM", "HLD"]),
    ],
)
def test_heads_name_the_problems(text: str, expected: list[str]) -> None:
    assert heads(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "62-year-old woman with hypertension. Continue meds.\nReturn in 3 weeks.",
        "",
        " \n",
        "Doing well on current therapy",
    ],
)
def test_prose_has_no_items(text: str) -> None:
    assert heads(text) == []


def test_a_list_of_diagnoses_needs_no_marks() -> None:
    assert heads("Acute bronchitis.\nHypertension, benign.\n", K.DIAGNOSES) == [
        "Acute bronchitis",
        "Hypertension, benign",
    ]


def test_other_sections_have_no_problem_items() -> None:
    assert heads("1. Aspirin\n2. Metformin\n", K.MEDICATIONS) == []


def test_the_aspects_of_a_template_are_no_problems() -> None:
    text = (
        "The patient is here for her annual visit.\n\n"
        "Congestive heart failure.\n• Medical Reasoning: EF 45%.\n• Medical Treatment: continue.\n\n"
        "Kidney stones.\n• Patient Education and Counseling: fluids.\n"
    )
    assert heads(text) == ["Congestive heart failure", "Kidney stones"]


def test_a_name_above_a_paragraph_is_a_problem_and_a_short_sentence_within_one_is_not() -> None:
    text = (
        "Back pain.\nThis is likely a strain from lifting boxes at work last week.\n"
        "Rest it.\nHe will take naproxen twice a day with food for ten days.\n"
    )
    assert heads(text) == ["Back pain"]


def test_a_system_before_a_problem_is_a_label() -> None:
    text = "Resp: COPD exacerbation\nRenal: AKI on CKD\nCV: HTN - at goal\n**Heme:** anemia\nNeuro - seizures"
    assert heads(text) == ["COPD exacerbation", "AKI on CKD", "HTN", "anemia", "seizures"]


def test_the_rank_of_a_diagnosis_is_a_label() -> None:
    text = "Primary: COPD exacerbation\nSecondary: HTN, DM2\nChronic: gout"
    assert heads(text, K.DIAGNOSES) == ["COPD exacerbation", "HTN, DM2", "gout"]


def test_a_label_alone_on_its_line_leaves_the_items_below_it() -> None:
    assert heads("Neuro:\n- seizure disorder: keppra\nCV:\n- HTN\n- CHF") == [
        "seizure disorder",
        "HTN",
        "CHF",
    ]


def test_a_name_that_holds_a_system_is_no_label() -> None:
    assert heads("1. Renal failure: fluids\n2. Skin cancer - refer") == ["Renal failure", "Skin cancer"]


def test_numbers_behind_hashes_divide_a_line() -> None:
    assert heads("#1 UTI. #2 Dehydration.", K.DIAGNOSES) == ["UTI", "Dehydration"]


def test_each_short_sentence_of_a_list_of_diagnoses_is_one() -> None:
    text = "Probable GERD. Suspected sepsis. Likely pneumonia vs atelectasis."
    assert heads(text, K.DIAGNOSES) == [
        "Probable GERD",
        "Suspected sepsis",
        "Likely pneumonia vs atelectasis",
    ]
