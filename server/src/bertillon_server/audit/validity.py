"""Whether a proposed code may be reported at all: known, billable, with the 7th character it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.case import Case, Claimed
from bertillon_server.audit.values import Finding, Kind, Rule, Severity
from bertillon_server.catalog.codes import key_of
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.results import CodeRef

# Codes that are suggested in place of one that is not valid.
MOST_SUGGESTIONS = 5
_SHAPE = re.compile(r"[A-Z]\d[0-9A-Z](?:[0-9A-Z]{0,4})")
_SEVENTH = 6  # characters before the 7th
_LEAST_PREFIX = 3


def malformed(case: Case) -> Iterator[Finding]:
    """Find a proposed code that has not the shape of a code of the system.

    Source: guidelines I.A.2 (3 to 7 characters, the first a letter, the second a digit).
    """
    for claim in case.claims:
        if claim.ref is None and not _SHAPE.fullmatch(key_of(claim.proposed.code)):
            yield _invalid(case, claim, "malformed", "it is not written like a code of ICD-10-CM", ())


def unknown(case: Case) -> Iterator[Finding]:
    """Find a proposed code that the release does not have.

    Source: the tabular list of the release for the date of service.
    """
    for claim in case.claims:
        key = key_of(claim.proposed.code)
        if claim.ref is not None or not _SHAPE.fullmatch(key) or _seventh_problem(case.book, claim):
            continue
        release = case.book.was_valid(claim.proposed.code)
        explanation = f"release {case.book.version} has no such code"
        if release is not None:
            explanation += f"; release {release} has"
        yield _invalid(case, claim, "unknown-code", explanation, _nearest(case, key))


def not_billable(case: Case) -> Iterator[Finding]:
    """Find a proposed code that needs more characters.

    Source: guidelines I.B.2 (a code is invalid if not coded to the full number of characters).
    """
    for claim in case.claims:
        if claim.ref is None or claim.billable or _extensions(case.book, claim.code):
            continue
        leaves = case.book.table.leaves(claim.code)
        yield _invalid(
            case,
            claim,
            "not-billable",
            f"it is not billable: {len(leaves)} codes below it are",
            _ranked(case, leaves),
        )


def seventh_character(case: Case) -> Iterator[Finding]:
    """Find a 7th character that is missing, has no such value, or stands where the placeholder X is missing.

    Source: guidelines I.A.4 (placeholder), I.A.5 (7th characters); the tabular list's 7th-character notes.
    """
    for claim in case.claims:
        problem = _seventh_problem(case.book, claim)
        if problem is not None:
            explanation, codes = problem
            yield _invalid(case, claim, "seventh-character", explanation, _ranked(case, codes))


def not_in_force(case: Case) -> Iterator[Finding]:
    """Find a proposed code that may not be reported on the date that it has of its own.

    Source: the tabular list of the release for that date.
    """
    for claim in case.claims:
        date = claim.proposed.date
        if claim.ref is None or not claim.billable or date is None:
            continue
        release = case.book.lapsed(claim.code, date)
        if release is not None:
            yield _invalid(
                case,
                claim,
                "not-in-force",
                f"it may not be reported on its date, {date.isoformat()}, to which release {release} applies",
                _nearest(case, key_of(claim.code)),
            )


def _seventh_problem(  # noqa: PLR0911 - a cascade
    book: CodeBook, claim: Claimed
) -> tuple[str, Sequence[str]] | None:
    if claim.ref is not None:
        missing = _extensions(book, claim.code)
        if claim.billable or not missing:
            return None
        return "its 7th character is missing", missing
    key = key_of(claim.proposed.code)
    if not _SHAPE.fullmatch(key):
        return None
    padded = key[:-1].ljust(_SEVENTH, "X") + key[-1]
    if len(key) <= _SEVENTH and book.table.is_billable(padded):
        return "the placeholder X before its 7th character is missing", [
            book.table.codes[book.table.position(padded)]
        ]
    if len(key) > _SEVENTH:
        stem = key[:_SEVENTH]
        while len(stem) > _LEAST_PREFIX and book.table.find(stem) is None:
            stem = stem[:-1]
        if key[len(stem) : _SEVENTH].strip("X"):
            return None
        values = _extensions(book, stem)
        return ("it takes no such 7th character", values) if values else None
    # "S93.401" written with fewer characters than the code that is extended is not billable, not unknown.
    return None


def _extensions(book: CodeBook, code: str) -> list[str]:
    """Return the codes that extend a code by a 7th character, with placeholders before it."""
    position = book.table.find(code)
    if position is None:
        return []
    found = [book.table.codes[at] for at in book.table.extensions(position)]
    if not found:
        leaves = book.table.leaves(code) if len(key_of(code)) >= _LEAST_PREFIX else []
        # T36.0X: only a placeholder stands between the code and its extensions.
        stem = key_of(code).ljust(_SEVENTH, "X")
        found = leaves if leaves and all(key_of(leaf)[:_SEVENTH] == stem for leaf in leaves) else []
    return [code for code in found if len(key_of(code)) == _SEVENTH + 1]


def _nearest(case: Case, key: str) -> tuple[CodeRef, ...]:
    """Return valid codes near one that does not exist: below its longest beginning that does."""
    for length in range(len(key) - 1, _LEAST_PREFIX - 1, -1):
        if case.book.ref(key[:length]) is not None:
            return _ranked(case, case.book.table.leaves(key[:length]))
    return ()


def _ranked(case: Case, codes: Sequence[str]) -> tuple[CodeRef, ...]:
    """Return the codes that the notes support best: those documented, then those with most of their words said."""
    titles = {code: read_title(case.book.table.title(code)) for code in codes}

    def rank(code: str) -> tuple[bool, int, int]:
        title = titles[code]
        unsaid = len(title.asserts - case.forms)
        return (
            not any(item.counts for item in case.by_code.get(code, ())),
            unsaid,
            0 if title.open or title.encounter.startswith("initial") else 1,
        )

    return case.book.refs(sorted(codes, key=rank)[:MOST_SUGGESTIONS])


def _invalid(
    case: Case, claim: Claimed, rule: str, explanation: str, suggestions: tuple[CodeRef, ...]
) -> Finding:
    return Finding(
        Kind.CONFLICT,
        Severity.ERROR,
        rule,
        next(item.source for item in RULES if item.id == rule),
        explanation,
        proposed=(claim.index,),
        codes=() if claim.ref is None else (claim.ref,),
        suggestions=suggestions,
        evidence=tuple(
            item.evidence for ref in suggestions[:1] for item in case.by_code.get(ref.code, ()) if item.counts
        ),
    )


RULES = (
    Rule("malformed", "A text that is no code", "guidelines I.A.2", Severity.ERROR, malformed),
    Rule(
        "unknown-code",
        "A code that the release does not have",
        "tabular list of the release",
        Severity.ERROR,
        unknown,
    ),
    Rule(
        "not-billable", "A code that needs more characters", "guidelines I.B.2", Severity.ERROR, not_billable
    ),
    Rule(
        "seventh-character",
        "A 7th character or placeholder that is missing or wrong",
        "guidelines I.A.4, I.A.5",
        Severity.ERROR,
        seventh_character,
    ),
    Rule(
        "not-in-force",
        "A code that may not be reported on its own date",
        "tabular list of the release for the date",
        Severity.ERROR,
        not_in_force,
    ),
)
