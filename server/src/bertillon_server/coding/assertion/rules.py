"""The entry: judges the mentions of one sentence.

Where several cues reach a mention, one assertion is returned, in this order:

1. NEGATED: it holds for nobody in question. It goes before FAMILY, since a denied family history must not become
   a family-history code ("no family history of colon cancer").
2. FAMILY and OTHER_PERSON: it is not about the patient, whatever else is said of it.
3. HYPOTHETICAL: it has not happened.
4. HISTORICAL: it has, but earlier ("possible history of TIA" is history).
5. POSSIBLE, and else PRESENT.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from bertillon_server.coding.assertion import (
    boundaries,
    experiencer,
    history,
    hypothesis,
    negation,
    removal,
    signs,
    uncertainty,
)
from bertillon_server.coding.assertion.cues import Direction
from bertillon_server.coding.assertion.lexicon import Lexicon, Match
from bertillon_server.coding.assertion.scope import Item, reach
from bertillon_server.coding.assertion.tokens import Tokens
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind

_PRIORITY = (
    Assertion.NEGATED,
    Assertion.FAMILY,
    Assertion.OTHER_PERSON,
    Assertion.HYPOTHETICAL,
    Assertion.HISTORICAL,
    Assertion.POSSIBLE,
)
# Words of negation and doubt that names of conditions hold: "absent kidney", "lack of housing", "non-compliance".
_NAMING = frozenset(
    "absent absence lack devoid free non nonreactive negative neg none apparent potential consider borderline "
    "may can could possible".split()
)
# What a section says of everything in it that the text does not assert otherwise. A past *medical* history lists
# chronic diseases that the patient still has, so its mentions stay present.
_SECTION_DEFAULTS = {
    SectionKind.FAMILY_HISTORY: Assertion.FAMILY,
    SectionKind.PAST_SURGICAL_HISTORY: Assertion.HISTORICAL,
    SectionKind.IMMUNIZATIONS: Assertion.HYPOTHETICAL,
}


class Judgement(NamedTuple):
    """How a mention is asserted, and the words that say so (code points of the text).

    `cue` is None where nothing in the sentence says so: a present mention, or one judged by its section.
    """

    assertion: Assertion
    cue: Span | None


_PRESENT = Judgement(Assertion.PRESENT, None)


class AssertionRules:
    """Rules of assertion with scope and termination. Immutable once built; safe to share between threads."""

    def __init__(self) -> None:
        # Where two tables hold the same phrase the earlier one counts.
        self._lexicon = Lexicon(
            (
                *negation.TABLES,
                *hypothesis.TABLES,
                *history.TABLES,
                *experiencer.TABLES,
                *uncertainty.TABLES,
                *boundaries.TABLES,
            )
        )

    def cues(self, tokens: Tokens) -> list[Span]:
        """Return the words of a sentence that assert what stands beside them, and are no part of its name.

        Not among them are words that names begin with, such as "absence of", "history of" and "screening for".
        """
        return [
            Span(tokens.starts[match.start], tokens.ends[match.end - 1])
            for match in self._lexicon.find(tokens, frozenset())
            if _only_asserts(tokens, match)
        ]

    def judge(self, tokens: Tokens, mentions: Sequence[Span], section: SectionKind) -> list[Judgement]:
        """Judge the mentions of a sentence, in their order. Linear in the sentence and the mentions.

        `tokens` are the sentence's; spans are in code points of its text. A mention's own words are no cues for it.
        A mention outside the sentence is judged by its section alone.
        """
        if not mentions:
            return []
        items = [_item(tokens, mention) for mention in mentions]
        edges = frozenset(edge for item in items for edge in item)
        matches = self._lexicon.find(tokens, edges)
        signed = signs.denied(tokens, items, section)
        removed = removal.removed(tokens, items)
        reached = reach(tokens, matches, items)
        default = _SECTION_DEFAULTS.get(section)
        return [
            Judgement(Assertion.NEGATED, signed[number])
            if number in signed
            else _decide(tokens, cues, default, removed.get(number))
            for number, cues in enumerate(reached)
        ]


def _only_asserts(tokens: Tokens, match: Match) -> bool:
    assertion, direction = match.cue.assertion, match.cue.direction
    if assertion in (Assertion.NEGATED, Assertion.POSSIBLE):
        return _NAMING.isdisjoint(tokens.keys[match.start : match.end])
    return assertion is Assertion.HISTORICAL and direction in (Direction.BACKWARD, Direction.BOTH)


def _item(tokens: Tokens, mention: Span) -> Item:
    start = bisect_right(tokens.ends, mention.start)
    return Item(start, max(start, bisect_left(tokens.starts, mention.end)))


def _decide(
    tokens: Tokens, cues: Sequence[Match], default: Assertion | None, removed: Span | None
) -> Judgement:
    current = any(match.cue.current for match in cues)
    judged = _by_cues(tokens, cues, default, current=current)
    if removed is not None and not current and judged.assertion in (Assertion.PRESENT, Assertion.POSSIBLE):
        return Judgement(Assertion.HISTORICAL, removed)
    return judged


def _by_cues(tokens: Tokens, cues: Sequence[Match], default: Assertion | None, *, current: bool) -> Judgement:
    if not cues:
        return _PRESENT if default is None else Judgement(default, None)
    by_assertion: dict[Assertion, Match] = {}
    for match in cues:
        assertion = match.cue.assertion
        if assertion is not None and not (match.cue.soft and current):
            by_assertion.setdefault(assertion, match)
    for assertion in _PRIORITY:
        if (found := by_assertion.get(assertion)) is not None:
            return Judgement(assertion, Span(tokens.starts[found.start], tokens.ends[found.end - 1]))
        if assertion is default:
            return Judgement(assertion, None)
    return _PRESENT
