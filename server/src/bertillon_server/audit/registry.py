"""All rules, by family, in the order in which they run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from bertillon_server.audit import (
    demographics,
    duplicates,
    evidence,
    exclusions,
    healing,
    laterality,
    poa,
    queries,
    sequencing,
    validity,
)
from bertillon_server.audit.values import Rule

RULES: Final[tuple[Rule, ...]] = (
    *validity.RULES,
    *evidence.RULES,
    *exclusions.RULES,
    *duplicates.RULES,
    *sequencing.RULES,
    *laterality.RULES,
    *demographics.RULES,
    *poa.RULES,
    *queries.RULES,
    *healing.RULES,
)
IDS: Final[frozenset[str]] = frozenset(rule.id for rule in RULES)


def selected(
    off: Collection[str], on: Collection[str], off_by_default: Collection[str] = ()
) -> tuple[Rule, ...]:
    """Return the rules that run: all but those left out by default and not asked for, and those left out."""
    return tuple(
        rule for rule in RULES if rule.id not in off and (rule.id not in off_by_default or rule.id in on)
    )
