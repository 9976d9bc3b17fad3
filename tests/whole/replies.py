"""What holds of every reply, whatever the note."""

from __future__ import annotations

from benchmarks.spans import Ruler, evidence_in

from bertillon import (
    Assertion,
    Code,
    EncounterCode,
    Mention,
    NoteResult,
    OffsetUnit,
    Span,
    SuppressedCode,
    SuppressionReason,
)

NEVER_ACTIVE = {
    Assertion.ASSERTION_NEGATED,
    Assertion.ASSERTION_HYPOTHETICAL,
    Assertion.ASSERTION_OTHER_PERSON,
}


def assert_sound(
    result: NoteResult, text: str, unit: OffsetUnit.ValueType = OffsetUnit.OFFSET_UNIT_CODE_POINTS
) -> None:
    """Assert that a reply is whole, consistent with itself, and right about where things stand."""
    ruler = Ruler(text, unit)
    assert ruler.is_tiled(result.outline)
    assert [coded.section for coded in result.sections] == list(result.outline.sections)
    assert [section.index for section in result.outline.sections] == list(range(len(result.sections)))
    for message in (result.outline, *result.sections, result.summary):
        wrong = [evidence for evidence in evidence_in(message) if not ruler.is_right(evidence)]
        assert not wrong
    for coded in result.sections:
        starts = [mention.evidence.span.start for mention in coded.mentions]
        assert starts == sorted(starts)
        for mention in coded.mentions:
            assert_mention_sound(mention, coded.section.span)
    assert_summary_sound(result)


def assert_mention_sound(mention: Mention, section: Span) -> None:
    """Assert that a mention lies where it should and that its codes are in order."""
    assert within(mention.evidence.span, mention.sentence.span)
    assert within(mention.sentence.span, section)
    assert 0 <= mention.confidence <= 1
    others = [other.confidence for other in mention.alternatives]
    assert len(others) <= 3
    assert others == sorted(others, reverse=True)
    if mention.assertion in NEVER_ACTIVE:
        assert mention.suppression != SuppressionReason.SUPPRESSION_REASON_UNSPECIFIED


def assert_summary_sound(result: NoteResult) -> None:
    """Assert that every code of the summary rests on mentions that count, and every other has its reason."""
    summary = result.summary
    codes = [item.code.code for item in summary.codes]
    assert len(codes) == len(set(codes))
    assert not {item.code.code for item in summary.suppressed} & set(codes)
    weighed: list[EncounterCode | SuppressedCode] = [*summary.codes, *summary.suppressed]
    for considered in weighed:
        assert 0 <= considered.confidence <= 1
        assert considered.evidence
        for reference in considered.evidence:
            mention = result.sections[reference.section_index].mentions[reference.mention_index]
            assert mention.evidence == reference.evidence
    for item in summary.codes:
        for reference in item.evidence:
            mention = result.sections[reference.section_index].mentions[reference.mention_index]
            assert mention.suppression == SuppressionReason.SUPPRESSION_REASON_UNSPECIFIED
    for left_out in summary.suppressed:
        assert left_out.reason != SuppressionReason.SUPPRESSION_REASON_UNSPECIFIED
        assert left_out.explanation


def within(inner: Span, outer: Span) -> bool:
    """Whether one span lies in another."""
    return outer.start <= inner.start <= inner.end <= outer.end


def codes_in(result: NoteResult) -> list[Code]:
    """Return every code of a reply, the alternatives and the ones left out included."""
    mentions = [mention for coded in result.sections for mention in coded.mentions]
    return [
        *(mention.code for mention in mentions if mention.HasField("code")),
        *(other.code for mention in mentions for other in mention.alternatives),
        *(item.code for item in result.summary.codes),
        *(item.code for item in result.summary.suppressed),
        *(item.in_favour_of for item in result.summary.suppressed if item.HasField("in_favour_of")),
    ]
