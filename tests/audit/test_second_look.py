"""What the words of a proposed code find in the notes where no mention means the code."""

from __future__ import annotations

import pytest
from auditing import SmallAudit, codes_of, of_rule, verdict_of

from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.places import Finder
from bertillon_server.audit.values import AuditedText, Kind, Severity
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.results import Section
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind
from small_knowledge import RELEASE, SYSTEM


@pytest.mark.parametrize(
    ("text", "assertion"),
    [
        ("HPI: No prolonged QT.\n\nAssessment:\n1. Hypertension\n", Assertion.NEGATED),
        ("Family: father with long QT.\n\nAssessment:\n1. Hypertension\n", Assertion.FAMILY),
    ],
)
def test_a_code_whose_every_word_is_denied_is_not_supported(
    audit: SmallAudit, text: str, assertion: Assertion
) -> None:
    (finding,) = of_rule(audit(text, "I45.81"), "unsupported-against")
    assert finding.severity is Severity.ERROR
    assert [item.span.of(text) for item in finding.evidence] == ["QT"]
    assert finding.evidence[0].assertion is assertion


def test_a_code_that_one_place_affirms_is_for_a_person_to_read(audit: SmallAudit) -> None:
    text = "HPI: No prolonged QT last year.\nECG: long QT today.\n"
    report = audit(text, "I45.81")
    assert not of_rule(report, "unsupported-against")
    (finding,) = of_rule(report, "confirmed")
    assert finding.confidence < 0.5
    assert "QT" in [item.span.of(text) for item in finding.evidence]


def test_the_side_that_every_place_names_speaks_against_the_other(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Complete rupture of right Achilles tendon\n"
    report = audit(text, "S86.012A")
    (finding,) = of_rule(report, "unsupported-side")
    assert codes_of(finding) == ["S86.012A", "S86.011A"]
    assert verdict_of(report, "S86.012A") is Kind.UNSUPPORTED
    # Both sides are named: neither speaks against the other.
    both = "Assessment:\n1. Rupture of right Achilles tendon\n2. Left Achilles tendon sore\n"
    assert not of_rule(audit(both, "S86.012A"), "unsupported-side")


def test_what_a_place_adds_to_an_open_code_is_a_more_specific_one(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Complete rupture of right Achilles tendon\n"
    (finding,) = of_rule(audit(text, "S86.019A"), "more-specific")
    assert codes_of(finding) == ["S86.019A", "S86.011A"]
    assert not of_rule(audit(text, "S86.011A"), "more-specific")


def test_an_open_code_that_the_notes_speak_of_is_asked_about(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Complete rupture of Achilles tendon\n"
    (finding,) = of_rule(audit(text, "S86.019A"), "query-axis")
    assert finding.query is not None
    assert {"right", "left"} <= set(finding.query.options)
    assert not of_rule(audit("Assessment:\n1. Hypertension\n", "S86.019A"), "query-axis")


def test_a_code_for_a_suspicion_is_supported_by_one(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Hypertension\n2. Probable pneumonia\n"
    assert of_rule(audit(text, "J18.9"), "uncertain-outpatient")
    assert not of_rule(audit(text, "Z03.818"), "uncertain-outpatient")


def test_places_are_bounded_on_text_that_repeats_itself(catalog: Catalog) -> None:
    text = "No prolonged QT. " * 2_000
    book = CodeBook(catalog, SYSTEM, RELEASE)
    whole = Span(0, len(text))
    section = Section(0, SectionKind.ASSESSMENT, whole, None, whole)
    ref = book.ref("I45.81")
    assert ref is not None
    places = Finder(book, None, [AuditedText("n", text)], [(0, section)]).places(ref, faint=True)
    assert 1 < len(places) <= 64
    assert all(not place.is_present for place in places)
