"""Words beside the name of a problem that are no part of it: what they seem to name is not mentioned.

They are labels of a problem list, the number of a list entry, the marks that an electronic record puts behind a
problem for risk adjustment, the day of a hospital stay, and shorthand and verbs that read like something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bertillon_server.coding.labels import label_end
from bertillon_server.coding.list_items import LISTED_KINDS
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind

# "1." or "(2)" or "#3" before an entry of a list: not a part of what the entry names ("2. Diabetes").
_MARKER = re.compile(r"\(?#?(\d{1,2})[.):](?=\s|[A-Za-z])|#(\d{1,2})(?=\s)")
_LINE_START = re.compile(
    r"^[ \t]*+(?:(?:[#*\-\u2022\u00b7>]{1,6}|\(?#?\d{1,2}[.)])[ \t]*+){0,2}[*_]{0,2}", re.MULTILINE
)
_ASIDES = re.compile(
    r"""
      \((?:(?:CMS|HHS|ESRD|RX|Rx)\s?[-/]?\s?)?HCC(?:[ ]?(?:code[ ])?\d{1,3})?\)  # hierarchical condition category
    | \((?:CMD|CMS)\)
    | \bHD[ ]?\#[ ]?\d{1,3}\b                       # hospital day, not hemodialysis
    | \bHD[ ]\d{1,3}\b(?=[ ]*(?:[:,;.)]|$|/[ ]?POD))
    | (?<![\d/])2/2(?![\d/])                         # "secondary to", not a stage
    | \b[Cc]ut(?:s|ting)?\s(?:down|back|out|off)\b
    """,
    re.VERBOSE | re.MULTILINE,
)


def asides(text: str, body: Span, kind: SectionKind, sentences: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans of a section that name nothing the patient has."""
    for sentence in sentences:
        marker = _MARKER.match(text, sentence.start, sentence.end)
        if marker is not None:
            yield Span(marker.start(), marker.end())
    for match in _ASIDES.finditer(text, body.start, body.end):
        yield Span(match.start(), match.end())
    if kind in LISTED_KINDS:
        starts = [match.end() for match in _LINE_START.finditer(text, body.start, body.end)]
        first = len(text[body.start : body.end]) - len(text[body.start : body.end].lstrip())
        for start in dict.fromkeys((body.start + first, *starts)):
            end = label_end(text, start, body.end)
            if end > start:
                yield Span(start, end)
