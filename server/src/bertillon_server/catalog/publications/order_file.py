"""The two forms in which CMS lists the codes of ICD-10-CM and ICD-10-PCS.

An order file has fixed columns: order number (1-5), code (7-13), 1 for a valid code and 0 for a heading (15), short
title (17-76), long title (from 78). A code file has a code and, after blanks, its title. Either is told by its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bertillon_server.catalog.publications.lines import Publication

_ORDERED = re.compile(r"\d{5} (?P<code>.{7}) (?P<valid>.)(?P<rest>.*)")
_SHORT_TITLE = 61  # characters after the mark: a blank, and the short title with the blank that ends it


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of either form; `title` is empty where a code file holds codes alone."""

    number: int
    code: str
    valid: bool
    title: str


def read_lines(publication: Publication) -> Iterator[OrderLine]:
    """Yield the lines of an order file or a code file; refuses one that has not the form of the first."""
    ordered: bool | None = None
    for number, line in publication.lines():
        match = _ORDERED.fullmatch(line)
        if ordered is None:
            ordered = match is not None and match["valid"] in {"0", "1"}
        yield _ordered(publication, number, match) if ordered else _listed(number, line)


def _ordered(publication: Publication, number: int, match: re.Match[str] | None) -> OrderLine:
    if match is None:
        raise publication.refuse(number, "the line has not the columns of an order file")
    if match["valid"] not in {"0", "1"}:
        raise publication.refuse(number, "column 15 is neither 0 nor 1")
    rest = match["rest"]
    title = rest[_SHORT_TITLE:].strip() or rest[:_SHORT_TITLE].strip()
    return OrderLine(number, match["code"].strip(), match["valid"] == "1", title)


def _listed(number: int, line: str) -> OrderLine:
    code, *title = line.split(maxsplit=1)
    return OrderLine(number, code, valid=True, title=title[0].strip() if title else "")
