"""Codes that say nothing beside another one: parts of combinations, less specific codes, symptoms of a disease."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from bertillon_server.audit.case import Case, Claimed
from bertillon_server.audit.values import Finding, Kind, Rule, Severity
from bertillon_server.coding.combinations import combinations
from bertillon_server.coding.detail import says_more
from bertillon_server.coding.symptoms import is_integral

_COMBINED = "guidelines I.A.15, I.B.9, I.C.9.a"


def repeated(case: Case) -> Iterator[Finding]:
    """Find a code that is proposed more than once.

    Source: guidelines I.B.12 (a code is reported once an encounter).
    """
    first: dict[str, Claimed] = {}
    for claim in case.claims:
        if claim.ref is None:
            continue
        before = first.setdefault(claim.code, claim)
        if before is not claim:
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "repeated-code",
                "guidelines I.B.12",
                "the code is proposed more than once; it is reported once",
                proposed=(before.index, claim.index),
                codes=(claim.ref,),
            )


def combination(case: Case) -> Iterator[Finding]:
    """Find codes that are proposed side by side where one combination code stands for them.

    Source: guidelines I.A.15 ("with"), I.B.9 (combination codes), I.C.9.a (hypertension).
    """
    by_code = {claim.code: claim for claim in case.valid}
    for item in combinations(by_code):
        code = case.book.ref(item.code)
        if code is None or not case.book.is_billable(code.code):
            continue
        beside = item.code in by_code
        if beside and not item.replaced:
            continue
        about = item.replaced if beside else tuple(dict.fromkeys((*item.replaced, *item.parts)))
        yield Finding(
            Kind.CONFLICT,
            Severity.ERROR if item.replaced else Severity.WARNING,
            "combination",
            _COMBINED,
            f"{item.code} stands for these codes together: {item.source}",
            proposed=tuple(by_code[part].index for part in about),
            codes=case.book.refs(about),
            suggestions=(code,),
            would_support="a statement that the two conditions are unrelated",
        )


def less_specific(case: Case) -> Iterator[Finding]:
    """Find a code beside a more specific one of its category that says all that it says.

    Source: guidelines I.B.2.
    """
    for one, other in permutations(case.valid, 2):
        if one.ref is None or other.ref is None or one.code[:3] != other.code[:3]:
            continue
        if says_more(one.ref.title, other.ref.title):
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "less-specific",
                "guidelines I.B.2",
                f"{other.code} says all that {one.code} says, and more",
                proposed=(one.index, other.index),
                codes=(one.ref, other.ref),
                suggestions=(other.ref,),
            )


def integral_symptom(case: Case) -> Iterator[Finding]:
    """Find a symptom beside a disease that it belongs to.

    Source: guidelines I.B.5; the pairs are ours.
    """
    said: set[str] = set()
    for symptom, disease in permutations(case.valid, 2):
        if symptom.ref is None or disease.ref is None or disease.code[0] in "RZ" or symptom.code in said:
            continue
        # "Fever presenting with conditions classified elsewhere" is meant to stand beside its disease.
        if is_integral(symptom.code, disease.code) and "classified elsewhere" not in symptom.ref.title:
            said.add(symptom.code)
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "integral-symptom",
                "guidelines I.B.5",
                f"{symptom.code} is a symptom of {disease.code}, which is coded",
                proposed=(symptom.index, disease.index),
                codes=(symptom.ref, disease.ref),
                would_support="a statement that the symptom has another cause",
            )


RULES = (
    Rule("repeated-code", "A code that is proposed twice", "guidelines I.B.12", Severity.WARNING, repeated),
    Rule("combination", "Parts of a combination code", _COMBINED, Severity.ERROR, combination),
    Rule(
        "less-specific",
        "A code beside a more specific one of its category",
        "guidelines I.B.2",
        Severity.WARNING,
        less_specific,
    ),
    Rule(
        "integral-symptom",
        "A symptom beside its disease",
        "guidelines I.B.5; pairs: ours",
        Severity.WARNING,
        integral_symptom,
    ),
)
