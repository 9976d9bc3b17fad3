from __future__ import annotations

from benchmarks.notes import own_notes
from replies import assert_sound, codes_in

from bertillon import (
    Assertion,
    Bertillon,
    CodingOptions,
    EncounterSummary,
    Note,
    NoteResult,
    NoticeKind,
    Outline,
    PreCutSection,
    SectionKind,
    SectionResult,
    Setting,
    Span,
    SuppressionReason,
)

# A date within the release that the server has, and two far outside of it.
DATE = "2026-05-11"
PAST, FUTURE = "1999-01-01", "2099-12-31"


def coded(client: Bertillon, text: str, date: str = DATE) -> NoteResult:
    return client.code_note_all(Note(text=text, date_of_service=date))


def active(result: NoteResult) -> set[str]:
    return {item.code.code for item in result.summary.codes}


def test_a_note_yields_its_outline_each_section_once_and_last_its_summary(
    client: Bertillon, demo_note: str
) -> None:
    events = list(client.code_note(Note(note_id="demo", text=demo_note, date_of_service=DATE)))
    assert [type(event) for event in events] == [
        Outline,
        *[SectionResult] * len(events[1:-1]),
        EncounterSummary,
    ]
    result = NoteResult.of("demo", events)
    assert len(result.sections) >= 8
    assert_sound(result, demo_note)
    assert result.summary.timings.total_us > 0
    assert result.outline.versions == result.summary.versions
    assert [(v.system, v.version) for v in result.summary.versions.code_sets] == [("icd-10-cm", "2026-04-01")]


def test_the_sections_of_the_demonstration_have_the_kinds_of_their_headers(
    client: Bertillon, demo_note: str
) -> None:
    kinds = {section.title.quote: section.kind for section in coded(client, demo_note).outline.sections}
    expected = {
        "CC": SectionKind.SECTION_KIND_CHIEF_COMPLAINT,
        "HPI": SectionKind.SECTION_KIND_HISTORY_OF_PRESENT_ILLNESS,
        "PMH": SectionKind.SECTION_KIND_PAST_MEDICAL_HISTORY,
        "MEDICATIONS": SectionKind.SECTION_KIND_MEDICATIONS,
        "ALLERGIES": SectionKind.SECTION_KIND_ALLERGIES,
        "FAMILY HISTORY": SectionKind.SECTION_KIND_FAMILY_HISTORY,
        "SOCIAL HISTORY": SectionKind.SECTION_KIND_SOCIAL_HISTORY,
        "ROS": SectionKind.SECTION_KIND_REVIEW_OF_SYSTEMS,
        "PHYSICAL EXAM": SectionKind.SECTION_KIND_PHYSICAL_EXAM,
        "LABS": SectionKind.SECTION_KIND_LABORATORY,
        "ASSESSMENT AND PLAN": SectionKind.SECTION_KIND_ASSESSMENT_AND_PLAN,
    }
    assert expected.items() <= kinds.items()


def test_what_the_demonstration_denies_or_says_of_relatives_is_mentioned_and_not_coded(
    client: Bertillon, demo_note: str
) -> None:
    result = coded(client, demo_note)
    mentions = {
        (mention.evidence.quote, mention.assertion)
        for section in result.sections
        for mention in section.mentions
    }
    assert ("chest pain", Assertion.ASSERTION_NEGATED) in mentions
    assert ("diabetic retinopathy", Assertion.ASSERTION_NEGATED) in mentions
    assert ("MI", Assertion.ASSERTION_FAMILY) in mentions
    assert not active(result) & {"R07.9", "E11.319", "I21.9"}


