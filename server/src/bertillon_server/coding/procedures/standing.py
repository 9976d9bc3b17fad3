"""How a procedure stands in the note: done now, planned, not done, or done in the past; and whether it counts here.

The rules of assertion judge it as they judge a condition; what differs for something that is *done* is here. A plan is
what conditions have no word for ("scheduled for"), and a date beside an operation is its date, not that of the past.
Sources: UHDDS definition of a significant procedure, as ICD-10-PCS guideline "Selection of principal procedure" has it
(what was performed), and B3.1b (what an operation needs on the way is no procedure of its own).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bertillon_server.coding.assertion.rules import Judgement
from bertillon_server.coding.results import NoteInput, Outline, Section
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, SectionKind, SuppressionReason

_DONE = re.compile(
    r"\b(?:under(?:went|gone)|performed|carried out|completed|was (?:done|made|taken|placed|inserted|removed|excised)"
    r"|were (?:done|made|taken|placed|inserted|removed|excised)|status post|taken to the (?:operating room|or)\b)",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:scheduled|plan(?:s|ned|ning)?|will (?:undergo|have|need|require|be)|to undergo|to have|recommend(?:s|ed)?"
    r"|recommendation|candidate|consider(?:s|ed|ing)?|offered|consent(?:ed|s)?|needs?|requires?|proposed|proposal"
    r"|arrange[ds]?|booked|refer(?:red|ral)? (?:for|to)|awaiting|pending|elective|possible|potential|may need|might need"
    r"|return for|await|tomorrow|next (?:week|month)|wishes|would like|options? (?:include|of|are)|discussed)\b",
    re.IGNORECASE,
)
_PLANNED_AFTER = re.compile(
    r"\b(?:(?:was|were|is|are|has been|had been) (?:then )?(?:recommended|planned|scheduled|discussed|offered|proposed"
    r"|considered|advised|decided|arranged|suggested|indicated|requested)|to follow|will be)\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    r"\b(?:declin(?:ed|es|ing)|refus(?:ed|es|ing|al)|defer(?:red|s)?|cancel(?:l?ed)?|postponed|aborted|abandoned"
    r"|not (?:been )?(?:performed|done|indicated|needed|required|carried out|undergone)|no need for|contraindicated"
    r"|instead of|rather than|ruled out for|did not (?:undergo|have|need|require)|never had)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:s/p|status[- ]post|h/o|history of|hx of|prior|previous(?:ly)?|remote|past|years? (?:ago|before)|months? ago"
    r"|in (?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_PLANNED_TITLE = re.compile(r"planned|proposed|anticipated|intended|scheduled", re.IGNORECASE)
# Code points before and after a procedure in which such words speak of it.
_BEFORE, _AFTER = 80, 60

_OPERATIVE = frozenset({SectionKind.PROCEDURE})
# Where a note without an operative section tells what was done.
_TOLD = frozenset({SectionKind.HOSPITAL_COURSE, SectionKind.UNSPECIFIED, SectionKind.OTHER})
_PLANS = frozenset({SectionKind.PLAN, SectionKind.ASSESSMENT_AND_PLAN, SectionKind.DISPOSITION})
# Sections that tell nothing of procedures, or of those of others.
SILENT = frozenset(
    {
        SectionKind.FAMILY_HISTORY,
        SectionKind.SOCIAL_HISTORY,
        SectionKind.REVIEW_OF_SYSTEMS,
        SectionKind.MEDICATIONS,
        SectionKind.ALLERGIES,
        SectionKind.IMMUNIZATIONS,
        SectionKind.VITAL_SIGNS,
        SectionKind.LABORATORY,
        SectionKind.ADMINISTRATIVE,
        SectionKind.PREOPERATIVE_DIAGNOSIS,
        SectionKind.POSTOPERATIVE_DIAGNOSIS,
        SectionKind.DIAGNOSES,
    }
)
# A section that names the operation holds no more than this, code points; a longer one describes it.
_LONGEST_NAMING = 600
_REASONS = {
    Assertion.NEGATED: SuppressionReason.NEGATED,
    Assertion.HYPOTHETICAL: SuppressionReason.HYPOTHETICAL,
    Assertion.HISTORICAL: SuppressionReason.HISTORICAL,
    Assertion.POSSIBLE: SuppressionReason.UNCERTAIN,
    Assertion.FAMILY: SuppressionReason.FAMILY,
    Assertion.OTHER_PERSON: SuppressionReason.OTHER_PERSON,
}
_PRESENT = Judgement(Assertion.PRESENT, None)


def judged(text: str, section: Section, sentence: Span, mention: Span, rules: Judgement) -> Judgement:
    """Return how a procedure is asserted, given what the rules for conditions say of it."""
    begin = max(sentence.start, mention.start - _BEFORE)
    end = min(sentence.end, mention.end + _AFTER)
    around = Span(begin, end)
    if (cue := _cue(_NOT_DONE, text, around)) is not None:
        return Judgement(Assertion.NEGATED, cue)
    if rules.assertion in (Assertion.NEGATED, Assertion.FAMILY, Assertion.OTHER_PERSON):
        return rules
    past = _cue(_PAST, text, around)
    if past is not None and (section.kind not in _OPERATIVE or rules.assertion is Assertion.HISTORICAL):
        return Judgement(Assertion.HISTORICAL, past)
    done = _cue(_DONE, text, sentence)
    if section.kind in _OPERATIVE:
        if _planned_section(text, section):
            return Judgement(Assertion.HYPOTHETICAL, None)
        # A date, or a word of time, is that of the operation itself.
        rules = _PRESENT if rules.assertion is Assertion.HISTORICAL else rules
    if done is not None:
        return rules if rules.assertion is Assertion.HISTORICAL else _PRESENT
    if (cue := _cue(_PLANNED, text, Span(begin, mention.start))) is not None:
        return Judgement(Assertion.HYPOTHETICAL, cue)
    if (cue := _cue(_PLANNED_AFTER, text, Span(mention.end, end))) is not None:
        return Judgement(Assertion.HYPOTHETICAL, cue)
    if section.kind in _PLANS and rules.assertion in (Assertion.PRESENT, Assertion.POSSIBLE):
        return Judgement(Assertion.HYPOTHETICAL, None)
    return rules


def suppression(
    note: NoteInput, outline: Outline, section: Section, assertion: Assertion, *, named: bool
) -> SuppressionReason | None:
    """Return why a procedure does not count towards the encounter, None when it does.

    `named` tells that it has a name of its own; other operations are components where a whole report tells of them.
    """
    text, reason = note.text, _REASONS.get(assertion)
    if note.options.profile is CodingProfile.ALL_MENTIONS:
        return None if assertion in (Assertion.HISTORICAL, Assertion.POSSIBLE) else reason
    if reason is not None:
        return reason
    bodies = [one for one in outline.sections if one.body.start < one.body.end]
    operative = [one for one in bodies if one.kind in _OPERATIVE]
    if section.kind in _OPERATIVE:
        if _of_anesthesia(text, section):
            return SuppressionReason.COMPONENT
        if _describes(section) and any(not _describes(one) for one in operative) and not named:
            return SuppressionReason.COMPONENT
        return None
    if len(bodies) == 1 or (section.kind in _TOLD and not operative):
        return None
    return SuppressionReason.NOT_CODEABLE_HERE


def describes(outline: Outline, section: Section) -> bool:
    """Whether a section describes an operation that another section of the note names."""
    operative = [one for one in outline.sections if one.kind in _OPERATIVE and one.body.start < one.body.end]
    return (
        section.kind in _OPERATIVE and _describes(section) and any(not _describes(one) for one in operative)
    )


def operative_spans(outline: Outline) -> Sequence[Span]:
    """Return the bodies of the sections that tell of operations."""
    return [section.body for section in outline.sections if section.kind in _OPERATIVE]


def is_operative(section: Section) -> bool:
    """Whether a section tells of an operation."""
    return section.kind in _OPERATIVE


def _describes(section: Section) -> bool:
    return section.body.end - section.body.start > _LONGEST_NAMING


def _of_anesthesia(text: str, section: Section) -> bool:
    return section.title is not None and "anesth" in section.title.of(text).lower()


def _planned_section(text: str, section: Section) -> bool:
    return section.title is not None and _PLANNED_TITLE.search(section.title.of(text)) is not None


def _cue(pattern: re.Pattern[str], text: str, span: Span) -> Span | None:
    match = pattern.search(text, span.start, span.end)
    return None if match is None else Span(match.start(), match.end())
