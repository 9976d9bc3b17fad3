"""Finds the problems that an assessment, a plan or a list of diagnoses is divided into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from bertillon_server.coding.labels import is_lone_label, label_end
from bertillon_server.coding.results import Section
from bertillon_server.coding.section_titles import title_kind
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind

LISTED_KINDS = frozenset(
    {
        SectionKind.ASSESSMENT,
        SectionKind.PLAN,
        SectionKind.ASSESSMENT_AND_PLAN,
        SectionKind.DIAGNOSES,
        SectionKind.PREOPERATIVE_DIAGNOSIS,
        SectionKind.POSTOPERATIVE_DIAGNOSIS,
    }
)
"""Kinds of sections in which items are looked for."""

_DIAGNOSES = LISTED_KINDS - {SectionKind.ASSESSMENT, SectionKind.PLAN, SectionKind.ASSESSMENT_AND_PLAN}


@dataclass(frozen=True, slots=True)
class ProblemItem:
    """One problem: its marker, the phrase that names it, and what is said about it.

    The body runs to the next item, without white space at either end; it is empty, at the end of the head, when
    nothing is said.
    """

    marker: Span | None
    head: Span
    body: Span


MAX_HEAD = 200
"""Code points of the longest head; a name is shorter, and what runs on is cut at white space."""


class _Style(Enum):
    HASH = auto()
    NUMBER = auto()
    BULLET = auto()
    NAMED = auto()


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an item starts: its style, indentation, marker and the text after it."""

    style: _Style
    indent: int
    marker: Span | None
    text: int


_LINE = re.compile(r"[^\r\n\x0b\x0c\x85\u2028\u2029]++")
_LINE_BREAK = re.compile(r"\r\n|[\r\n]")
_HASH = re.compile(
    r"#{1,6}[ \t]*+(?:\d{1,2}[.):]?)?+[ \t]*+|Problem[ \t]*#?\d{1,2}[.):]?[ \t]*+", re.IGNORECASE
)
_NUMBER = re.compile(r"\(?(\d{1,2})(?:[.)](?=[ \tA-Za-z(*]|$)|\)|:[ \t])[ \t]*+")
_BULLET = re.compile(r"(?:[*\u2022\u00b7\u25aa\u25cf\u25e6\u2023>+](?!\*)|[-\u2013\u2014]+)[ \t]*+")
_INLINE_NUMBER = re.compile(
    r"(?<=\s)(?:\(?(?P<plain>\d{1,2})[.)]|#(?P<hash>\d{1,2})[.):]?)[ \t]+(?=[A-Za-z(])"
)
# A whole marker with a number of its own.
_NUMBERED = re.compile(r"[(#]?(\d{1,2})[.):]*")
_NAMED = re.compile(
    r"\*{0,2}[A-Z][^:\r\n.;?!]{1,59}?\*{0,2}(?::\*{0,2}(?=\s|$)|[ \t][-\u2013\u2014]{1,2}[ \t])"
)
_BOLD = re.compile(r"\*\*[^*\r\n]{2,80}\*\*[ \t]*$")
_BARE = re.compile(r"[A-Z0-9][^.;?!:\r\n]{1,79}$")
_HEAD_END = re.compile(
    r":(?=\s|\*|$)|(?<![ \t])[ \t]++[-\u2013\u2014=]++>?[ \t]|-(?=[ \t])|--++|;|[.?!](?=\s|$)|\u2192|\*\*"
)
_DOTTED = re.compile(r"\b(?:vs|dr|w|no|approx|hx|h/o|s/p|st|e\.g|i\.e|[A-Z])$", re.IGNORECASE)
# A name on a line of its own may end like a sentence ("Back pain.").
_BARE_SENTENCE = re.compile(r"[A-Z0-9][^.;?!:\r\n]{1,79}\.?$")
# What templates divide a problem's text into; such a label is no problem, whatever mark stands before it.
_ASPECT = re.compile(
    r"(?:medical|clinical|patient|additional|further|specialist|treatment|follow[- ]?up)?[ \t]*"
    r"(?:reasoning|treatments?|testing|tests|education(?: and counsell?ing)?|counsell?ing|agreements?|referrals?"
    r"|plan|assessment|status|medications?|meds|monitoring|work[- ]?up|labs?|imaging|goals?|rationale|discussion"
    r"|follow[- ]?up|disposition|decision[- ]making|recommendations?|orders?|procedures?|diagnostics?|therapy"
    r"|instructions|history|comments?|notes?|hpi|exam)[ \t]*:",
    re.IGNORECASE,
)
_MAX_NAME_WORDS = 8
_FEWEST_PROSE_WORDS = 8
"""Words from which a line is prose under a name rather than a name itself."""
_LONGEST_BARE = 60
"""Code points of the longest line that is taken for the name of a problem without any mark of it."""

