"""Reads short mentions: a fragment of a note a line, `words {{mention|code}} words`.

A mention that is not present says what it is in a third field: `{{mention|code|historical}}`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bertillon_models.corpus import ASSERTIONS_BY_NAME
from bertillon_models.evaluation.rows import DataError, Rejects, lines_of
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion

_MENTION = re.compile(r"\{\{([^{}|]+)\|([^{}|]+)(?:\|([^{}|]+))?\}\}")


@dataclass(frozen=True, slots=True)
class MentionLine:
    """A fragment of a note with the spans and codes of the mentions in it, and how each is asserted.

    `number` is the line of its file, from 1; 0 where it is from none.
    """

    text: str = field(repr=False)
    mentions: tuple[tuple[Span, str], ...]
    assertions: tuple[Assertion, ...]
    number: int = field(default=0, compare=False)


def read_mention_lines(
    path: Path, billable: Collection[str], rejects: Rejects | None = None
) -> Iterator[MentionLine]:
    """Yield the lines of a file of short mentions; a DataError names file, line and reason."""
    rejects = rejects or Rejects()
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            read = read_mention_line(line, f"{path}, line {number}", billable)
        except DataError as error:
            rejects.refuse(error)
            continue
        yield replace(read, number=number)


def read_mention_line(line: str, where: str, billable: Collection[str]) -> MentionLine:
    """Read `words {{mention|code}} words` or `words {{mention|code|assertion}} words`; raises DataError."""
    parts: list[str] = []
    mentions = []
    assertions = []
    length = done = 0
    for match in _MENTION.finditer(line):
        words, code, assertion = (group.strip() for group in match.groups("present"))
        if not words:
            raise DataError(f"{where}: a mention has no words")
        if code not in billable:
            raise DataError(f"{where}: {code} is not billable in this release")
        if assertion not in ASSERTIONS_BY_NAME:
            raise DataError(f"{where}: {assertion} is no assertion")
        before = line[done : match.start()]
        start = length + len(before)
        parts += [before, words]
        length = start + len(words)
        mentions.append((Span(start, length), code))
        assertions.append(ASSERTIONS_BY_NAME[assertion])
        done = match.end()
    text = "".join([*parts, line[done:]])
    if not mentions or "{{" in text or "}}" in text:
        raise DataError(f"{where}: a line has one or more {{{{words|code}}}}, each closed")
    return MentionLine(text, tuple(mentions), tuple(assertions))
