"""What the notes say of proposed codes, and what they say beside them."""

from __future__ import annotations

import re

import pytest
from auditing import SmallAudit, codes_of, of_rule, verdict_of

from bertillon_server.audit.query_table import GAPS, INDICATORS, Gap, Indicator
from bertillon_server.audit.values import Kind, Severity
from bertillon_server.audit.wording import ALWAYS, query_text
from bertillon_server.coding.vocabulary import Assertion, AxisKind, Setting

PAYMENT = re.compile(
    r"\b(?:pay\w*|reimburs\w*|revenue|DRG|HCC|CC|MCC|risk adjust\w*|severity of illness|quality|score|claim)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("text", "code", "verdict"),
    [
        ("Assessment:\n1. Hypertension\n", "I10", Kind.CONFIRMED),
        ("Assessment:\n1. Diabetes\n2. CKD stage 3a\n", "E11.22", Kind.CONFIRMED),
        ("Assessment:\n1. Hypertension. No pneumonia.\n", "J18.9", Kind.UNSUPPORTED),
        (
            "Assessment:\n1. Hypertension\n\nFamily history:\nFather had colon cancer.\n",
            "C18.9",
            Kind.UNSUPPORTED,
        ),
        ("Assessment:\n1. Right knee pain\n", "M25.562", Kind.UNSUPPORTED),
        ("Assessment:\n1. Right knee pain\n", "M25.569", Kind.SPECIFICITY),
        ("Assessment:\n1. CKD\n", "N18.4", Kind.UNSUPPORTED),
        ("Assessment:\n1. CKD stage 3a\n", "N18.30", Kind.SPECIFICITY),
        ("Assessment:\n1. Hypertension\n", "K37", Kind.UNSUPPORTED),
        ("Assessment:\n1. Probable pneumonia\n", "J18.9", Kind.CONFLICT),
    ],
)
def test_a_code_is_judged_by_what_the_notes_say(
    audit: SmallAudit, text: str, code: str, verdict: Kind
) -> None:
    assert verdict_of(audit(text, code), code) is verdict