# What plans are divided into that is no problem, beside the titles of sections.
_NO_PROBLEMS = frozenset(
    """discussed reviewed note of course today continue start stop continued increase decrease refer return
    risks alternatives total labs imaging meds follow-up status current overview update hospital day ppx
    dispo code""".split()
)


def problem_items(text: str, section: Section) -> list[ProblemItem]:
    """Return the items of an assessment, plan or list of diagnoses, in order; none where it is prose.

    The first line that is written like an item settles what divides the section: `#`, numbers (also several to
    a line), bullets, or names (`Hypertension:`, `Hypertension - stable`, a name on a line of its own above its
    bullets). Other marks below it are part of the item. A list of diagnoses needs no mark.
    """
    if section.kind not in LISTED_KINDS:
        return []
    starts = _starts(text, section)
    items = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else None
        stop = section.body.end if end is None else end.text if end.marker is None else end.marker.start
        item = _item(text, start, stop)
        if item is not None:
            items.append(item)
    return items


def _starts(text: str, section: Section) -> list[_Start]:
    lines = [
        line
        for match in _LINE.finditer(text, section.body.start, section.body.end)
        if (line := _trimmed(text, match.start(), match.end())) is not None
    ]
    read = [_read(text, lines, number) for number in range(len(lines))]
    first = next((start for start in read if start is not None), None)
    if first is None:
        return _unmarked(text, lines, section.kind)
    chosen: list[_Start] = []
    for start, line in zip(read, lines, strict=True):
        if start is not None and start.style is first.style and start.indent <= first.indent + 1:
            chosen.append(start)
        if first.style in (_Style.NUMBER, _Style.HASH) and chosen:
            chosen.extend(_numbers_within(text, line, chosen[-1]))
    return chosen


def _read(text: str, lines: list[Span], number: int) -> _Start | None:
    line = lines[number]
    indent = _indent(text, line.start)
    for style, pattern in ((_Style.HASH, _HASH), (_Style.NUMBER, _NUMBER), (_Style.BULLET, _BULLET)):
        match = pattern.match(text, line.start, line.end)
        if match is not None and _ASPECT.match(text, match.end(), line.end):
            return None
        if match is not None:
            marker = Span(line.start, line.start + len(match[0].rstrip()))
            named = match.end() < line.end and not is_lone_label(text, match.end(), line.end)
            return _Start(style, indent, marker, match.end()) if named else None
    if _ASPECT.match(text, line.start, line.end) or is_lone_label(text, line.start, line.end):
        return None
    if _named(text, line) or _above_items(text, lines, number) or _above_prose(text, lines, number):
        return _Start(_Style.NAMED, indent, None, line.start)
    return None


def _named(text: str, line: Span) -> bool:
    """Whether the line begins with a name that a colon or a dash sets apart, or is a bold one."""
    match = _NAMED.match(text, line.start, line.end) or _BOLD.match(text, line.start, line.end)
    return match is not None and _names_problem(match[0])


def _names_problem(written: str) -> bool:
    name = written.strip(" \t*:.-\u2013\u2014")
    words = name.lower().split()
    return 0 < len(words) <= _MAX_NAME_WORDS and words[0] not in _NO_PROBLEMS and title_kind(name) is None


def _above_items(text: str, lines: list[Span], number: int) -> bool:
    """Whether the line is a short one directly above a bullet or a number one."""
    line = lines[number]
    if number + 1 == len(lines) or len(line.of(text)) > _LONGEST_BARE:
        return False
    below = lines[number + 1]
    marked = _BULLET.match(text, below.start, below.end)
    if marked is None:
        first = _NUMBER.match(text, below.start, below.end)
        marked = first if first is not None and first[1] == "1" else None
    bare = _BARE_SENTENCE.match(text, line.start, line.end)
    return marked is not None and bare is not None and _names_problem(line.of(text))


