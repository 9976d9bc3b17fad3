"""Which procedures count for the encounter: those that were done in it, by the section that tells of them.

Sources: the definition of a significant procedure in the UHDDS, as the ICD-10-PCS guideline "Selection of principal
procedure" has it (what was performed), and B3.1b (what an operation needs on the way is no procedure of its own).
"""

from __future__ import annotations

from collections.abc import Sequence

from bertillon_server.coding.results import NoteInput, Outline, Section
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, SectionKind, SuppressionReason

OPERATIVE = frozenset({SectionKind.PROCEDURE})
# Where a note without an operative section tells what was done.
TOLD = frozenset({SectionKind.HOSPITAL_COURSE, SectionKind.UNSPECIFIED, SectionKind.OTHER})
PLANS = frozenset({SectionKind.PLAN, SectionKind.ASSESSMENT_AND_PLAN, SectionKind.DISPOSITION})
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


def suppression(
    note: NoteInput, outline: Outline, section: Section, assertion: Assertion, *, named: bool
) -> SuppressionReason | None:
    """Return why a procedure does not count towards the encounter, None when it does.

    `named` tells that it has a name of its own; other operations are components where a whole report tells of them.
    """
    reason = _REASONS.get(assertion)
    if note.options.profile is CodingProfile.ALL_MENTIONS:
        return None if assertion in (Assertion.HISTORICAL, Assertion.POSSIBLE) else reason
    if reason is not None:
        return reason
    if section.kind in OPERATIVE:
        component = _of_anesthesia(note.text, section) or (describes(outline, section) and not named)
        return SuppressionReason.COMPONENT if component else None
    bodies = [one for one in outline.sections if one.body.start < one.body.end]
    told = section.kind in TOLD and not any(one.kind in OPERATIVE for one in bodies)
    return None if told or len(bodies) == 1 else SuppressionReason.NOT_CODEABLE_HERE


def describes(outline: Outline, section: Section) -> bool:
    """Whether a section describes an operation that another section of the note names."""
    operative = [one for one in outline.sections if one.kind in OPERATIVE and one.body.start < one.body.end]
    return section.kind in OPERATIVE and _describes(section) and any(not _describes(one) for one in operative)


def operative_spans(outline: Outline) -> Sequence[Span]:
    """Return the bodies of the sections that tell of operations."""
    return [section.body for section in outline.sections if section.kind in OPERATIVE]


def is_operative(section: Section) -> bool:
    """Whether a section tells of an operation."""
    return section.kind in OPERATIVE


def _describes(section: Section) -> bool:
    return section.body.end - section.body.start > _LONGEST_NAMING


def _of_anesthesia(text: str, section: Section) -> bool:
    return section.title is not None and "anesth" in section.title.of(text).lower()
