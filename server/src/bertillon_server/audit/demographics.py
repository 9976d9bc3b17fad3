"""Edits by age, and advice by sex.

The ages are those that titles, notes and guidelines state, and those of the Medicare Code Editor for maternity; where
its lists have been imported, these go first. Sex is advice only: CMS has ended its sex edits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bertillon_server.audit.case import Case
from bertillon_server.audit.values import Finding, Kind, Rule, Severity
from bertillon_server.coding.vocabulary import Sex

_LIFE = 150
# Beginnings of codes, the years of age they are for (both included), and the source.
_AGES: tuple[tuple[tuple[str, ...], tuple[int, int], str], ...] = (
    (("O",), (9, 64), "Medicare Code Editor, maternity diagnoses"),
    (("Z33", "Z34", "Z36", "Z3A"), (9, 64), "Medicare Code Editor, maternity diagnoses"),
    (("Z38", "Z00.11"), (0, 0), "guidelines I.C.16.a.2; title of Z00.11"),
    (("Z00.12",), (0, 17), "title of Z00.12 (child)"),
    (("Z00.0",), (18, _LIFE), "title of Z00.0 (adult)"),
    (("Z68.1", "Z68.2", "Z68.3", "Z68.4"), (20, _LIFE), "note at Z68 (adults: 20 years and older)"),
    (("Z68.5",), (2, 19), "note at Z68 (2 to 19 years)"),
    (("R54", "H25", "F03", "G30"), (18, _LIFE), "ours: conditions of old age"),
)
# Categories of the perinatal chapter may be reported throughout life if the condition is still present.
_PERINATAL_YEARS = 0
_FEMALE = re.compile(
    r"\b(?:female|uter\w+|ovar\w+|vagin\w+|vulva\w*|cervix uteri|endometri\w+|menstrua\w+|menopaus\w+|pregnan\w+)\b",
    re.IGNORECASE,
)
_MALE = re.compile(r"\b(?:male|prostat\w+|testi[cs]\w*|penis|penile|scrot\w+|epididym\w+)\b", re.IGNORECASE)
_BOTH = re.compile(r"\bhistory of|screening|antigen|aunt|donor|partner\b", re.IGNORECASE)


def age(case: Case) -> Iterator[Finding]:
    """Find a code for another age than the patient's.

    Source: titles and notes of the tabular list, guidelines I.C.16, the Medicare Code Editor's age edits.
    """
    if case.age_years is None:
        return
    for claim in case.valid:
        limits, source = _limits(case, claim.code)
        if claim.ref is not None and limits is not None and not limits[0] <= case.age_years <= limits[1]:
            yield Finding(
                Kind.CONFLICT,
                Severity.INFO if source.startswith("ours") else Severity.WARNING,
                "age",
                source,
                f"the code is for patients of {_years(*limits)}",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


def perinatal(case: Case) -> Iterator[Finding]:
    """Find a code of the perinatal chapter for a patient beyond the first year.

    Source: guidelines I.C.16.a.1, a.4 (for the birth record and, if the condition persists, throughout life).
    """
    for claim in case.valid:
        beyond = case.age_years is not None and case.age_years > _PERINATAL_YEARS
        if claim.ref is not None and claim.code[0] == "P" and beyond:
            yield Finding(
                Kind.CONFLICT,
                Severity.INFO,
                "perinatal",
                "guidelines I.C.16.a.4",
                "a perinatal condition is coded later in life only while it is still present",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


def sex(case: Case) -> Iterator[Finding]:
    """Find a code whose title speaks of organs or states of the other sex: advice, no edit.

    Source: titles of the tabular list; ours. CMS has ended the sex edits of the Medicare Code Editor.
    """
    if case.sex is None:
        return
    mine, others = (_FEMALE, _MALE) if case.sex is Sex.FEMALE else (_MALE, _FEMALE)
    for claim in case.valid:
        if claim.ref is None or _BOTH.search(claim.ref.title):
            continue
        title = claim.ref.title
        maternity = case.sex is Sex.MALE and claim.code[0] == "O"
        if maternity or (others.search(title) and not mine.search(title)):
            yield Finding(
                Kind.CONFLICT,
                Severity.INFO,
                "sex",
                "ours; the sex edits of the Medicare Code Editor have ended",
                "the code is unusual for the sex that is recorded; check both",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


def _limits(case: Case, code: str) -> tuple[tuple[int, int] | None, str]:
    flags = case.book.flags(code)
    if flags is not None and flags.ages is not None:
        return flags.ages, "Medicare Code Editor, age edits"
    for beginnings, limits, source in _AGES:
        if code.startswith(beginnings):
            return limits, source
    return None, ""


def _years(low: int, high: int) -> str:
    if high == 0:
        return "less than a year"
    return f"{low} years and older" if high >= _LIFE else f"{low} to {high} years"


RULES = (
    Rule(
        "age",
        "A code for another age",
        "titles, notes, guidelines I.C.16, Medicare Code Editor",
        Severity.WARNING,
        age,
    ),
    Rule(
        "perinatal",
        "A perinatal code after the first year",
        "guidelines I.C.16.a.4",
        Severity.INFO,
        perinatal,
    ),
    Rule("sex", "A code that is unusual for the sex recorded", "ours; advice only", Severity.INFO, sex),
)
