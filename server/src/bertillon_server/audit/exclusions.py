"""Excludes1: codes that are not reported together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from bertillon_server.audit.case import Case
from bertillon_server.audit.values import Finding, Kind, Rule, Severity

_SOURCE = "guidelines I.A.12.a"


def excludes1(case: Case) -> Iterator[Finding]:
    """Find two proposed codes that an Excludes1 note keeps apart, with inheritance and ranges.

    Excludes2 is no conflict.

    Source: the tabular list's Excludes1 notes; guidelines I.A.12.a, which exempts two unrelated conditions.
    """
    for one, other in combinations(case.valid, 2):
        rule = case.book.excludes1(one.code, other.code)
        if rule is not None and one.ref is not None and other.ref is not None:
            yield Finding(
                Kind.CONFLICT,
                Severity.ERROR,
                "excludes1",
                f"Excludes1 at {rule.stated_at} ({_SOURCE})",
                f"{rule.code} and {rule.excluded} exclude each other: {rule.text}",
                proposed=(one.index, other.index),
                codes=(one.ref, other.ref),
                would_support="documentation that the two conditions are unrelated",
            )


RULES = (
    Rule(
        "excludes1",
        "Codes that an Excludes1 note keeps apart",
        f"Excludes1 notes ({_SOURCE})",
        Severity.ERROR,
        excludes1,
    ),
)
