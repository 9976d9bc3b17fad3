"""Where a text has something that is written like a section header: every candidate, with how it is written.

Whether a candidate opens a section is decided by `section_rules`, which knows the titles and the context. All
patterns are possessive and bounded, so that finding candidates is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from bertillon_server.coding.section_titles import MAX_TITLE, kind_of, normalised
from bertillon_server.coding.spans import Span


class Delimiter(Enum):
    """What stands between a title and what follows."""

    COLON = auto()
    DASH = auto()
    GAP = auto()
    """A tab or two spaces."""
    LINE_END = auto()


class Marker(Enum):
    """What stands before a title."""

    NONE = auto()
    NUMBER = auto()
    BULLET = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something written like a header. `start` is where its section would start, `body` where its text would."""

    start: int
    title: Span
    body: int
    key: str = field(repr=False)
    """The title, normalised."""
    delimiter: Delimiter
    marker: Marker = Marker.NONE
    level: int = 0
    """Depth of a markdown heading from 1, 0 for none."""
    decorated: bool = False
    """Whether it is bold, bracketed or underlined."""
    caps: bool = False
    """Whether it is two letters or more, all capitals."""
    inline: bool = False
    """Whether it stands within a line."""
    after_blank: bool = False
    """Whether a blank line, or the start of the text, comes before it."""
    alone: bool = False
    """Whether nothing follows it on its line."""


_LINE = re.compile(
    r"""
    (?P<indent>[ \t\u00a0\ufeff]*+)
    (?P<level>\#{1,6}+(?=[ \t]|\*|[A-Za-z]))?+[ \t]*+
    (?P<bullet>[-*\u2022\u00b7\u25aa\u25cf>][ \t]++)?+
    (?P<number>(?:\(?\d{1,2}[.)]|[IVX]{1,5}[.)]|[A-H]\))(?:[ \t]++|(?=[A-Z]{3})))?+
    (?P<open>(?:\*\*|__|\*|\[|<|={2,}+[ ]*+|-{2,}+[ ]*+|~{2,}+[ ]*+))?+
    (?P<title>[A-Za-z0-9](?:[A-Za-z0-9,/&'\u2019()\#+.]|[ \u00a0](?![ \t\u00a0\u2013\u2014-])|-(?![ \t\r\n-])){0,79}+)
    (?P<close>\*\*|__|\*|\]|>)?+
    (?P<gap>[ \t\u00a0]*+)
    (?P<delimiter>:|[-\u2013\u2014]{1,2}(?=[ \t]|$))?+
    (?P<after>\*\*|__|\*|\]|>|=++|-++|~++)?+
    [ \t\u00a0]*+
    """,
    re.VERBOSE,
)

_INLINE = re.compile(
    r"(?:(?<=[.;!?)|])[ \t]{1,3}+|(?<![ ])[ ]{2,}+|(?<!\t)\t++)"
    r"([A-Z](?:[A-Za-z0-9/&'()-]|[ ](?![ ])){0,59}+):(?=[ \t\r\n]|$)"
)
_CAPITALS = re.compile(
    r"(?<=[ \t])([A-Z][A-Za-z&/]{1,20}+(?:[ ][A-Z&/][A-Za-z&/'-]{0,20}+){0,5}+):(?=[ \t\r\n]|$)"
)

_SIGNED = re.compile(
    r"[ \t*]*+((?:electronically )?(?:e-?|co-?)?signed(?: electronically)? by|dictated by|transcribed by|"
    r"authenticated by|attested by)\b",
    re.IGNORECASE,
)

# Shorthand that is never a word of prose opens a section even without a colon: "A/P HTN at goal".
_BARE = re.compile(r"[ \t]*+(?P<title>A ?/ ?P|A ?& ?P|A ?\+ ?P)[ \t]++(?=[A-Za-z0-9#(])")

_UNDERLINE = re.compile(r"[ \t]*+(?:-{3,}+|={3,}+|_{3,}+|~{3,}+)[ \t]*+$")

_LONGEST_LINE = 60
"""Code points of the longest title that is told by standing alone on its line; beyond it lines are prose."""

_SAMPLE = 4000
"""Code points from which a note's habit of writing everything in capitals is judged."""


def written_in_capitals(text: str) -> bool:
    """Whether the text hardly uses lower case, so that capitals mark no header."""
    sample = text[:_SAMPLE]
    lower = sum(map(str.islower, sample))
    return lower * 4 < sum(map(str.isupper, sample))


def candidates(text: str) -> Iterator[Candidate]:
    """Yield what is written like a header, in the order of the text, without overlap."""
    inline = _inline(text)
    waiting = next(inline, None)
    done = 0
    for found in _at_line_starts(text):
        while waiting is not None and waiting.title.start < found.title.start:
            if waiting.start >= done and waiting.body <= found.title.start:
                yield waiting
                done = waiting.body
            waiting = next(inline, None)
        yield found
        done = found.title.end
    while waiting is not None:
        if waiting.start >= done:
            yield waiting
            done = waiting.body
        waiting = next(inline, None)


