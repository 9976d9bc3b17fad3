"""A fracture that is followed up, and whose healing no note states: the 7th character divides by it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bertillon_server.audit.case import Case, Documented
from bertillon_server.audit.values import Evidence, Finding, Kind, Query, Rule, Severity
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.spans import Span

_SOURCE = "guidelines I.C.19.c.1; compliant query practice (AHIMA/ACDIS)"
# Injuries and pathological fractures whose 7th character tells routine from delayed healing, nonunion and malunion.
_FRACTURES = re.compile(r"(?:S[0-9]2|S79\.[01]|S89\.[0-3]|S99\.[0-2]|M80|M84\.[3-6]|M97)")
_HEALING = ("routine", "delayed", "nonunion", "malunion")
# What tells that active treatment is over.
_FOLLOWED = re.compile(
    r"\b(?:follow[- ]?up|f/u|\d+\s*(?:weeks?|wks?|months?|mos?)\s+(?:out|after|post|ago|s/p|from)|"
    r"(?:cast|splint|boot|sling|pin)s?\s+(?:off|out|removed|removal)|post[- ]?op(?:erative)?\s+(?:visit|check))\b",
    re.IGNORECASE,
)
# What tells how it heals, in words of the clinician's own.
_TOLD = re.compile(
    r"\b(?:heal(?:ed|ing|s)?|union|un-?united|non-?union|mal-?union|callus|consolidat\w+|bridging|"
    r"fracture line)\b",
    re.IGNORECASE,
)
_OPTIONS = ("routine healing", "delayed healing", "nonunion", "malunion")
_MOST_INDICATORS = 3


def healing_phase(case: Case) -> Iterator[Finding]:
    """Find a fracture under follow-up care of which the notes do not say how it heals.

    Source: guidelines I.C.19.c.1 (initial against subsequent encounters for fractures; nonunion, malunion and delayed
    healing have 7th characters of their own).
    """
    followed = _places(case, _FOLLOWED)
    if not followed or _places(case, _TOLD):
        return
    seen: set[str] = set()
    for item in sorted(case.documented, key=lambda item: -item.mention.confidence):
        known = item.code in case.expected or item.code in case.codes
        if item.is_own and known and item.code[:5] not in seen and _divides(case, item):
            seen.add(item.code[:5])
            yield Finding(
                Kind.QUERY,
                Severity.WARNING,
                "query-healing",
                _SOURCE,
                "the fracture is followed up, and the notes do not state how it heals",
                codes=(item.ref,),
                confidence=item.mention.confidence,
                evidence=(item.evidence, *followed[:_MOST_INDICATORS]),
                query=Query(
                    "fracture: phase of healing",
                    "Please clarify how the fracture documented as quoted is healing at this encounter.",
                    _OPTIONS,
                ),
            )


def _divides(case: Case, item: Documented) -> bool:
    """Whether the codes of a fracture divide by how it heals."""
    if not _FRACTURES.match(item.code) or len(item.code) < len("S52.501A"):
        return False
    endings = " ".join(
        read_title(case.book.table.title(code)).encounter
        for code in case.book.table.leaves(item.code[:3])
        if code.startswith(item.code[:-1])
    )
    return all(word in endings for word in _HEALING)


def _places(case: Case, words: re.Pattern[str]) -> list[Evidence]:
    return [
        Evidence(number, Span(*match.span()), Span(*match.span()))
        for number, note in enumerate(case.texts)
        for match in words.finditer(note.text)
    ]


RULES = (
    Rule(
        "query-healing",
        "A fracture under follow-up whose healing is not told",
        _SOURCE,
        Severity.WARNING,
        healing_phase,
    ),
)
