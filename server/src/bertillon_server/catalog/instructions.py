"""Answers what the notes of one release say of a code beside others: Excludes1, code first, use additional.

What the notes print was resolved when the catalog was compiled (`relations` says how it is read, and what is
left out because guidelines I.A.12.a would exempt it). Here a note applies to the code it is stated at and to
everything below, and to a printed code and everything below that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from bertillon_server.catalog.codes import CodeRange, Excludes1Rule, NoteKind, SequencingNote
from bertillon_server.catalog.table import CodeTable

TargetRow = tuple[int, int, str, str, str | None, str | None, str | None, str | None]
_Span = tuple[int, int]


class Instructions:
    """The relations of one release, in memory; immutable and safe to share between threads.

    `rows` are note id, position, kind, text and, for each range printed, first, last, condition and the
    positions it stands for (`12-20 31-32`); all None for a note that prints none. Ordered by note.
    """

    def __init__(self, table: CodeTable, rows: Iterable[TargetRow]) -> None:
        self._table = table
        self._notes: dict[NoteKind, dict[int, list[SequencingNote]]] = {}
        parsed: dict[str | None, tuple[_Span, ...]] = {None: ()}  # a hundred notes print T36-T50 alike
        for _, group in groupby(rows, key=itemgetter(0)):
            targets = list(group)
            _, position, kind, text, *_ = targets[0]
            ranges: list[CodeRange] = []
            spans: tuple[_Span, ...] = ()
            for *_, first, last, condition, printed in targets:
                if first is not None and last is not None:
                    ranges.append(CodeRange(first, last, condition))
                if printed not in parsed:
                    parsed[printed] = _spans(printed)
                spans = spans + parsed[printed] if spans else parsed[printed]
            note = SequencingNote(table.codes[position], text, tuple(ranges), spans)
            self._notes.setdefault(NoteKind(kind), {}).setdefault(position, []).append(note)
        # Of each code that is asked for, by position: a note asks for each of its codes beside each other.
        self._excludes1 = lru_cache(maxsize=4_096)(self._read_excludes1)

    def excludes1(self, one: str, other: str) -> Excludes1Rule | None:
        """Return why two codes exclude each other, None when no note says so.

        A note binds both ways ("should never be used at the same time"), whichever of the two it is stated
        at. None for a code beside itself, an ancestor or a descendant; None where the note stands above both,
        for it then parts the codes below it and excludes none; None for a code that the release has not.
        """
        first, second = self._table.find(one), self._table.find(other)
        if first is None or second is None or self._table.related(first, second):
            return None
        return self._stated(first, second) or self._stated(second, first)

    def sequencing(self, kind: NoteKind, code: str) -> tuple[SequencingNote, ...]:
        """Return the notes of a kind that apply to a code, those stated nearest first."""
        position = self._table.find(code)
        if position is None:
            return ()
        notes = self._notes.get(kind, {})
        return tuple(note for at in self._upwards(position) for note in notes.get(at, ()))

    def _stated(self, code: int, excluded: int) -> Excludes1Rule | None:
        for at, notes in self._excludes1(code):
            # Where it is, all that stand above are too: it is enough to look where notes are.
            if self._table.related(at, excluded):
                return None
            for note in notes:
                if note.names(excluded):
                    codes = self._table.codes
                    return Excludes1Rule(note.stated_at, note.text, codes[code], codes[excluded])
        return None

    def _read_excludes1(self, position: int) -> list[tuple[int, list[SequencingNote]]]:
        """Return the Excludes1 notes that apply to a code with the positions they stand at, those nearest first."""
        notes = self._notes.get(NoteKind.EXCLUDES1, {})
        return [(at, notes[at]) for at in self._upwards(position) if at in notes]

    def _upwards(self, position: int) -> list[int]:
        return [position, *self._table.ancestors(position)]


def _spans(text: str | None) -> tuple[_Span, ...]:
    pairs = (pair.split("-") for pair in (text or "").split())
    return tuple((int(low), int(high)) for low, high in pairs)
