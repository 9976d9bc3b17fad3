from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertillon_server.coding.results import PreCutSection, Section
from bertillon_server.coding.section_title_table import SUB_TITLES, TITLES
from bertillon_server.coding.section_titles import normalised, title_kind
from bertillon_server.coding.sections import MAX_SECTIONS, find_sections, sections_from
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind as K

pieces = st.sampled_from(
    [
        *[
            "HPI: ",
            "PMH:",
            "Assessment and Plan",
            "A/P:",
            "S: ",
            "O:",
            "A:",
            "P: ",
            "# HTN",
            "## Plan",
            "**Meds:** ",
        ],
        *[
            "1. ",
            "2) ",
            "- ",
            "HEENT: ",
            "Hypertension: ",
            "ALLERGIES",
            "WOUND CARE:",
            "----",
            "====",
            "[Labs]",
        ],
        *[
            "\n",
            "\n\n",
            "\r\n",
            "\r",
            "\u2028",
            "\x0b",
            " ",
            "  ",
            "\t",
            "\u00a0",
            ". ",
            "; ",
            "cough",
            "e\u0301",
        ],
        *["😀", "שלום", "\x00", "DOB: 1/2/60", "Signed by Dr. X", "Patient presents with a long line " * 3],
    ]
)
texts = st.text(max_size=200) | st.lists(pieces, max_size=40).map("".join)


def outline(text: str) -> list[tuple[K, str | None]]:
    return [(s.kind, s.title.of(text) if s.title else None) for s in find_sections(text)]


def assert_tiles(text: str, sections: list[Section]) -> None:
    assert "".join(section.span.of(text) for section in sections) == text
    assert [section.index for section in sections] == list(range(len(sections)))
    done = 0
    for section in sections:
        assert section.span.start == done
        done = section.span.end
        assert section.span.contains(section.body)
        if section.title is not None:
            assert section.span.contains(section.title)
            assert section.title.end <= section.body.start
            title = section.title.of(text)
            assert title
            assert title == title.strip(" :#*")
    assert done == len(text)


@given(text=texts)
@settings(max_examples=300)
def test_sections_tile_any_text(text: str) -> None:
    assert_tiles(text, find_sections(text))