def test_what_speaks_against_a_code_is_quoted_with_its_assertion(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Hypertension. No pneumonia.\n"
    (finding,) = of_rule(audit(text, "J18.9"), "unsupported-against")
    assert [item.span.of(text) for item in finding.evidence] == ["pneumonia"]
    assert finding.evidence[0].assertion is Assertion.NEGATED
    assert finding.would_support


def test_a_code_without_any_words_says_where_was_looked(audit: SmallAudit) -> None:
    (finding,) = of_rule(audit("Assessment:\n1. Hypertension\n", "K37"), "unsupported-absent")
    assert finding.evidence == ()
    assert "1 section" in finding.looked_in
    assert finding.severity is Severity.WARNING


def test_uncertain_diagnoses_are_coded_at_discharge_and_not_in_the_office(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Probable pneumonia\n"
    office = audit(text, "J18.9")
    assert of_rule(office, "uncertain-outpatient")
    ward = audit(text, setting=Setting.INPATIENT)
    assert [codes_of(finding) for finding in of_rule(ward, "uncertain-inpatient")] == [["J18.9"]]
    assert not of_rule(audit(text, "J18.9", setting=Setting.INPATIENT), "uncertain-outpatient")


def test_what_is_documented_and_not_coded_is_missed_once(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Hypertension\n2. Asthma\n"
    assert {codes_of(f)[0] for f in of_rule(audit(text), "missed")} == {"I10", "J45.909"}
    assert {codes_of(f)[0] for f in of_rule(audit(text, "I10"), "missed")} == {"J45.909"}
    assert not of_rule(audit(text, "I10", "J45.909"), "missed")


def test_a_symptom_of_a_coded_disease_is_not_missed(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Cough\n"
    assert of_rule(audit(text), "missed")
    assert not of_rule(audit(text, "J18.9"), "missed")


def test_a_vague_diagnosis_is_asked_about_with_its_indicators(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Heart failure. LVEF 30%.\n"
    (finding,) = of_rule(audit(text, "I50.9"), "query-gap")
    assert finding.kind is Kind.QUERY
    assert finding.query is not None
    assert finding.query.topic == "heart failure: type"
    assert any("LVEF" in item.span.of(text) for item in finding.evidence)
    (acuity,) = of_rule(audit("Assessment:\n1. Systolic heart failure\n", "I50.20"), "query-gap")
    assert acuity.query is not None
    assert acuity.query.topic == "heart failure: acuity"


@pytest.mark.parametrize(
    ("text", "code", "topic"),
    [
        ("Exam: monofilament reduced.\n\nAssessment:\n1. Diabetes\n", "E11.9", "diabetes: complication"),
        ("Plan: prednisone burst.\n\nAssessment:\n1. Asthma\n", "J45.909", "asthma: exacerbation"),
        ("Vitals: weight 131 kg.\n\nAssessment:\n1. Obesity\n", "E66.9", "obesity: body mass index"),
    ],
)
def test_indicators_in_the_notes_raise_the_question_that_they_bear_on(
    audit: SmallAudit, text: str, code: str, topic: str
) -> None:
    def topics(note: str) -> set[str]:
        return {item.query.topic for item in of_rule(audit(note, code), "query-gap") if item.query}

    assert topic in topics(text)
    assert topic not in topics(text.split("\n\n")[1])


def test_a_side_that_nobody_states_is_asked_about(audit: SmallAudit) -> None:
    (finding,) = of_rule(audit("Assessment:\n1. Knee pain\n", "M25.569"), "query-axis")
    assert finding.axes == (AxisKind.LATERALITY,)
    assert finding.query is not None
    assert set(finding.query.options) >= {"right", "left"}
    assert not of_rule(audit("Assessment:\n1. Right knee pain\n", "M25.561"), "query-axis")


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Medications: metformin 500 mg.\n\nAssessment:\n1. Hypertension\n", "drug: condition"),
        ("Labs: Hgb 7.9.\n\nAssessment:\n1. Hypertension\n", "hemoglobin: condition"),
        ("Labs: Na 121.\n\nAssessment:\n1. Hypertension\n", "sodium: condition"),
    ],
)
def test_an_indicator_without_a_diagnosis_is_a_question_and_never_a_code(
    audit: SmallAudit, text: str, topic: str
) -> None:
    (finding,) = of_rule(audit(text, "I10"), "query-indicator")
    assert finding.query is not None
    assert finding.query.topic == topic
    assert finding.codes == finding.suggestions == ()


@pytest.mark.parametrize(
    "text",
    [
        "Medications: metformin 500 mg.\n\nAssessment:\n1. Diabetes\n",
        "Allergies: metformin (allergy).\n\nAssessment:\n1. Hypertension\n",
        "Labs: Hgb 13.9.\n\nAssessment:\n1. Hypertension\n",
        "Labs: Hgb 7.9.\n\nAssessment:\n1. Anemia\n",
    ],
)
def test_an_indicator_with_its_diagnosis_is_no_question(audit: SmallAudit, text: str) -> None:
    assert not of_rule(audit(text), "query-indicator")


def test_no_question_leads_or_speaks_of_payment() -> None:
    questions: list[Gap | Indicator] = [*GAPS, *INDICATORS]
    for item in questions:
        assert len(item.options) >= 2
        words = " ".join((item.topic, item.question, *item.options))
        assert not PAYMENT.search(words), words
        assert item.question.startswith("Please ")
        # A question that holds one of its own answers leads to it.
        assert not any(option.lower() in item.question.lower() for option in item.options)


def test_every_query_offers_other_and_unable_to_determine(audit: SmallAudit) -> None:
    report = audit("Assessment:\n1. Heart failure\n2. Knee pain\n3. Anemia\n4. Obesity\n5. Depression\n")
    queries = [finding for finding in report.findings if finding.kind is Kind.QUERY]
    assert len(queries) >= 4
    for finding in queries:
        assert finding.query is not None
        text = query_text(finding.query, ["knee  pain"])
        assert all(option in text for option in ALWAYS)
        assert '"knee pain"' in text
        assert not PAYMENT.search(text)
        assert finding.evidence


def test_findings_come_gravest_first_and_queries_last(audit: SmallAudit) -> None:
    report = audit("Assessment:\n1. Heart failure\n", "I50.9", "zz", "M25.561")
    assert report.findings[0].severity is Severity.ERROR
    kinds = [finding.kind is Kind.QUERY for finding in report.findings]
    assert kinds == sorted(kinds)


FRACTURE = "HPI: {told}\n\nAssessment:\n1. Colles fracture of left radius\n"


def test_a_fracture_under_follow_up_is_asked_how_it_heals(audit: SmallAudit) -> None:
    text = FRACTURE.format(told="Cast removed, 6 weeks after the fall.")
    (finding,) = of_rule(audit(text, "S52.532A"), "query-healing")
    assert finding.query is not None
    assert "nonunion" in finding.query.options
    assert [item.span.of(text) for item in finding.evidence][1:] == ["Cast removed", "6 weeks after"]


@pytest.mark.parametrize("told", ["Fell today.", "Cast removed, fracture is healing well."])
def test_a_new_fracture_or_one_whose_healing_is_told_is_not_asked_about(audit: SmallAudit, told: str) -> None:
    assert not of_rule(audit(FRACTURE.format(told=told), "S52.532A"), "query-healing")
