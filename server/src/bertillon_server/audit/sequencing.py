"""Which code comes first, and which one has to stand beside another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bertillon_server.audit.case import Case, Claimed
from bertillon_server.audit.values import Evidence, Finding, Kind, Rule, Severity
from bertillon_server.catalog.codes import SequencingNote
from bertillon_server.coding.results import CodeRef

_FIRST = "guidelines I.A.13"
_MOST = 5
_EXTERNAL = frozenset("VWXY")
_MANIFESTATION = re.compile(
    r"\bin (?:other )?(?:diseases|disorders|conditions)?.*\bclassified elsewhere\b", re.IGNORECASE
)
# "Code first, if applicable" and the like ask for nothing where nothing applies.
_OPTIONAL = re.compile(
    r"\bif (?:applicable|known|present|desired|the|any|appropriate)\b|\bsuch as\b|\bas\b", re.IGNORECASE
)


def is_manifestation(title: str) -> bool:
    """Whether a title names a manifestation, which never stands first or alone."""
    return _MANIFESTATION.search(title) is not None and "not elsewhere classified" not in title.lower()


def manifestation(case: Case) -> Iterator[Finding]:
    """Find a manifestation code that is principal, or stands without the code of its disease.

    Source: guidelines I.A.13 (etiology/manifestation convention); the title says "in diseases classified elsewhere".
    """
    for claim in case.valid:
        if claim.ref is None or not is_manifestation(claim.ref.title):
            continue
        notes = [note for note in case.book.code_first(claim.code) if note.spans]
        partners = [other for note in notes for other in _named(case, note, claim)]
        if claim is case.principal:
            yield _conflict(
                "manifestation",
                Severity.ERROR,
                "a manifestation is never the principal or first-listed code",
                [claim, *partners],
                _documented(case, notes),
            )
        elif notes and not partners:
            yield _conflict(
                "manifestation",
                Severity.WARNING,
                f"the code of the disease comes before it: {notes[0].text}",
                [claim],
                _documented(case, notes),
            )


def code_first(case: Case) -> Iterator[Finding]:
    """Find a code that stands before one which a "code first" note puts before it.

    Source: the tabular list's "code first" notes; guidelines I.A.13, I.A.17.
    """
    order = {claim.index: place for place, claim in enumerate(case.sequence)}
    for claim in case.sequence:
        if claim.ref is None or (is_manifestation(claim.ref.title) and claim is case.principal):
            continue
        for note in case.book.code_first(claim.code):
            after = [
                other
                for other in _named(case, note, claim)
                if order.get(other.index, -1) > order[claim.index]
            ]
            before = [
                other
                for other in _named(case, note, claim)
                if order.get(other.index, -1) < order[claim.index] and other.index in order
            ]
            if after and not before:
                yield _conflict(
                    "code-first",
                    Severity.ERROR,
                    f"{after[0].code} comes before {claim.code}: {note.text}",
                    [claim, after[0]],
                    at=note.stated_at,
                )
                break


def use_additional(case: Case) -> Iterator[Finding]:
    """Find a documented condition that a "use additional code" note asks for beside a proposed code.

    Source: the tabular list's "use additional code" notes; guidelines I.A.13, I.B.7.
    """
    asked: set[str] = set()
    for claim in case.valid:
        for note in case.book.use_additional(claim.code):
            if not note.spans or _named(case, note, claim):
                continue
            for ref, evidence in _supported(case, note):
                if (
                    ref.code in asked
                    or ref.code in case.codes
                    or case.book.excludes1(ref.code, claim.code) is not None
                ):
                    continue
                asked.add(ref.code)
                yield Finding(
                    Kind.CONFLICT,
                    Severity.WARNING,
                    "use-additional",
                    f"use additional code, at {note.stated_at} ({_FIRST})",
                    f"{claim.code} asks for an additional code, and the notes document it: {note.text}",
                    codes=(*case.book.refs([claim.code]), ref),
                    suggestions=(ref,),
                    confidence=case.expected[ref.code].confidence,
                    evidence=evidence,
                )
                break


def additional_order(case: Case) -> Iterator[Finding]:
    """Find an additional code that stands before the code which asks for it.

    Source: guidelines I.A.13 ("use additional code" notes are sequencing instructions).
    """
    order = {claim.index: place for place, claim in enumerate(case.sequence)}
    for claim in case.sequence:
        for note in case.book.use_additional(claim.code):
            early = [
                other
                for other in _named(case, note, claim)
                if order.get(other.index, len(order)) < order[claim.index]
            ]
            if early:
                yield _conflict(
                    "additional-order",
                    Severity.WARNING,
                    f"{claim.code} comes before {early[0].code}: {note.text}",
                    [claim, early[0]],
                    at=note.stated_at,
                )
                break


def external_cause_first(case: Case) -> Iterator[Finding]:
    """Find an external cause as the principal or first-listed code, or without any other code.

    Source: guidelines I.C.20.a.6 (an external cause code is never first).
    """
    alone = bool(case.valid) and all(claim.code[0] in _EXTERNAL for claim in case.valid)
    for claim in case.valid:
        if claim.code[0] in _EXTERNAL and (claim is case.principal or alone):
            yield _conflict(
                "external-cause-first",
                Severity.ERROR,
                "an external cause is never the principal or first-listed code; the injury or condition is",
                [claim],
            )


def unacceptable_principal(case: Case) -> Iterator[Finding]:
    """Find a code that does not say why the patient was admitted, as the principal diagnosis of an admission.

    Source: Medicare Code Editor, unacceptable principal diagnosis; only where its list has been imported.
    """
    principal = case.principal
    flags = case.book.flags(principal.code) if principal is not None else None
    if principal is not None and flags is not None and flags.unacceptable_principal and _inpatient(case):
        yield _conflict(
            "unacceptable-principal",
            Severity.ERROR,
            "the Medicare Code Editor does not accept it as principal diagnosis",
            [principal],
        )


def _inpatient(case: Case) -> bool:
    return case.setting.name == "INPATIENT"


def _named(case: Case, note: SequencingNote, claim: Claimed) -> list[Claimed]:
    """Return the proposed codes that a note prints, but for the one it is stated for."""
    table = case.book.table
    return [other for other in case.valid if other is not claim and note.names(table.position(other.code))]


def _supported(case: Case, note: SequencingNote) -> Iterator[tuple[CodeRef, tuple[Evidence, ...]]]:
    """Return the codes that a note prints and that the notes of the encounter document."""
    for code, item in case.expected.items():
        if item.confidence >= case.min_confidence and note.names(case.book.table.position(code)):
            evidence = tuple(found.evidence for found in case.by_code.get(code, ()) if found.counts)
            yield item.code, evidence[:_MOST]


def _documented(case: Case, notes: Sequence[SequencingNote]) -> tuple[CodeRef, ...]:
    found = [ref for note in notes for ref, _ in _supported(case, note)]
    return tuple(dict.fromkeys(found))[:_MOST]


def _conflict(
    rule: str,
    severity: Severity,
    explanation: str,
    claims: Sequence[Claimed],
    suggestions: tuple[CodeRef, ...] = (),
    at: str = "",
) -> Finding:
    source = next(item.source for item in RULES if item.id == rule)
    return Finding(
        Kind.CONFLICT,
        severity,
        rule,
        f"{source}, at {at}" if at else source,
        explanation,
        proposed=tuple(claim.index for claim in claims),
        codes=tuple(claim.ref for claim in claims if claim.ref is not None),
        suggestions=suggestions,
    )


RULES = (
    Rule("manifestation", "A manifestation that is first or alone", _FIRST, Severity.ERROR, manifestation),
    Rule(
        "code-first",
        "A code before the one that comes first",
        f"code first ({_FIRST})",
        Severity.ERROR,
        code_first,
    ),
    Rule(
        "use-additional",
        "A documented condition that a code asks for beside it",
        f"use additional code ({_FIRST}, I.B.7)",
        Severity.WARNING,
        use_additional,
    ),
    Rule(
        "additional-order",
        "An additional code before the code that asks for it",
        f"use additional code ({_FIRST})",
        Severity.WARNING,
        additional_order,
    ),
    Rule(
        "external-cause-first",
        "An external cause that is first or alone",
        "guidelines I.C.20.a.6",
        Severity.ERROR,
        external_cause_first,
    ),
    Rule(
        "unacceptable-principal",
        "A principal diagnosis that the Medicare Code Editor refuses",
        "Medicare Code Editor, where imported",
        Severity.ERROR,
        unacceptable_principal,
    ),
)
