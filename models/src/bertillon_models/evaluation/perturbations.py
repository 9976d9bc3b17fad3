"""Notes with one thing made wrong: what an audit has to find, and nothing beside it.

Of each annotated note, with the codes that its author gives the encounter:
- *missed*: one code is left out;
- *sibling*, *side*, *negated*, *family*: one wrong code is added: another code of a category that is coded, the other
  side of one, a condition that the note denies, a condition of a relative;
- *specificity*: one code is replaced by the less specific one of its category;
- *conflict*: a code is added that an Excludes1 note keeps apart from one that is there;
- *query*: the words for an axis of one code are taken out of the text, and the code becomes the less specific one,
  which leaves the axis open ("unspecified").

What is drawn depends on the id of the note alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bertillon_models.corpus import Annotation, CorpusNote
from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.relations import SIDES, Relation, added, relation
from bertillon_server.catalog.codes import NoteKind
from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.targets import read_targets
from bertillon_server.coding.axes import axis_of, read_title
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import Assertion
from bertillon_server.coding.words import words_of

# Partners of an Excludes1 note that are looked at for one code.
_MOST_PARTNERS = 40


class Wrong(StrEnum):
    """What was made wrong."""

    MISSED = "missed"
    SIBLING = "sibling"
    SIDE = "side"
    NEGATED = "negated"
    FAMILY = "family"
    SPECIFICITY = "specificity"
    CONFLICT = "conflict"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Perturbed:
    """A note and codes with one thing wrong: about `target`; `right` is the code that belongs in its place."""

    wrong: Wrong
    text: str
    codes: tuple[str, ...]
    target: str
    right: str = ""


class Perturber:
    """Makes notes wrong with the codes of one release."""

    def __init__(self, catalog: Catalog, book: CodeBook) -> None:
        self._catalog = catalog
        self._book = book

    def all(self, note: CorpusNote) -> Iterator[Perturbed]:
        """Yield each thing that can be made wrong with a note."""
        codes = tuple(sorted(note.coded().codes))
        makers: tuple[Callable[[CorpusNote, tuple[str, ...], random.Random], Perturbed | None], ...] = (
            self._missed,
            self._sibling,
            self._side,
            self._negated,
            self._family,
            self._less_specific,
            self._conflict,
            self._blanked,
        )
        for make in makers:
            made = make(note, codes, random.Random(f"{note.fields['note']} {make.__name__}"))
            if made is not None:
                yield made

    def _missed(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        if not codes:
            return None
        gone = draw.choice(codes)
        return Perturbed(Wrong.MISSED, note.text, tuple(code for code in codes if code != gone), gone)

    def _sibling(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        named = {annotation.code for annotation in note.annotations}
        for ref in self._shuffled(codes, draw):
            leaves = self._book.table.leaves(ref.code[:3])
            siblings = [
                code
                for code in leaves
                if code not in named
                and self._relation(ref, code) is Relation.SIBLING
                and code[:5] != ref.code[:5]
            ]
            if siblings:
                return self._added(Wrong.SIBLING, note, codes, draw.choice(siblings))
        return None

    def _side(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        named = {annotation.code for annotation in note.annotations}
        for ref in self._shuffled(codes, draw):
            others = [
                code
                for code in self._book.table.leaves(ref.code[:3])
                if code not in named
                and self._relation(ref, code) is Relation.OTHER_SIDE
                and "bilateral" not in read_title(self._book.table.title(code)).asserts
                and "bilateral" not in read_title(ref.title).asserts
            ]
            if others:
                return self._added(Wrong.SIDE, note, codes, draw.choice(others))
        return None

    def _negated(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        return self._asserted(Wrong.NEGATED, Assertion.NEGATED, note, codes, draw)

    def _family(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        return self._asserted(Wrong.FAMILY, Assertion.FAMILY, note, codes, draw)

    def _asserted(
        self,
        wrong: Wrong,
        assertion: Assertion,
        note: CorpusNote,
        codes: tuple[str, ...],
        draw: random.Random,
    ) -> Perturbed | None:
        """Add the code of a condition that is asserted in one way and in no other."""
        elsewhere = {item.code[:3] for item in note.annotations if item.assertion is not assertion}
        only = sorted(
            {
                item.code
                for item in note.annotations
                # A history code stands for just what the note says of a relative.
                if item.assertion is assertion and item.code[:3] not in elsewhere and item.code[0] != "Z"
            }
        )
        return self._added(wrong, note, codes, draw.choice(only)) if only else None

    def _less_specific(
        self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random
    ) -> Perturbed | None:
        for ref in self._shuffled(codes, draw):
            less = self._less(ref)
            if less is not None and less.code not in codes:
                rest = tuple(code for code in codes if code != ref.code)
                return Perturbed(Wrong.SPECIFICITY, note.text, (*rest, less.code), less.code, ref.code)
        return None

    def _conflict(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        for ref in self._shuffled(codes, draw):
            partners = [code for code in self._partners(ref.code) if code not in codes]
            if partners:
                return self._added(Wrong.CONFLICT, note, codes, draw.choice(partners))
        return None

    def _blanked(self, note: CorpusNote, codes: tuple[str, ...], draw: random.Random) -> Perturbed | None:
        for ref in self._shuffled(codes, draw):
            less = self._less(ref)
            # Where the code that remains leaves nothing open ("without bleeding"), nothing is to be asked.
            if less is None or less.code in codes or not read_title(less.title).open:
                continue
            axes = {form for form in added(less, ref) if axis_of(form) is not None}
            text = _without(note, ref.code, axes)
            if text != note.text:
                rest = tuple(code for code in codes if code != ref.code)
                return Perturbed(Wrong.QUERY, text, (*rest, less.code), less.code, ref.code)
        return None

    def _less(self, ref: CodeRef) -> CodeRef | None:
        """Return the billable code of the category that says the same but for values of axes; the nearest one."""
        found = []
        for code in self._book.table.leaves(ref.code[:3]):
            other = self._book.ref(code)
            if other is None or relation(ref, other) is not Relation.LESS:
                continue
            lost = added(other, ref)
            if lost and all(axis_of(form) is not None for form in lost):
                same = read_title(other.title).encounter == read_title(ref.title).encounter
                found.append((not same, len(lost), other))
        return min(found, key=lambda item: (*item[:2], item[2].code))[2] if found else None

    def _partners(self, code: str) -> list[str]:
        """Return billable codes that an Excludes1 note above a code prints, and that it does keep apart from it."""
        book = self._book
        partners: list[str] = []
        for note in self._catalog.notes(book.system, book.version, code):
            if note.kind is not NoteKind.EXCLUDES1:
                continue
            for target in read_targets(note.text):
                if target.first in book.table:
                    leaves = book.table.leaves(target.first)
                    partners += [leaf for leaf in leaves[:_MOST_PARTNERS] if book.excludes1(code, leaf)]
        return partners

    def _relation(self, ref: CodeRef, code: str) -> Relation:
        other = self._book.ref(code)
        return Relation.UNRELATED if other is None else relation(ref, other)

    def _shuffled(self, codes: Sequence[str], draw: random.Random) -> list[CodeRef]:
        refs = list(self._book.refs(codes))
        draw.shuffle(refs)
        return refs

    @staticmethod
    def _added(wrong: Wrong, note: CorpusNote, codes: tuple[str, ...], code: str) -> Perturbed:
        return Perturbed(wrong, note.text, (*codes, code), code)


def _without(note: CorpusNote, code: str, forms: set[str]) -> str:
    """Return a note's text without the words for some forms: sides everywhere, others where the condition is named.

    The text as it is when no word of the condition states them.
    """
    own = [item for item in note.annotations if item.code == code and not item.reason]
    gone = [span for item in own for span in _places(note.text, item, forms)]
    if not gone:
        return note.text
    related = [item for item in note.annotations if item.code[:3] == code[:3]]
    gone += [span for item in related for span in _places(note.text, item, forms)]
    if forms & SIDES:
        words = words_of(note.text)
        starts, ends = words.starts.tolist(), words.ends.tolist()
        gone += [
            (start, end)
            for form, start, end in zip(words.forms, starts, ends, strict=True)
            if form in forms & SIDES
        ]
    text = note.text
    for start, end in sorted(set(gone), reverse=True):
        tail = re.match(r"[-\s]*", text[end:])
        text = text[:start] + text[end + (tail.end() if tail and "\n" not in tail.group() else 0) :]
    return text


def _places(text: str, item: Annotation, forms: set[str]) -> list[tuple[int, int]]:
    """Return the words of a mention, and of what follows it closely, that stand for one of the forms."""
    start = item.span.start
    words = words_of(item.span.of(text))
    return [
        (start + int(low), start + int(high))
        for form, low, high in zip(words.forms, words.starts.tolist(), words.ends.tolist(), strict=True)
        if form in forms
    ]