def _at_line_starts(text: str) -> Iterator[Candidate]:
    lines = text.splitlines(keepends=True)
    start = 0
    after_blank = True
    for number, line in enumerate(lines):
        end = start + len(line)
        if line.isspace():
            after_blank = True
        else:
            found = _line_candidate(text, Span(start, start + len(line.rstrip())), after_blank=after_blank)
            if found is not None:
                underline = lines[number + 1].rstrip() if number + 1 < len(lines) else ""
                if found.delimiter is Delimiter.LINE_END and _UNDERLINE.match(underline):
                    found = replace(found, decorated=True, body=end + len(underline))
                yield found
            after_blank = False
        start = end


def _line_candidate(text: str, line: Span, *, after_blank: bool) -> Candidate | None:
    signed = _SIGNED.match(text, line.start, line.end)
    if signed is not None:
        return _signature(text, line.start, signed, after_blank=after_blank)
    bare = _BARE.match(text, line.start, line.end)
    if bare is not None:
        return _shorthand(line.start, bare, after_blank=after_blank)
    match = _LINE.match(text, line.start, line.end)
    if match is None:
        return None
    title = match["title"].rstrip(" .,\u00a0")
    key = normalised(title)
    alone = match.end() >= line.end
    decorated = match["open"] is not None and (match["close"] or match["after"]) is not None
    delimiter = _delimiter(match, alone=alone, decorated=decorated)
    plain = title[0].isupper() or match["level"] is not None or decorated
    if delimiter is None or not key or not (plain or delimiter is Delimiter.COLON):
        return None
    at = match.start("title")
    return Candidate(
        start=line.start,
        title=Span(at, at + len(title)),
        body=match.end(),
        key=key,
        delimiter=delimiter,
        marker=Marker.NUMBER if match["number"] else Marker.BULLET if match["bullet"] else Marker.NONE,
        level=len(match["level"] or ""),
        decorated=decorated,
        caps=_capitals(title),
        after_blank=after_blank,
        alone=alone,
    )


def _delimiter(match: re.Match[str], *, alone: bool, decorated: bool) -> Delimiter | None:
    if match["delimiter"]:
        return Delimiter.COLON if match["delimiter"] == ":" else Delimiter.DASH
    if alone:
        title = match["title"]
        sentence = title.endswith((".", ",")) and not title.isupper()
        return None if sentence or len(title) > _LONGEST_LINE else Delimiter.LINE_END
    if decorated or len(match["gap"]) > 1 or "\t" in match["gap"]:
        return Delimiter.GAP
    return None


def _shorthand(start: int, match: re.Match[str], *, after_blank: bool) -> Candidate:
    return Candidate(
        start=start,
        title=Span(*match.span("title")),
        body=match.end(),
        key=normalised(match["title"].replace(" ", "")),
        delimiter=Delimiter.COLON,
        caps=True,
        after_blank=after_blank,
    )


def _signature(text: str, start: int, match: re.Match[str], *, after_blank: bool) -> Candidate:
    body = match.end() + (text[match.end() : match.end() + 1] == ":")
    return Candidate(
        start=start,
        title=Span(match.start(1), match.end(1)),
        body=body,
        key="signed by",
        delimiter=Delimiter.COLON,
        caps=True,
        after_blank=after_blank,
    )


def _inline(text: str) -> Iterator[Candidate]:
    runs = _runs(text)
    run = next(runs, None)
    last = -1
    for match in _INLINE.finditer(text):
        while run is not None and run.title.end < match.end(1):
            if run.title.start > last:
                yield run
                last = run.title.end
            run = next(runs, None)
        title = match[1].rstrip()
        if match.start(1) > last:
            key = normalised(title)
            if kind_of(key) is None and run is not None and run.title.end == match.end(1):
                continue
            yield _within(match.start(1), title, key, match.end())
            last = match.end(1)
    while run is not None:
        if run.title.start > last:
            yield run
            last = run.title.end
        run = next(runs, None)


def _runs(text: str) -> Iterator[Candidate]:
    """Yield known titles in capitals that follow other words with no more than a space, as in `HTN SH: none`."""
    for match in _CAPITALS.finditer(text):
        words = match[1].split(" ")
        at = match.start(1)
        while words:
            title = " ".join(words)
            compact = title.rstrip("x")
            if len(compact) > 1 and compact.isupper():
                key = normalised(title)
                if kind_of(key) is not None:
                    yield _within(at, title, key, match.end())
                    break
            at += len(words.pop(0)) + 1


def _within(at: int, title: str, key: str, body: int) -> Candidate:
    return Candidate(
        start=at,
        title=Span(at, at + len(title)),
        body=body,
        key=key,
        delimiter=Delimiter.COLON,
        caps=_capitals(title),
        inline=True,
    )


def _capitals(title: str) -> bool:
    return len(title) > 1 and title.rstrip("x").isupper() and len(title) <= MAX_TITLE
