"""The project's own corpus, part by part, and what training has seen of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bertillon_models.corpus import CorpusNote, read_corpus
from bertillon_models.evaluation.rows import Rejects
from bertillon_models.mention_lines import MentionLine, read_mention_lines
from bertillon_models.splits import Split, code_is_held_out, fragment_split, note_split
from bertillon_server.coding.words import words_of


class Part(StrEnum):
    """Which notes and fragments are scored; see `splits`.

    Of notes, the part `code` is every note with a code that was held out, scored on such codes alone.
    """

    DEV = "dev"
    SPECIALTY = "specialty"
    CODE = "code"
    TRAIN = "train"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Training:
    """How often training has seen each code, and the forms in which it has seen mentions."""

    codes: Counter[str]
    surfaces: frozenset[tuple[str, ...]]


class _AnyCode(Collection[str]):
    """Holds every code: what is not billable is counted and reported, not refused."""

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class CorpusParts:
    """All notes and fragments of a folder."""

    def __init__(self, folder: Path, rejects: Rejects) -> None:
        self._notes = [
            note for path in sorted(folder.glob("*.txt")) for note in read_corpus(path, _AnyCode(), rejects)
        ]
        self._lines = [
            line
            for path in sorted((folder / "mentions").glob("*.txt"))
            for line in read_mention_lines(path, _AnyCode(), rejects)
        ]

    def notes(self, part: Part) -> list[CorpusNote]:
        """Return the notes of a part, in the order of the files."""
        if part is Part.ALL:
            return self._notes
        if part is Part.CODE:
            return [note for note in self._notes if any(map(code_is_held_out, note.coded().codes))]
        return [note for note in self._notes if _split(note).value == part.value]

    def lines(self, part: Part) -> list[MentionLine]:
        """Return the fragments of a part, in the order of the files; none belong to a specialty."""
        if part is Part.ALL:
            return self._lines
        return [line for line in self._lines if _line_split(line).value == part.value]

    def training(self) -> Training:
        """Return what training links to codes: mentions of its notes and fragments, without the held-out codes."""
        seen = [
            (annotation.span.of(note.text), annotation.code)
            for note in self.notes(Part.TRAIN)
            for annotation in note.annotations
            if not code_is_held_out(annotation.code)
        ]
        seen += [
            (span.of(line.text), code) for line in self.lines(Part.TRAIN) for span, code in line.mentions
        ]
        return Training(Counter(code for _, code in seen), frozenset(surface(words) for words, _ in seen))


def surface(mention: str) -> tuple[str, ...]:
    """Return the canonical forms of a mention's words, those that no term counts left out."""
    words = words_of(mention)
    return tuple(form for form, counted in zip(words.forms, words.full != 0, strict=True) if counted)


def _split(note: CorpusNote) -> Split:
    return note_split(note.fields["note"], note.fields.get("specialty", ""))


def _line_split(line: MentionLine) -> Split:
    return fragment_split(line.text, [code for _, code in line.mentions])