@given(text=texts, data=st.data())
def test_sections_cut_by_the_caller_tile_the_text_and_keep_their_kind(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    cuts = [PreCutSection(Span(a, b), K.PLAN, "") for a, b in zip(places[::2], places[1::2], strict=False)]

    sections = sections_from(text, cuts)

    assert_tiles(text, sections)
    kept = [section for section in sections if section.kind is K.PLAN]
    assert len(kept) == len(cuts)
    for section, cut in zip(kept, cuts, strict=True):
        assert section.span.contains(cut.span)
        assert section.span.of(text).strip() == cut.span.of(text).strip()


def test_a_soap_note_of_single_letters() -> None:
    note = (
        "S: 62F here for f/u. Denies CP.\nO: BP 142/88 P: 80\nHEENT: nl.\nA: 1. HTN\n"
        "2. T2DM: stable\nP: more lisinopril\n"
    )

    assert outline(note) == [
        (K.HISTORY_OF_PRESENT_ILLNESS, "S"),
        (K.PHYSICAL_EXAM, "O"),
        (K.ASSESSMENT, "A"),
        (K.PLAN, "P"),
    ]


def test_a_pulse_and_a_stray_letter_open_no_plan() -> None:
    assert outline("Vitals: T: 98.6 P: 80 R: 16\nP: 82\n") == [(K.VITAL_SIGNS, "Vitals")]


def test_a_history_and_physical_in_capitals_with_regions_inside_the_examination() -> None:
    note = (
        "CHIEF COMPLAINT: Left hip pain.\n\nHISTORY OF PRESENT ILLNESS: A runner, 41.\n\n"
        "PAST MEDICAL HISTORY:\n1. Asthma.\n2. Depression: on sertraline.\n\nREVIEW OF SYSTEMS:\n"
        "ENDOCRINE: No thirst.\n"
        "CARDIAC: No chest pain.\n\nPHYSICAL EXAMINATION\nVITAL SIGNS: BP 110/70.\nHEENT: Normal.\nLUNGS: Clear.\n\n"
        "IMPRESSION:\n1. Hip strain.\n\nPLAN: Rest.\n"
    )

    assert outline(note) == [
        (K.CHIEF_COMPLAINT, "CHIEF COMPLAINT"),
        (K.HISTORY_OF_PRESENT_ILLNESS, "HISTORY OF PRESENT ILLNESS"),
        (K.PAST_MEDICAL_HISTORY, "PAST MEDICAL HISTORY"),
        (K.REVIEW_OF_SYSTEMS, "REVIEW OF SYSTEMS"),
        (K.PHYSICAL_EXAM, "PHYSICAL EXAMINATION"),
        (K.ASSESSMENT, "IMPRESSION"),
        (K.PLAN, "PLAN"),
    ]


def test_several_headers_in_one_line() -> None:
    note = (
        "CC: cough. HPI: 3 days. PMH: HTN, DM2. FH: father CAD. SHx: smoker\n"
        ""
        "Assessment: 62F with bronchitis. Plan: rest"
    )

    assert outline(note) == [
        (K.CHIEF_COMPLAINT, "CC"),
        (K.HISTORY_OF_PRESENT_ILLNESS, "HPI"),
        (K.PAST_MEDICAL_HISTORY, "PMH"),
        (K.FAMILY_HISTORY, "FH"),
        (K.SOCIAL_HISTORY, "SHx"),
        (K.ASSESSMENT, "Assessment"),
        (K.PLAN, "Plan"),
    ]


def test_capital_headers_that_follow_without_a_period() -> None:
    note = "PMH: HTN, DM2 FH: father CAD ALLERGIES: PCN"

    assert [section.body.of(note).strip() for section in find_sections(note)] == [
        "HTN, DM2",
        "father CAD",
        "PCN",
    ]


@pytest.mark.parametrize(
    "items",
    [
        "1. HTN - stable\n2. Allergies: continue cetirizine\n3. Depression: worse\n",
        "# HTN\n- Labs: BMP\n# T2DM\n- Medications: metformin\n",
        "Hypertension:\nContinue lisinopril.\nLabs: BMP\n\nTobacco use: counselled\n\nAllergies: cetirizine\n",
        "**Hypertension**\n- Plan: continue\n**Obesity**\n- diet\n",
        "HYPERTENSION: stable.\n\nCHRONIC KIDNEY DISEASE: stable.\n\nDVT PROPHYLAXIS: heparin.\n",
        "Neuro: alert\nCV: pressors off\nID: cefepime\nSkin: cellulitis\n",
    ],
)
@pytest.mark.parametrize(
    "header", ["Assessment and Plan:\n", "ASSESSMENT/PLAN:\n", "A&P:\n", "Assessment & Plan\n\n"]
)
def test_problems_stay_inside_their_assessment_and_plan(header: str, items: str) -> None:
    note = f"HPI: fine.\n{header}{items}"

    assert [kind for kind, _ in outline(note)] == [K.HISTORY_OF_PRESENT_ILLNESS, K.ASSESSMENT_AND_PLAN]


def test_a_history_after_the_assessment_ends_it() -> None:
    note = "Assessment/Plan:\n1. HTN\n\nPast Medical History:\nAsthma\n\nFamily History: none\n"

    assert [kind for kind, _ in outline(note)] == [
        K.ASSESSMENT_AND_PLAN,
        K.PAST_MEDICAL_HISTORY,
        K.FAMILY_HISTORY,
    ]


def test_problems_marked_by_a_hash_under_no_header_are_an_assessment() -> None:
    text = "BP 148/84, no edema\n#CAD s/p CABG: ASA\n#HTN soft BP, hold lisinopril\n#T2DM restart metformin\nRTC 6w"
    sections = find_sections(text)
    assert [(section.kind, section.title) for section in sections] == [
        (K.UNSPECIFIED, None),
        (K.ASSESSMENT_AND_PLAN, None),
    ]
    assert sections[1].body.of(text).startswith("#CAD")
    course = find_sections("HOSPITAL COURSE:\n# Sepsis: resolved\n# AKI: resolved\n")
    assert [section.kind for section in course] == [K.HOSPITAL_COURSE]


def test_headings_of_a_document_are_no_problems_even_where_one_is_unknown() -> None:
    text = "# Assessment\nHTN\n# Wound vac\nchanged today\n"
    assert [section.kind for section in find_sections(text)] == [K.ASSESSMENT, K.OTHER]


def test_markdown_headings_and_problems_marked_by_a_hash() -> None:
    note = (
        "## Subjective\nFine.\n## Assessment and Plan\n# HTN\nok\n### Lipids\nstatin\n"
        "## Wound Care\ndry\n**Meds:** none\n"
    )

    assert outline(note) == [
        (K.HISTORY_OF_PRESENT_ILLNESS, "Subjective"),
        (K.ASSESSMENT_AND_PLAN, "Assessment and Plan"),
        (K.OTHER, "Wound Care"),
        (K.MEDICATIONS, "Meds"),
    ]


def test_underlined_and_bracketed_headers_lose_their_decoration() -> None:
    note = (
        "History of Present Illness\n-----------\nFell.\n\nPhysical Exam\n=====\n"
        "Neck: supple\n\n[Assessment]\nSprain\n"
    )

    assert outline(note) == [
        (K.HISTORY_OF_PRESENT_ILLNESS, "History of Present Illness"),
        (K.PHYSICAL_EXAM, "Physical Exam"),
        (K.ASSESSMENT, "Assessment"),
    ]
    assert find_sections(note)[0].body.of(note).strip() == "Fell."


def test_numbered_headers_and_dashes() -> None:
    note = (
        "1. HISTORY OF PRESENT ILLNESS: fell\n2. PAST MEDICAL HISTORY - gout\n"
        "3. ASSESSMENT:\n1. Sprain\n4. PLAN: rest\n"
    )

    assert [kind for kind, _ in outline(note)] == [
        K.HISTORY_OF_PRESENT_ILLNESS,
        K.PAST_MEDICAL_HISTORY,
        K.ASSESSMENT,
        K.PLAN,
    ]


def test_an_operative_report() -> None:
    note = (
        "PREOP DIAGNOSIS: Cataract, left eye.\nPOSTOPERATIVE DIAGNOSES: Same.\nPROCEDURE PERFORMED: Phaco.\n"
        "ANESTHESIA: MAC.\nESTIMATED BLOOD LOSS: None.\nINDICATIONS FOR THE PROCEDURE: Blurred vision.\n"
        "DESCRIPTION OF THE PROCEDURE: Done.\nCOMPLICATIONS: None.\n"
    )

    assert [kind for kind, _ in outline(note)] == [
        K.PREOPERATIVE_DIAGNOSIS,
        K.POSTOPERATIVE_DIAGNOSIS,
        K.PROCEDURE,
        K.PROCEDURE,
        K.OTHER,
        K.INDICATION,
        K.PROCEDURE,
        K.OTHER,
    ]


def test_a_radiology_report_keeps_organs_inside_the_findings() -> None:
    note = (
        "EXAM: CT abdomen without contrast\nCLINICAL HISTORY: pain\nTECHNIQUE: axial\nCOMPARISON: none\n"
        "FINDINGS:\nLIVER: normal\nLUNGS: clear\nIMPRESSION:\n1. Renal stone.\n"
    )

    assert [kind for kind, _ in outline(note)] == [
        K.PROCEDURE,
        K.INDICATION,
        K.PROCEDURE,
        K.OTHER,
        K.FINDINGS,
        K.ASSESSMENT,
    ]


def test_a_discharge_summary_and_an_emergency_note() -> None:
    note = (
        "DISCHARGE SUMMARY\n\nDate of Admission: 3/1/2024\nAttending: A. Who\n\nDISCHARGE DIAGNOSES:\n1. Sepsis.\n\n"
        "HOSPITAL COURSE:\nCARDIOVASCULAR: stable.\n\nDISCHARGE MEDICATIONS:\n1. Aspirin\n\nED COURSE: fluids\n"
        "MEDICAL DECISION MAKING: sepsis\nDISPOSITION: home\nElectronically signed by A. Who\n"
    )

    assert [kind for kind, _ in outline(note)] == [
        K.OTHER,
        K.ADMINISTRATIVE,
        K.DIAGNOSES,
        K.HOSPITAL_COURSE,
        K.MEDICATIONS,
        K.HOSPITAL_COURSE,
        K.ASSESSMENT,
        K.DISPOSITION,
        K.ADMINISTRATIVE,
    ]


def test_a_nursing_note_by_situation_and_background() -> None:
    note = "Situation: pain\nBackground: hip fracture\nAssessment: dressing dry\nRecommendation: turn q2h\n"

    assert [kind for kind, _ in outline(note)] == [
        K.CHIEF_COMPLAINT,
        K.HISTORY_OF_PRESENT_ILLNESS,
        K.ASSESSMENT,
        K.PLAN,
    ]


def test_prose_after_the_particulars_of_the_encounter_is_not_administrative() -> None:
    note = "Patient: Doe\nDOB: 1/2/1960\n\nThis 64-year-old woman has heart failure.\n"

    assert outline(note) == [(K.ADMINISTRATIVE, "Patient"), (K.UNSPECIFIED, None)]


def test_an_examination_without_a_header_of_its_own_is_found_by_its_regions() -> None:
    note = "VITAL SIGNS: BP 110/70.\nGENERAL: Well.\nHEENT: Normal.\nABDOMEN: Soft.\n"

    assert outline(note) == [(K.VITAL_SIGNS, "VITAL SIGNS"), (K.PHYSICAL_EXAM, "GENERAL")]


@pytest.mark.parametrize(
    "note", ["He has HTN and gout.\nNo cough.", "NO ACUTE DISTRESS. PATIENT STATES: OK", "  \n\t"]
)
def test_text_without_a_header_is_one_section_of_unspecified_kind(note: str) -> None:
    assert outline(note) == [(K.UNSPECIFIED, None)]


def test_an_unknown_header_in_capitals_opens_another_section_after_a_history() -> None:
    note = "SOCIAL HISTORY: Smoker.\n\nTRIBAL AFFILIATION ROLL: none\n\nPLAN: rest"

    assert outline(note)[1] == (K.OTHER, "TRIBAL AFFILIATION ROLL")


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Past Medical & Surgical Hx", K.PAST_MEDICAL_HISTORY),
        ("ASSESSMENT  AND   PLANS", K.ASSESSMENT_AND_PLAN),
        ("a&p", K.ASSESSMENT_AND_PLAN),
        ("Pre-Op Dx", K.PREOPERATIVE_DIAGNOSIS),
        ("postoperative diagnosis(es)", K.POSTOPERATIVE_DIAGNOSIS),
        ("Current Home Medications (reviewed 3/4/24)", K.MEDICATIONS),
        ("Pertinent lab results today", K.LABORATORY),
        ("Procedure #2", K.PROCEDURE),
        ("F/U", K.PLAN),
        ("Hypertension", None),
        ("", None),
    ],
)
def test_titles_are_matched_without_regard_to_case_number_and_modifiers(title: str, kind: K | None) -> None:
    assert title_kind(title) is kind