def test_notes_of_every_batch_are_coded_soundly_with_billable_codes_only(client: Bertillon) -> None:
    # A fifth of them; `python -m benchmarks run offsets --full` takes all, in minutes.
    texts = dict(enumerate(own_notes()[::5]))
    notes = (Note(note_id=str(n), text=text, date_of_service=DATE) for n, text in list(texts.items()))
    returned = set()
    for note_id, result in client.code_notes(notes):
        assert isinstance(result, NoteResult)
        assert_sound(result, texts.pop(int(note_id)))
        returned |= {(code.system, code.version, code.code) for code in codes_in(result)}
    assert not texts
    assert len(returned) > 100
    for system, version, code in returned:
        known = client.get_code(code, system=system, date_of_service=DATE)
        assert known.billable, code
        assert known.valid_from <= DATE <= known.valid_to
        assert known.code.version == version


def test_a_date_outside_the_releases_is_answered_by_the_nearest_and_says_so(
    client: Bertillon, demo_note: str
) -> None:
    for date in (PAST, FUTURE):
        result = coded(client, demo_note, date)
        catalog = client.get_code("I10", date_of_service=date)
        search = client.search_codes("gout", date_of_service=date)
        for reply in (result.outline, result.summary, catalog, search):
            assert [notice.kind for notice in reply.notices] == [NoticeKind.NOTICE_KIND_NEAREST_RELEASE]
        assert active(result) == active(coded(client, demo_note))


def test_no_date_is_answered_by_the_newest_release_and_says_so(client: Bertillon, demo_note: str) -> None:
    result = coded(client, demo_note, "")
    kinds = [notice.kind for notice in result.summary.notices]
    assert kinds == [NoticeKind.NOTICE_KIND_DEFAULT_RELEASE]
    assert not coded(client, demo_note).summary.notices


def test_the_caller_sets_the_threshold_of_confidence(client: Bertillon, demo_note: str) -> None:
    codes = {}
    for threshold in (0.0, 1.0):
        options = CodingOptions(min_confidence=threshold)
        codes[threshold] = client.code_note_all(demo_note, options=options).summary
    assert codes[0.0].codes
    assert all(item.confidence == 1 for item in codes[1.0].codes)
    low = SuppressionReason.SUPPRESSION_REASON_LOW_CONFIDENCE
    assert low not in {item.reason for item in codes[0.0].suppressed}
    assert low in {item.reason for item in codes[1.0].suppressed}


def test_an_uncertain_diagnosis_is_coded_for_inpatients_only(client: Bertillon) -> None:
    text = "ASSESSMENT:\n1. Probable community-acquired pneumonia.\n"
    found = {}
    for setting in (Setting.SETTING_OUTPATIENT, Setting.SETTING_INPATIENT):
        note = Note(text=text, date_of_service=DATE, setting=setting)
        found[setting] = client.code_note_all(note, options=CodingOptions(min_confidence=0))
    assert "J18.9" not in active(found[Setting.SETTING_OUTPATIENT])
    assert "J18.9" in active(found[Setting.SETTING_INPATIENT])


def test_sections_that_the_caller_cut_are_kept_and_what_is_between_them_is_coded_too(
    client: Bertillon,
) -> None:
    text = "Seen today. Hypertension, stable. Mother had gout."
    start = text.index("Mother")
    cut = PreCutSection(
        span=Span(start=start, end=len(text)), kind=SectionKind.SECTION_KIND_FAMILY_HISTORY, title="Family"
    )
    result = client.code_note_all(Note(text=text, sections=[cut], date_of_service=DATE))
    assert_sound(result, text)
    assert [(s.span.start, s.span.end, s.kind) for s in result.outline.sections] == [
        (0, start, SectionKind.SECTION_KIND_UNSPECIFIED),
        (start, len(text), SectionKind.SECTION_KIND_FAMILY_HISTORY),
    ]


def test_a_section_alone_is_coded_as_the_note_that_consists_of_it(client: Bertillon) -> None:
    text = "Assessment: 1. Type 2 diabetes mellitus. 2. Essential hypertension, no chest pain."
    alone = client.code_section(text, date_of_service=DATE)
    note = coded(client, text)
    assert list(alone.section.mentions) == list(note.sections[0].mentions)
    assert list(alone.summary.codes) == list(note.summary.codes)
    assert {"E11.9", "I10"} <= {item.code.code for item in alone.summary.codes}
