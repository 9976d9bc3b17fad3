"""Reads the notes that we wrote, with every mention annotated in place.

A file holds notes one after another. A note begins with a line of fields,
`=== note: fm-001 | specialty: family medicine | type: progress note | setting: outpatient | date: 2026-05-11`,
and its text carries annotations `{{words as written|code|assertion|codeable}}`, where codeable is `y` or
`n:reason`. The text of the note is what is left when the annotations give way to their words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertillon_models.evaluation.note_sets import CodedNote, DataError
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, Setting

# Every third note is held back from fitting weights.
_HELD_BACK = 3
_HEADER = "=== note:"
_ANNOTATION = re.compile(r"\{\{([^{}|]+)\|([^{}|]+)\|([^{}|]+)\|([^{}|]+)\}\}")
_ASSERTIONS = {name.lower(): Assertion[name] for name in Assertion.__members__} | {
    "other": Assertion.OTHER_PERSON
}


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mention as its author reads it; `reason` says why it is not codeable, empty when it is."""

    span: Span
    code: str
    assertion: Assertion
    reason: str


@dataclass(frozen=True, slots=True)
class CorpusNote:
    """A note with its annotations; `fields` are those of its first line."""

    fields: dict[str, str]
    text: str
    annotations: tuple[Annotation, ...]

    def coded(self) -> CodedNote:
        """Return the note with the codes of its encounter."""
        codes = frozenset(annotation.code for annotation in self.annotations if not annotation.reason)
        setting = Setting[self.fields.get("setting", "outpatient").upper()]
        return CodedNote(self.fields["note"], self.text, codes, setting)


def read_corpus(path: Path, billable: Collection[str]) -> Iterator[CorpusNote]:
    """Yield the notes of a file; a DataError names the file, the line and what is wrong there."""
    lines = path.read_text(encoding="utf-8").split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(_HEADER)]
    if not starts:
        raise DataError(f"{path}: no line begins with {_HEADER!r}")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        fields = _fields(lines[start], f"{path}, line {start + 1}")
        yield _note(fields, lines[start + 1 : end], f"{path}, line {start + 1}", billable)


def corpus_notes(folder: Path, billable: Collection[str]) -> list[CodedNote]:
    """Return all notes of a folder with the codes of their encounters, in the order of the files."""
    return [note.coded() for path in sorted(folder.glob("*.txt")) for note in read_corpus(path, billable)]


def fitting_part(notes: Sequence[CodedNote]) -> list[CodedNote]:
    """Return the notes that fit weights; the others choose thresholds and are reported."""
    return [note for number, note in enumerate(notes) if number % _HELD_BACK]


def _fields(line: str, where: str) -> dict[str, str]:
    pairs = [part.split(":", 1) for part in line.removeprefix("===").split("|")]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(f"{where}: fields are written `name: value` and parted by |")
    fields = {name.strip(): value.strip() for name, value in pairs}
    if fields.get("setting", "outpatient").upper() not in Setting.__members__:
        raise DataError(f"{where}: setting is outpatient or inpatient")
    return fields


def _note(fields: dict[str, str], lines: list[str], where: str, billable: Collection[str]) -> CorpusNote:
    marked = "\n".join(lines).strip("\n") + "\n"
    text: list[str] = []
    annotations: list[Annotation] = []
    length = done = 0
    for match in _ANNOTATION.finditer(marked):
        before = marked[done : match.start()]
        words, code, assertion, codeable = (group.strip() for group in match.groups())
        if code not in billable:
            raise DataError(f"{where}: {code} is not billable in this release")
        if assertion not in _ASSERTIONS:
            raise DataError(f"{where}: {assertion} is no assertion")
        if codeable != "y" and not codeable.startswith("n:"):
            raise DataError(f"{where}: codeable is `y` or `n:reason`")
        span = Span(length + len(before), length + len(before) + len(words))
        annotations.append(
            Annotation(
                span, code, _ASSERTIONS[assertion], codeable.removeprefix("n:") if codeable != "y" else ""
            )
        )
        text += [before, words]
        length = span.end
        done = match.end()
    text.append(marked[done:])
    joined = "".join(text)
    if "{{" in joined or "}}" in joined:
        raise DataError(f"{where}: an annotation is not closed or has not four fields")
    return CorpusNote(fields, joined, tuple(annotations))
