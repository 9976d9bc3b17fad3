"""Reads sets of asserted mentions: the NegEx sentences, and JSON lines `{"text", "start", "end", "assertion"}`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind

NEGEX_FILE = "rsAnnotations-1-120-random.txt"
_NEGEX_COLUMNS = 6
_NEGEX_LABELS = ("Negated", "Affirmed")


@dataclass(frozen=True, slots=True)
class Example:
    """A mention in its sentence, with the assertion that annotators gave it.

    `gold` is a member name of the assertions, or "AFFIRMED" where a set only tells negated from not. `part` is
    the part of the set that it belongs to, None where the set has no parts.
    """

    text: str = field(repr=False)
    mention: Span
    gold: str
    section: SectionKind = SectionKind.UNSPECIFIED
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that could not be used: where it is and why, without its text."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def read(path: Path) -> Iterator[Example | Malformed]:
    """Yield the rows of a set, the unusable ones as such.

    A folder or a `.txt` file is taken for the NegEx set, anything else for JSON lines. Raises OSError if the
    file cannot be read.
    """
    file = path / NEGEX_FILE if path.is_dir() else path
    reader = _negex_row if file.suffix == ".txt" else _json_row
    with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            row = line.rstrip("\r\n")
            if not row.strip() or (reader is _negex_row and number == 1):
                continue
            result = reader(row)
            yield result if isinstance(result, Example) else Malformed(file.name, number, result)


def _negex_row(row: str) -> Example | str:
    cells = row.split("\t")
    if len(cells) != _NEGEX_COLUMNS:
        return f"{len(cells)} columns instead of {_NEGEX_COLUMNS}"
    number, condition, sentence, label = cells[:4]
    if not number.isdecimal():
        return "the line number is not a number"
    if label not in _NEGEX_LABELS:
        return "the negation is neither Negated nor Affirmed"
    mention = locate(condition, sentence)
    if mention is None:
        return "the condition is not in the sentence"
    return Example(sentence, mention, label.upper(), part="odd" if int(number) % 2 else "even")


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


def _json_row(row: str) -> Example | str:
    try:
        value = json.loads(row)
    except ValueError:
        return "not JSON"
    if not isinstance(value, dict):
        return "not a JSON object"
    text, start, end = (value.get(name) for name in ("text", "start", "end"))
    if not isinstance(text, str):
        return "text is not a string"
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        return "start and end are not a range of the text"
    return _labelled(text, Span(start, end), value)


def _labelled(text: str, mention: Span, value: dict[str, object]) -> Example | str:
    gold, part = value.get("assertion"), value.get("split")
    section = value.get("section", "UNSPECIFIED")
    if not isinstance(gold, str) or gold not in Assertion.__members__:
        return "assertion is none of " + ", ".join(Assertion.__members__)
    if not isinstance(section, str) or section not in SectionKind.__members__:
        return "section is not a kind of section"
    if part is not None and not isinstance(part, str):
        return "split is not a string"
    return Example(text, mention, gold, SectionKind[section], part)
