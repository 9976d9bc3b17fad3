"""Which mentions bear on the codes of this encounter: the section and the problem list decide.

Source: Official Guidelines IV.J ("code all documented conditions that coexist at the time of the encounter and that
require or affect patient care, treatment or management") and III (other diagnoses of an admission). What the
assessment names was evaluated; what another section names alone may only have been listed.
"""

from __future__ import annotations

from collections.abc import Iterable

from bertillon_server.coding.results import Section
from bertillon_server.coding.vocabulary import CodingProfile, SectionKind

# Sections in which a clinician states what was evaluated, best first. A plan names the problems that an
# assessment in prose only sums up.
_STATED = (
    frozenset(
        {
            SectionKind.DIAGNOSES,
            SectionKind.ASSESSMENT,
            SectionKind.ASSESSMENT_AND_PLAN,
            SectionKind.POSTOPERATIVE_DIAGNOSIS,
            SectionKind.PLAN,
        }
    ),
    frozenset({SectionKind.PREOPERATIVE_DIAGNOSIS, SectionKind.HOSPITAL_COURSE}),
)
# Where to look when no section states it; what is listed in histories and templates never counts by itself.
_TOLD = frozenset(
    {
        SectionKind.UNSPECIFIED,
        SectionKind.OTHER,
        SectionKind.CHIEF_COMPLAINT,
        SectionKind.HISTORY_OF_PRESENT_ILLNESS,
        SectionKind.INDICATION,
        SectionKind.FINDINGS,
        SectionKind.IMAGING,
        SectionKind.PROCEDURE,
    }
)


def codeable_sections(sections: Iterable[Section], profile: CodingProfile) -> frozenset[SectionKind]:
    """Return the kinds of section in which mentions are expected to become codes of the encounter.

    Elsewhere they do so only if everything else speaks for it; how much is fitted (`coding.confidence`).
    A lone section (a caller that codes while a clinician types) counts whatever its kind.
    """
    kinds = [section.kind for section in sections if section.body.start < section.body.end]
    if profile is CodingProfile.ALL_MENTIONS or len(kinds) == 1:
        return frozenset(SectionKind)
    for stated in _STATED:
        if stated & frozenset(kinds):
            return stated
    if _TOLD & frozenset(kinds):
        return _TOLD
    return frozenset(SectionKind)
