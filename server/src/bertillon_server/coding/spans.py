"""Half-open ranges of a text, in code points."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """The half-open range `[start, end)` of a text, in code points."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the part of the text at the span."""
        return text[self.start : self.end]

    def contains(self, other: Span) -> bool:
        """Whether the other span lies within this one."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        """Whether the spans share a code point."""
        return self.start < other.end and other.start < self.end

    def shifted(self, by: int) -> Span:
        """Return the span moved by a number of code points."""
        return Span(self.start + by, self.end + by)