def _above_prose(text: str, lines: list[Span], number: int) -> bool:
    """Whether the line is a short name with a blank line before it and prose on the line below."""
    line = lines[number]
    if number + 1 == len(lines) or len(line.of(text)) > _LONGEST_BARE:
        return False
    below = lines[number + 1]
    before = text[lines[number - 1].end : line.start] if number else "\n\n"
    return (
        len(_LINE_BREAK.findall(before)) > 1
        and len(_LINE_BREAK.findall(text, line.end, below.start)) == 1
        and len(below.of(text).split()) >= _FEWEST_PROSE_WORDS
        and _BARE_SENTENCE.match(text, line.start, line.end) is not None
        and _names_problem(line.of(text))
    )


def _unmarked(text: str, lines: list[Span], kind: SectionKind) -> list[_Start]:
    """Return each line of a list that has no marks, when it cannot be prose."""
    names = [line for line in lines if _BARE.match(text, line.start, line.end)]
    if kind in _DIAGNOSES:
        listed = [part for line in lines for part in _sentences(text, line)]
    else:
        short = [line for line in names if line.end - line.start <= _LONGEST_BARE]
        listed = short if len(short) == len(lines) > 1 else []
    return [_Start(_Style.NAMED, 0, None, line.start) for line in listed]


def _sentences(text: str, line: Span) -> list[Span]:
    """Return the short sentences of a line of diagnoses, each of which names one; a long line by itself has none."""
    parts = split_sentences(text, line)
    if all(part.end - part.start <= _LONGEST_BARE for part in parts):
        return parts
    return [line] if line.end - line.start <= 2 * _LONGEST_BARE else []


def _numbers_within(text: str, line: Span, last: _Start) -> list[_Start]:
    """Return the items of a line that holds several, numbered on from the one before."""
    found: list[_Start] = []
    written = None if last.marker is None else _NUMBERED.fullmatch(last.marker.of(text))
    if written is None:
        return found
    expected = int(written[1]) + 1
    mark = "hash" if last.style is _Style.HASH else "plain"
    for match in _INLINE_NUMBER.finditer(text, max(line.start, last.text), line.end):
        if match[mark] is not None and int(match[mark]) == expected:
            marker = Span(match.start(), match.start() + len(match[0].rstrip()))
            found.append(_Start(last.style, last.indent, marker, match.end()))
            expected += 1
    return found


def _item(text: str, start: _Start, stop: int) -> ProblemItem | None:
    content = _trimmed(text, start.text, stop)
    if content is None:
        return None
    at = content.start
    while at < content.end and text[at] in "*_[":
        at += 1
    at = label_end(text, at, content.end)
    end = _head_end(text, at, content.end)
    head = _trimmed(text, at, end)
    if head is None:
        return None
    body = head.end
    while body < content.end and (text[body].isspace() or text[body] in ":;.-\u2013\u2014=>*_\u2192]"):
        body += 1
    said = Span(body, content.end) if body < content.end else Span(head.end, head.end)
    return ProblemItem(marker=start.marker, head=head, body=said)


def _head_end(text: str, start: int, stop: int) -> int:
    """Return where the phrase that names the problem ends."""
    line = _LINE.match(text, start, stop)
    end = stop if line is None else line.end()
    following = _LINE.search(text, end, stop)
    if following is not None:
        rest = _trimmed(text, following.start(), following.end())
        if (
            rest is not None
            and text[rest.start].islower()
            and not _BULLET.match(text, rest.start)
            and end < rest.start
        ):
            # A name that was wrapped reads on in lower case.
            end = rest.end
    if end - start > MAX_HEAD:
        end = start + MAX_HEAD
        while end > start + MAX_HEAD // 2 and not text[end].isspace():
            end -= 1
    for match in _HEAD_END.finditer(text, start, end):
        if match[0] == "." and _DOTTED.search(text[max(start, match.start() - 6) : match.start()]):
            continue
        if match[0].startswith("-") and match.start() == start:
            continue
        return match.start()
    return end


def _indent(text: str, start: int) -> int:
    at = start
    while at > 0 and text[at - 1] in " \t\u00a0":
        at -= 1
    return start - at


def _trimmed(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None
