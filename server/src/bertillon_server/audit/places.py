"""Where the notes speak of what a code stands for, whatever coding made of the words.

Coding looks for what a note says. An audit may also look for what a code says: words of its title, of its inclusion
terms, or any term of its category, in each piece of the notes. That finds what coding did not link, in sections where
no codes are expected too. A place is weak evidence for a code and good evidence against it: a condition whose every
place is denied is not supported, and a side that no place states is not documented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.values import AuditedText, Evidence
from bertillon_server.coding.assertion import AssertionRules, tokenize
from bertillon_server.coding.axes import DEFAULTS, UNSAID, axis_of, read_title
from bertillon_server.coding.results import CodeRef, Section
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.vocabulary import Assertion, SectionKind
from bertillon_server.coding.words import Words, words_of

# Least share of a wording, weighted by how rare its words are in titles, that a piece of a note has to say. Chosen,
# like the next two, on the notes of the dev split.
_LEAST = 0.5
# The same of a place that is faint: worth a look before it is said that nothing speaks of a code.
_LEAST_FAINT = 0.3
# Places that are less like the code than this share of the best one are about something else.
_NEAR_BEST = 0.8
# Places of a code that are judged, the likest first: what bounds the work on text that repeats itself without end.
_MOST_PLACES = 64
# A term of the code itself, and of another code of its category.
_SAME_CODE, _SAME_CATEGORY = 1.0, 0.9
# A word that more of the titles hold does not name a condition alone ("disease", "other").
_COMMON = 0.01
_RULES = AssertionRules()


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of a note, or what stands between its semicolons."""

    note: int
    span: Span
    section: SectionKind
    forms: tuple[str, ...] = field(repr=False)
    """The canonical forms of its words."""
    first: int
    """The number of its first word in its note."""


@dataclass(frozen=True, slots=True)
class Place:
    """Words that name what a code stands for, in part at least; `likeness` in (0, 1] tells how much of it."""

    piece: Piece
    span: Span
    likeness: float
    assertion: Assertion

    @property
    def evidence(self) -> Evidence:
        """Where it stands."""
        return Evidence(self.piece.note, self.span, self.piece.span, self.assertion)

    @property
    def is_present(self) -> bool:
        """Whether the patient has it, or may have it."""
        return self.assertion in (Assertion.PRESENT, Assertion.POSSIBLE)


class Finder:
    """Finds places in the notes of one encounter; computes what it is asked for, once."""

    def __init__(
        self,
        book: CodeBook,
        terms: TermIndex | None,
        texts: Sequence[AuditedText],
        sections: Sequence[tuple[int, Section]],
    ) -> None:
        self._book = book
        self._terms = terms
        self._texts = texts
        self._sections = sections
        self._found: dict[tuple[str, bool], tuple[Place, ...]] = {}

    def places(self, ref: CodeRef, *, faint: bool = False) -> tuple[Place, ...]:
        """Return where the notes speak of a code, the likest first; those much less like it are left out.

        With `faint`, places that say little of it are places too.
        """
        found = self._found.get((ref.code, faint))
        if found is None:
            candidates = [
                *self._by_terms(ref),
                *self._by_title(ref, _LEAST_FAINT if faint else _LEAST),
            ]
            best = max((likeness for _, _, likeness in candidates), default=0.0)
            kept = {
                (piece.note, span): (piece, span, likeness)
                for piece, span, likeness in sorted(candidates, key=lambda item: item[2])
                if likeness >= _NEAR_BEST * best
            }
            found = tuple(
                Place(piece, span, likeness, self._asserted(piece, span))
                for piece, span, likeness in sorted(kept.values(), key=lambda item: -item[2])[:_MOST_PLACES]
            )
            self._found[ref.code, faint] = found
        return found

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """All notes in pieces, in order."""
        return tuple(self._cut())

    @cached_property
    def _words(self) -> tuple[Words, ...]:
        return tuple(words_of(text.text) for text in self._texts)

    def _cut(self) -> Iterator[Piece]:
        for note, section in self._sections:
            text = self._texts[note].text
            starts = self._words[note].starts
            for sentence in split_sentences(text, section.span):
                start = sentence.start
                for part in text[sentence.start : sentence.end].split(";"):
                    span = Span(start, start + len(part))
                    first, last = np.searchsorted(starts, (span.start, span.end)).tolist()
                    if first < last:
                        yield Piece(note, span, section.kind, self._words[note].forms[first:last], first)
                    start = span.end + 1

    def _by_title(self, ref: CodeRef, least: float) -> Iterator[tuple[Piece, Span, float]]:
        wordings = [wording for wording in self._wordings(ref) if wording]
        every = frozenset().union(*wordings)
        for piece in self.pieces:
            said = every.intersection(piece.forms)
            if not said:
                continue
            likeness = max(self._share(wording & said, wording) for wording in wordings)
            anchor = max(said, key=lambda form: (self._book.rarity(form), form))
            if likeness >= least and self._book.rarity(anchor) >= _rare():
                at = piece.first + piece.forms.index(anchor)
                words = self._words[piece.note]
                yield piece, Span(int(words.starts[at]), int(words.ends[at])), likeness

    def _wordings(self, ref: CodeRef) -> Iterator[frozenset[str]]:
        for text in (ref.title, *self._book.terms(ref.code)):
            title = read_title(text)
            yield frozenset(
                form
                for form in title.asserts | title.either
                if axis_of(form) is None and form not in UNSAID and form not in DEFAULTS
            )

    def _share(self, said: frozenset[str], wording: frozenset[str]) -> float:
        whole = sum(self._book.rarity(form) for form in wording)
        return sum(self._book.rarity(form) for form in said) / whole if whole else 0.0

    def _by_terms(self, ref: CodeRef) -> Iterator[tuple[Piece, Span, float]]:
        for piece, span, code in self._matches.get(ref.code[:3], ()):
            yield piece, span, _SAME_CODE if code == ref.code else _SAME_CATEGORY

    @cached_property
    def _matches(self) -> dict[str, list[tuple[Piece, Span, str]]]:
        """The terms of the index in all pieces, by category."""
        found: dict[str, list[tuple[Piece, Span, str]]] = {}
        if self._terms is None:
            return found
        for note, words in enumerate(self._words):
            pieces = [piece for piece in self.pieces if piece.note == note]
            # Words outside all pieces have a number that no piece has.
            numbers = np.full(len(words.forms), len(pieces), np.int32)
            for number, piece in enumerate(pieces):
                numbers[piece.first : piece.first + len(piece.forms)] = number
            for match in self._terms.matches(words, numbers):
                number = int(numbers[match.first])
                if number == len(pieces):
                    continue
                span = Span(int(words.starts[match.first]), int(words.ends[match.last - 1]))
                for code, _, _ in self._terms.targets(match):
                    found.setdefault(code[:3], []).append((pieces[number], span, code))
        return found

    def _asserted(self, piece: Piece, span: Span) -> Assertion:
        tokens = tokenize(self._texts[piece.note].text, piece.span)
        return _RULES.judge(tokens, [span], piece.section)[0].assertion


def _rare() -> float:
    return -float(np.log(_COMMON))
