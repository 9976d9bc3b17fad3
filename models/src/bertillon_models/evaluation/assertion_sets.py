"""Sets of asserted mentions: NegEx sentences, JSON lines `{"text", "start", "end", "assertion"}`, annotated notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertillon_models.corpus import CorpusNote
from bertillon_models.evaluation.rows import DataError, Rejects, json_rows
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind

NEGEX_FILE = "rsAnnotations-1-120-random.txt"
_NEGEX_COLUMNS = 6
_NEGEX_LABELS = ("Negated", "Affirmed")


@dataclass(frozen=True, slots=True)
class Frame:
    """The section that mentions stand in; `sentences` cover its body."""

    text: str = field(repr=False)
    body: Span
    kind: SectionKind
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A mention in its frame, with the assertion that annotators gave it.

    `gold` is a member name of the assertions, or "AFFIRMED" where a set only tells negated from not. `part` is
    the part of the set that it belongs to, None where the set has no parts. Examples of one `unit` stand or fall
    together: those of a sentence, of a note.
    """

    frame: Frame
    mention: Span
    gold: str
    unit: str = field(repr=False)
    part: str | None = None


def read_assertions(path: Path, rejects: Rejects) -> Iterator[Example]:
    """Yield the examples of a file; a row that cannot be used is refused.

    A folder or a `.txt` file is taken for the NegEx set, anything else for JSON lines. Raises DataError if the
    file cannot be read.
    """
    file = path / NEGEX_FILE if path.is_dir() else path
    if file.suffix == ".txt":
        yield from _negex(file, rejects)
        return
    for where, row in json_rows(file, rejects):
        try:
            example = _json_row(row, where)
        except DataError as error:
            rejects.refuse(error)
            continue
        yield example


def examples_of(notes: Iterable[CorpusNote]) -> Iterator[Example]:
    """Yield every annotation of annotated notes, in its own section; those in headers are left out."""
    for note in notes:
        for section in sections_from(note.text, ()):
            sentences = tuple(split_sentences(note.text, section.body))
            frame = Frame(note.text, section.body, section.kind, sentences)
            for annotation in note.annotations:
                if section.body.contains(annotation.span):
                    yield Example(frame, annotation.span, annotation.assertion.name, note.fields["note"])


def _negex(file: Path, rejects: Rejects) -> Iterator[Example]:
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}") from None
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            example = _negex_row(line.rstrip("\r"), f"{file}, line {number}")
        except DataError as error:
            rejects.refuse(error)
            continue
        yield example


def _negex_row(row: str, where: str) -> Example:
    cells = row.split("\t")
    if len(cells) != _NEGEX_COLUMNS:
        raise DataError(f"{where}: {len(cells)} columns instead of {_NEGEX_COLUMNS}")
    number, condition, sentence, label = cells[:4]
    if not number.isdecimal():
        raise DataError(f"{where}: the line number is not a number")
    if label not in _NEGEX_LABELS:
        raise DataError(f"{where}: the negation is neither Negated nor Affirmed")
    mention = locate(condition, sentence)
    if mention is None:
        raise DataError(f"{where}: the condition is not in the sentence")
    part = "odd" if int(number) % 2 else "even"
    return Example(_lone(sentence, SectionKind.UNSPECIFIED), mention, label.upper(), sentence, part)


def _lone(text: str, kind: SectionKind) -> Frame:
    whole = Span(0, len(text))
    return Frame(text, whole, kind, (whole,))


def locate(condition: str, sentence: str) -> Span | None:
    """Find a NegEx condition in its sentence, where it stands in upper case.

    A few sentences were cut through their condition, or keep its case: then the longest run of its first or its
    last words that is there counts, in any case.
    """
    words = condition.split()
    if found := _find([word.upper() for word in words], sentence, re.NOFLAG):
        return found
    for length in range(len(words), 0, -1):
        for part in (words[:length], words[-length:]):
            if found := _find(part, sentence, re.IGNORECASE):
                return found
    return None


def _find(words: list[str], sentence: str, flags: re.RegexFlag) -> Span | None:
    if not words:
        return None
    match = re.search(r"\s+".join(map(re.escape, words)), sentence, flags)
    return Span(*match.span()) if match else None


def _json_row(row: dict[str, object], where: str) -> Example:
    text, start, end = (row.get(name) for name in ("text", "start", "end"))
    if not isinstance(text, str):
        raise DataError(f"{where}: text is not a string")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise DataError(f"{where}: start and end are not a range of the text")
    gold, part = row.get("assertion"), row.get("split")
    section = row.get("section", "UNSPECIFIED")
    if not isinstance(gold, str) or gold not in Assertion.__members__:
        raise DataError(f"{where}: assertion is none of " + ", ".join(Assertion.__members__))
    if not isinstance(section, str) or section not in SectionKind.__members__:
        raise DataError(f"{where}: section is not a kind of section")
    if part is not None and not isinstance(part, str):
        raise DataError(f"{where}: split is not a string")
    return Example(_lone(text, SectionKind[section]), Span(start, end), gold, text, part)
