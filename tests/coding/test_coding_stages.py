"""From a note to its mentions and codes: what counts, what does not, and why."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.heads import PLACES, TAGS
from bertillon_server.coding.results import EncounterSummary, Mention, NoteInput
from bertillon_server.coding.standing import needs_certainty
from bertillon_server.coding.vocabulary import (
    Assertion,
    AxisKind,
    CodingProfile,
    Setting,
    SuppressionReason,
)
from small_knowledge import PHRASE, SURE, TERMS, code, encode, knowledge


@pytest.fixture(scope="module")
def coder() -> Iterator[Coder]:
    with Catalog.open() as catalog:
        yield Coder(knowledge(catalog))


def codes(summary: EncounterSummary) -> list[str]:
    return [item.code.code for item in summary.codes]


def reasons(summary: EncounterSummary) -> dict[str, SuppressionReason]:
    return {item.code.code: item.reason for item in summary.suppressed}


def mentions(coder: Coder, text: str) -> dict[str, Mention]:
    results, _ = code(coder, text)
    return {m.span.of(text): m for result in results for m in result.mentions}


def test_the_heads_of_a_problem_list_are_the_codes_of_the_encounter(coder: Coder) -> None:
    text = "HPI: cough for a week.\n\nA/P:\n1. HTN - stable, watch for heart failure\n2. Asthma: refill"
    _, summary = code(coder, text)
    assert codes(summary) == ["I10", "J45.909"]
    assert reasons(summary)["R05.9"] is SuppressionReason.NOT_CODEABLE_HERE


def test_what_the_encoder_takes_for_a_procedure_is_no_problem(coder: Coder) -> None:
    note = NoteInput(text=f"A/P:\n1. {PHRASE}\n2. asthma\n3. personal history of breast cancer\n")
    outline = coder.outline(note, ())
    (section,) = outline.sections
    reading = coder.read(note, section)
    rows = encode(reading.windows)

    def coded() -> list[str]:
        made = coder.code(note, reading, rows, codeable=True).mentions
        return [mention.code.code for mention in made if mention.code is not None]

    assert coded() == ["E11.9", "J45.909", "Z85.3"]
    for window in rows:
        heads = window[:, coder.dimensions :]
        heads[:, PLACES["tags"]] = [SURE, *[0.0] * (len(TAGS) - 1)]
        heads[:, PLACES["procedure"]] = [0.0, SURE, SURE]
    # Having had something done is a status, which terms still name.
    assert coded() == ["Z85.3"]


def test_a_lone_section_counts_whatever_its_kind(coder: Coder) -> None:
    _, summary = code(coder, "patient with hypertension and knee pain on the right")
    assert codes(summary) == ["I10", "M25.561"]


def test_the_number_of_a_list_entry_is_no_part_of_the_term(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n1. Type 2 diabetes\n2. HTN\n")
    assert codes(summary) == ["E11.9", "I10"]


def test_the_numbers_around_an_entry_are_no_part_of_it(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n1. Diabetes\n2. Cough\n")
    assert codes(summary) == ["E11.9", "R05.9"]


def test_some_diagnoses_are_coded_inpatient_only_when_they_are_confirmed() -> None:
    assert needs_certainty("U07.1", Setting.INPATIENT)
    assert not needs_certainty("J18.9", Setting.INPATIENT)
    assert needs_certainty("J18.9", Setting.OUTPATIENT)
    assert not needs_certainty("R07.9", Setting.OUTPATIENT)


def test_negated_and_hypothetical_mentions_are_returned_and_not_coded(coder: Coder) -> None:
    found = mentions(coder, "Denies chest pain. Return if fever. Has hypertension.")
    assert found["chest pain"].assertion is Assertion.NEGATED
    assert found["chest pain"].suppression is SuppressionReason.NEGATED
    assert found["fever"].suppression is SuppressionReason.HYPOTHETICAL
    assert found["hypertension"].suppression is None


@pytest.mark.parametrize(("setting", "expected"), [(Setting.OUTPATIENT, []), (Setting.INPATIENT, ["J18.9"])])
def test_an_uncertain_diagnosis_counts_inpatient_only(
    coder: Coder, setting: Setting, expected: list[str]
) -> None:
    _, summary = code(coder, "Discharge diagnosis: probable pneumonia", setting=setting)
    assert codes(summary) == expected


def test_history_of_a_cancer_is_a_history_code_and_of_a_lasting_disease_the_disease(coder: Coder) -> None:
    _, summary = code(coder, "History of breast cancer and history of hypertension.")
    assert set(codes(summary)) == {"Z85.3", "I10"}


def test_a_relatives_disease_is_a_family_history_code_or_none(coder: Coder) -> None:
    _, summary = code(coder, "Her mother has breast cancer. Her father has asthma.")
    assert codes(summary) == ["Z80.3"]
    assert reasons(summary)["J45.909"] is SuppressionReason.FAMILY


def test_hypertension_with_heart_failure_and_kidney_disease_is_one_code(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n- HTN\n- heart failure\n- CKD stage 3b")
    assert set(codes(summary)) == {"I13.0", "I50.9", "N18.32"}
    assert reasons(summary)["I10"] is SuppressionReason.LESS_SPECIFIC


def test_diabetes_and_kidney_disease_are_presumed_to_be_related(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n- type 2 diabetes\n- CKD stage 3a")
    assert set(codes(summary)) == {"E11.22", "N18.31"}


def test_a_symptom_of_a_coded_disease_is_left_out_with_its_rule(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n- pneumonia\n- cough\n- knee pain")
    assert codes(summary) == ["J18.9", "M25.569"]
    left_out = next(item for item in summary.suppressed if item.code.code == "R05.9")
    assert left_out.reason is SuppressionReason.INTEGRAL_SYMPTOM
    assert left_out.in_favour_of is not None
    assert left_out.in_favour_of.code == "J18.9"
    assert "I.B.5" in left_out.explanation


def test_the_more_specific_of_two_codes_of_a_category_stays(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n- asthma exacerbation\n- asthma")
    assert codes(summary) == ["J45.901"]
    assert reasons(summary)["J45.909"] is SuppressionReason.LESS_SPECIFIC


def test_codes_that_exclude_each_other_are_not_listed_together(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n- type 1 diabetes\n- type 2 diabetes")
    assert len(codes(summary)) == 1
    assert SuppressionReason.EXCLUDES1 in reasons(summary).values()


def test_a_code_below_the_callers_threshold_is_listed_as_left_out(coder: Coder) -> None:
    _, summary = code(coder, "Assessment: hypertension", min_confidence=0.99)
    assert codes(summary) == []
    assert reasons(summary)["I10"] is SuppressionReason.LOW_CONFIDENCE


def test_a_code_is_listed_once_with_all_its_evidence(coder: Coder) -> None:
    _, summary = code(coder, "Assessment: hypertension. HTN is above goal.")
    assert codes(summary) == ["I10"]
    assert len(summary.codes[0].evidence) == 2


def test_a_detail_that_the_note_does_not_give_is_never_reported(coder: Coder) -> None:
    _, summary = code(coder, "Assessment: gestational diabetes")
    assert all(not item.code.code.startswith("O24.410") for item in summary.codes)
    found = mentions(coder, "knee pain")["knee pain"]
    assert found.code is not None
    assert found.code.code == "M25.569"
    assert found.missing_axes == (AxisKind.LATERALITY,)


def test_the_axes_of_a_code_are_returned_with_their_evidence(coder: Coder) -> None:
    text = "Assessment:\n1. CKD: stage 3b, stable"
    found = mentions(coder, text)["CKD"]
    assert found.code is not None
    assert found.code.code == "N18.32"
    assert [(axis.kind, axis.span.of(text)) for axis in found.axes] == [(AxisKind.STAGE, "3b")]


def test_of_two_sides_the_nearer_one_counts(coder: Coder) -> None:
    found = mentions(coder, "left hip replaced, now right knee pain")
    assert found["right knee pain" if "right knee pain" in found else "knee pain"].code is not None
    _, summary = code(coder, "left hip replaced, now right knee pain")
    assert codes(summary) == ["M25.561"]


def test_a_side_that_a_mention_names_is_its_only_one(coder: Coder) -> None:
    _, summary = code(coder, "Assessment:\n1. Left knee pain after right hip surgery")
    assert codes(summary) == ["M25.562"]


def test_an_injury_is_coded_with_its_7th_character(coder: Coder) -> None:
    _, summary = code(coder, "Assessment: right ankle sprain")
    assert codes(summary) == ["S93.401A"]


def test_a_head_that_no_term_covers_is_linked_by_meaning(coder: Coder) -> None:
    _, summary = code(coder, f"Assessment:\n1. {PHRASE.capitalize()}\n2. HTN")
    assert codes(summary) == ["E11.9", "I10"]


def test_the_mention_profile_codes_every_mention_that_is_not_negated(coder: Coder) -> None:
    text = "PMH: hypertension. HPI: cough, no fever. Possible pneumonia."
    _, summary = code(coder, text, profile=CodingProfile.ALL_MENTIONS)
    assert set(codes(summary)) == {"I10", "R05.9", "J18.9"}


PIECES = [term.text for term in TERMS] + [
    "no",
    "history of",
    "mother has",
    "right",
    "left",
    ".",
    "\n",
    "\r\n",
    "- ",
    "1. ",
    ":",
]
PIECES += ["\u00a0", "e\u0301", "\U0001f642", "\u05d0", "\x00", "Assessment", "PMH", "acute", "stage 3b", "x"]


@settings(max_examples=60)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_whatever_the_text_offsets_hold_and_codes_are_billable(coder: Coder, pieces: list[str]) -> None:
    text = " ".join(pieces)
    results, summary = code(coder, text)
    assert "".join(result.section.span.of(text) for result in results) == text
    for result in results:
        for mention in result.mentions:
            assert 0 <= mention.span.start < mention.span.end <= len(text)
            assert mention.sentence.contains(mention.span) or mention.sentence.overlaps(mention.span)
            assert 0.0 < mention.confidence < 1.0
            assert sum(a.confidence for a in mention.alternatives) <= 1.0
    with Catalog.open() as catalog:
        table = catalog.code_table("icd-10-cm", "2026-04-01")
    listed = codes(summary)
    assert len(listed) == len(set(listed))
    assert all(table.is_billable(item) for item in listed)
