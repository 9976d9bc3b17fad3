"""Reads the notes that we wrote, with every mention annotated in place.

A file holds notes one after another. A note begins with a line of fields,
`=== note: fm-001 | specialty: family medicine | type: progress note | setting: outpatient | date: 2026-05-11`,
and its text carries annotations `{{words as written|code|assertion|codeable}}`, where codeable is `y` or
`n:reason`. The text of the note is what is left when the annotations give way to their words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bertillon_models.evaluation.note_sets import CodedNote, Evidence
from bertillon_models.evaluation.rows import DataError, Rejects, lines_of
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, Setting

_HEADER = "=== note:"
# Lines of a sample: some thousands of words.
SAMPLED_LINES = 1000
_ANNOTATION = re.compile(r"\{\{([^{}|]+)\|([^{}|]+)\|([^{}|]+)\|([^{}|]+)\}\}")
# By the names that annotations have.
ASSERTIONS_BY_NAME = {name.lower(): Assertion[name] for name in Assertion.__members__} | {
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
        evidence = tuple(
            Evidence(annotation.code, annotation.span)
            for annotation in self.annotations
            if not annotation.reason
        )
        return CodedNote(self.fields["note"], self.text, codes, setting, evidence=evidence)


def read_corpus(
    path: Path, billable: Collection[str], rejects: Rejects | None = None
) -> Iterator[CorpusNote]:
    """Yield the notes of a file; a DataError names the file, the line and what is wrong there.

    With `rejects`, a note that cannot be used is refused there.
    """
    rejects = rejects or Rejects()
    lines = lines_of(path)
    starts = [number for number, line in enumerate(lines) if line.startswith(_HEADER)]
    if not starts:
        raise DataError(f"{path}: no line begins with {_HEADER!r}")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        where = f"{path}, line {start + 1}"
        try:
            note = _note(_fields(lines[start], where), lines[start + 1 : end], where, billable)
        except DataError as error:
            rejects.refuse(error)
            continue
        yield note


def corpus_notes(folder: Path, billable: Collection[str]) -> list[CodedNote]:
    """Return all notes of a folder with the codes of their encounters, in the order of the files."""
    return [note.coded() for path in sorted(folder.glob("*.txt")) for note in read_corpus(path, billable)]


def corpus_lines(folder: Path) -> list[str]:
    """Return a sample of the lines of all notes of a folder, as they read without their annotations."""
    lines = [
        _ANNOTATION.sub(r"\1", line)
        for path in sorted(folder.glob("*.txt"))
        for line in lines_of(path)
        if line.strip() and not line.startswith(_HEADER)
    ]
    return lines[:: -(-len(lines) // SAMPLED_LINES) or 1]


def _fields(line: str, where: str) -> dict[str, str]:
    pairs = [part.split(":", 1) for part in line.removeprefix("===").split("|")]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(f"{where}: fields are written `name: value` and parted by |")
    fields = {name.strip(): value.strip() for name, value in pairs}
    if not fields["note"] or not fields.get("specialty"):
        raise DataError(f"{where}: a note has an id and a specialty")
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
        if not words:
            raise DataError(f"{where}: a mention has no words")
        if code not in billable:
            raise DataError(f"{where}: {code} is not billable in this release")
        if assertion not in ASSERTIONS_BY_NAME:
            raise DataError(f"{where}: {assertion} is no assertion")
        if codeable != "y" and not codeable.startswith("n:"):
            raise DataError(f"{where}: codeable is `y` or `n:reason`")
        span = Span(length + len(before), length + len(before) + len(words))
        annotations.append(
            Annotation(
                span,
                code,
                ASSERTIONS_BY_NAME[assertion],
                codeable.removeprefix("n:") if codeable != "y" else "",
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
