"""Sides that do not go together. A side against the text is a rule of `evidence`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from bertillon_server.audit.case import Case
from bertillon_server.audit.relations import SIDES, without_side
from bertillon_server.audit.values import Finding, Kind, Rule, Severity
from bertillon_server.coding.axes import read_title

_SOURCE = "guidelines I.B.13"


def both_sides(case: Case) -> Iterator[Finding]:
    """Find a bilateral code beside one of a single side, or two sides where one bilateral code says both.

    Source: guidelines I.B.13 (where there is a bilateral code, both sides are not coded separately).
    """
    for one, other in combinations(case.valid, 2):
        if one.ref is None or other.ref is None or one.code[:3] != other.code[:3]:
            continue
        first, second = read_title(one.ref.title), read_title(other.ref.title)
        if without_side(first.asserts) != without_side(second.asserts) or first.encounter != second.encounter:
            continue
        sides = (first.asserts & SIDES, second.asserts & SIDES)
        if not sides[0] or not sides[1] or sides[0] == sides[1]:
            continue
        wanted = without_side(first.asserts)
        bilateral = [
            code
            for code in case.book.table.leaves(one.code[:3])
            if (title := read_title(case.book.table.title(code))).asserts & SIDES == {"bilateral"}
            and without_side(title.asserts) == wanted
            and title.encounter == first.encounter
        ]
        if bilateral:
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "both-sides",
                _SOURCE,
                f"{bilateral[0]} says both sides; sides are not coded beside it or apart",
                proposed=(one.index, other.index),
                codes=(one.ref, other.ref),
                suggestions=case.book.refs(bilateral[:1]),
            )


RULES = (Rule("both-sides", "Sides that one bilateral code says", _SOURCE, Severity.WARNING, both_sides),)
