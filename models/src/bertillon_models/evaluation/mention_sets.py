"""Sets of mentions, each in its context, with the codes that people gave them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertillon_models.evaluation.rows import DataError, Rejects, codes_of, json_rows
from bertillon_models.mention_lines import MentionLine
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion


@dataclass(frozen=True, slots=True)
class MentionCase:
    """A mention in its text; `alone` where there is no text but the mention. Any of `codes` is right."""

    text: str = field(repr=False)
    span: Span
    codes: frozenset[str]
    alone: bool

    @property
    def mention(self) -> str:
        """The words of the mention."""
        return self.span.of(self.text)


def read_mentions(path: Path, rejects: Rejects) -> Iterator[MentionCase]:
    """Yield the mentions of a JSON-lines file: `mention` and `codes`, and may have `context`, `start` and `end`.

    `start` and `end` say where in the context the mention stands, in code points; without them its first occurrence
    counts. A row that cannot be used is refused.
    """
    for where, row in json_rows(path, rejects):
        try:
            case = _case(row, where)
        except DataError as error:
            rejects.refuse(error)
            continue
        yield case


def cases_of(lines: Iterable[MentionLine]) -> list[MentionCase]:
    """Return the mentions of fragments that are present; the others are there to teach how they are asserted."""
    return [
        MentionCase(line.text, span, frozenset({code}), alone=False)
        for line in lines
        for (span, code), assertion in zip(line.mentions, line.assertions, strict=True)
        if assertion is Assertion.PRESENT
    ]


def _case(row: dict[str, object], where: str) -> MentionCase:
    mention, context = row.get("mention"), row.get("context")
    if not isinstance(mention, str) or not mention.strip():
        raise DataError(f"{where}: mention must be a string, not blank")
    codes = codes_of(row, where)
    if not codes:
        raise DataError(f"{where}: codes must not be empty")
    if context is None:
        return MentionCase(mention, Span(0, len(mention)), codes, alone=True)
    if not isinstance(context, str):
        raise DataError(f"{where}: context must be a string")
    start, end = row.get("start"), row.get("end")
    if start is None and end is None:
        start = context.find(mention)
        if start < 0:
            raise DataError(f"{where}: the mention is not in its context")
        end = start + len(mention)
    if type(start) is not int or type(end) is not int or context[start:end] != mention or start < 0:
        raise DataError(f"{where}: start and end do not point at the mention in its context")
    return MentionCase(context, Span(start, end), codes, alone=False)