@pytest.mark.parametrize("table", [TITLES, SUB_TITLES], ids=["titles", "sub-titles"])
def test_no_title_stands_in_the_table_under_two_kinds(table: Mapping[str, str]) -> None:
    kinds: dict[str, set[str]] = {}
    for kind, titles in table.items():
        for title in titles.replace("\n", ",").split(","):
            if title.strip():
                kinds.setdefault(normalised(title), set()).add(kind)

    assert "" not in kinds
    assert {title: found for title, found in kinds.items() if len(found) > 1} == {}


def test_a_section_cut_by_the_caller_takes_its_kind_from_the_title_or_from_its_text() -> None:
    text = "gap text\nPMH: asthma\n---\nrest and ice"
    cuts = [
        PreCutSection(Span(9, 20), K.UNSPECIFIED, ""),
        PreCutSection(Span(25, 37), K.UNSPECIFIED, "Treatment plan"),
    ]

    sections = sections_from(text, cuts)

    assert [section.kind for section in sections] == [
        K.UNSPECIFIED,
        K.PAST_MEDICAL_HISTORY,
        K.UNSPECIFIED,
        K.PLAN,
    ]
    assert sections[1].title is not None
    assert sections[1].title.of(text) == "PMH"
    assert sections[1].body.of(text).strip() == "asthma"


@pytest.mark.parametrize("spans", [[(0, 99)], [(2, 1)], [(0, 3), (2, 4)], [(3, 4), (0, 2)], [(-1, 2)]])
def test_pre_cut_sections_that_do_not_fit_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="in order"):
        sections_from("secret", [PreCutSection(Span(*span), K.PLAN, "") for span in spans])


def test_an_empty_text_has_no_sections() -> None:
    assert find_sections("") == []


def test_the_number_of_sections_is_bounded() -> None:
    text = "HPI: x\nPLAN: y\n" * (2 * MAX_SECTIONS)

    sections = find_sections(text)

    assert len(sections) <= MAX_SECTIONS
    assert_tiles(text, sections)


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "X",
        " ",
        "\t",
        "\n",
        "\r\n",
        ":",
        "A: ",
        "AB CD ",
        "# ",
        "**a",
        "- ",
        "1. ",
        "( ",
        "e\u0301",
        "\u00a0",
        " \t",
    ],
)
def test_a_monotonous_text_of_the_largest_size_is_read_in_bounded_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.process_time()

    sections = find_sections(text)

    # Ten times what the slowest takes; a quadratic pattern takes ten seconds and more.
    assert time.process_time() - start < 2.0
    assert_tiles(text, sections)
