"""Resolves the codes that notes print to positions of a release, once, when the catalog is compiled.

Excludes1 notes are read conservatively, since guidelines I.A.12.a exempts two conditions that are unrelated,
and a conflict wrongly reported would take a right code off a claim. No rule is made
- from a note that prints no codes ("code to injury");
- from a range that reaches over several chapters (T88.7 names A00-R94): it stands for "anything specified";
- where a note of the form "X in Y", "X due to Y", "X with Y" prints whole categories of Y, for those codes
  that do not speak of X themselves. R40 excludes "somnolence, stupor and coma in diabetes (E08-E13)": E11.641,
  hypoglycemia with coma, conflicts with a coma code; E11.9 does not. A subcategory or code printed in such a
  note is taken at its word, for somebody chose it for just that combination. A code speaks of X when a word
  of X, cut to its stem, is in its title or terms or in those of its ancestors up to the block.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bertillon_server.catalog.codes import CodeKind, CodeRange, NoteKind, key_of
from bertillon_server.catalog.listing import ListedEntry, ListedNote, subtree_ends
from bertillon_server.catalog.targets import condition_test, read_targets

Span = tuple[int, int]

_LINKED = re.compile(
    r"^(?P<subject>.+?)\s*[\s(](?:in|due\s+to|with|complicating|following|associated\s+with|resulting\s+from"
    r"|caused\s+by|secondary\s+to|involving|during)\b"
)
_STEM_LENGTH = 5  # characters; joins hypertension and hypertensive, keeps hypotension apart
_LEAST_WORD = 4  # characters; shorter words are articles and prepositions
_GENERIC = frozenset(
    "acute chronic other specified unspecified disease disorder condition syndrome complication current"
    " certain type types site sites classified elsewhere without with from that".split()
)
_GENERIC_STEMS = frozenset(word[:_STEM_LENGTH] for word in _GENERIC)
_TERM_KINDS = frozenset({NoteKind.INCLUSION_TERM, NoteKind.INCLUDES})


@dataclass(frozen=True, slots=True)
class Target:
    """A printed range and the half-open ranges of positions it stands for; empty when it makes no rule."""

    printed: CodeRange
    spans: tuple[Span, ...]


class Resolver:
    """Turns notes of one release into targets."""

    def __init__(self, entries: Sequence[ListedEntry]) -> None:
        self._entries = entries
        self._ends = subtree_ends(entries)
        coded = [
            position
            for position, entry in enumerate(entries)
            if entry.kind not in {CodeKind.CHAPTER, CodeKind.BLOCK}
        ]
        self._keys = {key_of(entries[position].code): position for position in coded}
        self._sorted = sorted(self._keys)
        self._chapters = [
            position for position, entry in enumerate(entries) if entry.kind is CodeKind.CHAPTER
        ]
        self._stems: dict[int, frozenset[str]] = {}

    def targets(self, note: ListedNote) -> tuple[Target, ...]:
        """Return what a note prints, resolved; Excludes1 as the module says."""
        resolved = []
        for printed in read_targets(note.text):
            span = self._span(printed)
            spans = self._narrowed(span, printed) if span is not None else ()
            if note.kind is NoteKind.EXCLUDES1:
                spans = self._excludable(note, printed, spans)
            resolved.append(Target(printed, spans))
        return tuple(resolved)

    def _span(self, printed: CodeRange) -> Span | None:
        low = self._start(key_of(printed.first))
        high = self._end(key_of(printed.last))
        return (low, high) if low is not None and high is not None and low < high else None

    def _start(self, key: str) -> int | None:
        """Return the position of a code, or of the first one after it that the release still has."""
        if key in self._keys:
            return self._keys[key]
        index = bisect_left(self._sorted, key)
        return self._keys[self._sorted[index]] if index < len(self._sorted) else None

    def _end(self, key: str) -> int | None:
        if key in self._keys:
            return self._ends[self._keys[key]]
        index = bisect_left(self._sorted, key + "~")  # after every continuation of the key
        return self._ends[self._keys[self._sorted[index - 1]]] if index else None

    def _narrowed(self, span: Span, printed: CodeRange) -> tuple[Span, ...]:
        if printed.condition is None:
            return (span,)
        test = condition_test(printed.condition)
        return merged(
            position
            for position in range(*span)
            if test(key_of(self._entries[position].code), self._entries[position].title)
        )

    def _excludable(self, note: ListedNote, printed: CodeRange, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        if not spans or self._chapter(spans[0][0]) != self._chapter(spans[-1][1] - 1):
            return ()
        whole_categories = printed.condition is None and "." not in printed.first + printed.last
        subject = self._subject(note)
        if not whole_categories or subject is None:
            return spans
        return merged(
            position for span in spans for position in range(*span) if subject & self._vocabulary(position)
        )

    def _chapter(self, position: int) -> int:
        return bisect_left(self._chapters, position + 1)

    def _subject(self, note: ListedNote) -> frozenset[str] | None:
        """Return the stems of X in "X in Y", from the note or the heading above it; None for other notes."""
        for text in (note.text, note.heading):
            match = _LINKED.match(text) if text is not None else None
            if match is not None:
                return _stems_of(match["subject"])
        return None

    def _vocabulary(self, position: int) -> frozenset[str]:
        """Return the stems of the title and terms of an entry and of its ancestors up to the block."""
        known = self._stems.get(position)
        if known is not None:
            return known
        entry = self._entries[position]
        terms = [note.text for note in entry.notes if note.kind in _TERM_KINDS]
        stems = _stems_of(" ".join([entry.title, *terms]))
        if entry.parent is not None and entry.kind is not CodeKind.BLOCK:
            stems |= self._vocabulary(entry.parent)
        self._stems[position] = stems
        return stems


def merged(positions: Iterable[int]) -> tuple[Span, ...]:
    """Return ascending positions as half-open ranges."""
    spans: list[Span] = []
    for position in positions:
        if spans and spans[-1][1] == position:
            spans[-1] = (spans[-1][0], position + 1)
        else:
            spans.append((position, position + 1))
    return tuple(spans)


def _stems_of(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]+", text.lower())
    return frozenset(word[:_STEM_LENGTH] for word in words if len(word) >= _LEAST_WORD) - _GENERIC_STEMS
