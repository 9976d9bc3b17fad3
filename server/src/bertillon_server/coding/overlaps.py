"""Which of several readings of the same words stays: a term, a phrase, or what the encoder tags."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence

from bertillon_server.coding.confidence import Tagging
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.results import Mention
from bertillon_server.coding.spans import Span


class _Disjoint:
    """Spans of which no two overlap, in order; tells in logarithmic time what a span meets."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans = sorted(spans)

    def meeting(self, span: Span) -> Sequence[Span]:
        """Return the spans that share a code point with a span."""
        first = bisect_right(self._spans, span.start, key=lambda other: other.end)
        return self._spans[first : bisect_left(self._spans, span.end, key=lambda other: other.start)]

    def add(self, span: Span) -> None:
        """Add a span that meets none."""
        insort(self._spans, span)


def without_overlaps(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """Return mentions that do not overlap, in the order of the text: the more confident one stays.

    Two at the same words are one mention that has two codes.
    """
    kept: list[Mention] = []
    taken = _Disjoint()
    for mention in sorted(mentions, key=lambda m: (-m.confidence, m.span.start - m.span.end, m.span)):
        met = taken.meeting(mention.span)
        if not met:
            taken.add(mention.span)
        if all(other == mention.span for other in met):
            kept.append(mention)
    return tuple(sorted(kept, key=lambda m: m.span))


class Tags:
    """The mentions that the encoder tags in a section; no two overlap."""

    def __init__(self, named: Sequence[Found]) -> None:
        self._spans = _Disjoint({found.span for found in named})

    def of(self, found: Found) -> Tagging:
        """Say how the tags stand to a mention."""
        met = self._spans.meeting(found.span)
        if found.span in met:
            return Tagging.EXACT
        if any(other.contains(found.span) for other in met):
            return Tagging.WITHIN
        return Tagging.PARTIAL if met else Tagging.NONE
