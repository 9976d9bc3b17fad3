"""Cuts a note into sections that tile it: no character is lost, none is in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bertillon_server.coding.results import PreCutSection, Section
from bertillon_server.coding.section_headers import Candidate, candidates, written_in_capitals
from bertillon_server.coding.section_rules import Reading, hashes_name_problems
from bertillon_server.coding.section_titles import title_kind
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind

MAX_SECTIONS = 500
"""Sections of one note. A long chart has some 60; text made of headers only would cost a task for each."""

_PROSE = 60
"""Code points from which a line without a colon is prose, not a particular of the encounter."""


def find_sections(text: str) -> list[Section]:
    """Return the sections of a note in order; they tile the text. An empty text has none.

    Text before the first header, and a note without any, is a section of kind UNSPECIFIED without a title.
    White space before the first header belongs to the first section. From `MAX_SECTIONS` on, headers are read
    as text.
    """
    if not text:
        return []
    found = list(candidates(text))
    hashes = hashes_name_problems(found)
    reading = Reading(text, capitals=written_in_capitals(text), hashes=hashes)
    opened: list[tuple[Candidate, SectionKind]] = []
    for candidate in found:
        kind = reading.opened(candidate)
        if kind is not None:
            named = hashes and candidate.level == 1
            opened.append((_without_title(candidate) if named else candidate, kind))
            if len(opened) == MAX_SECTIONS - 1:
                break
    return _tiled(text, opened)


def sections_from(text: str, pre_cut: Sequence[PreCutSection]) -> list[Section]:
    """Return the caller's sections and, as sections of kind UNSPECIFIED, the text between them.

    A section whose kind the caller left open takes it from the caller's title, else from the header that its
    text begins with. White space between sections belongs to the section before it, and in front of all to the
    first, so that a caller who cut at line ends gets back as many sections as were sent.

    Raises ValueError when the sections overlap, are out of order or do not fit the text.
    """
    if not pre_cut:
        return find_sections(text)
    sections: list[Section] = []
    done = 0
    for cut in pre_cut:
        start, end = cut.span
        if not done <= start <= end <= len(text):
            raise ValueError("pre-cut sections must be in order, apart from each other, and within the text")
        if text[done:start].strip():
            sections.append(_untitled(len(sections), Span(done, start)))
        elif sections:
            sections[-1] = _extended(sections[-1], start)
        else:
            start = 0
        sections.append(_as_cut(text, len(sections), cut, start))
        done = end
    if text[done:].strip():
        sections.append(_untitled(len(sections), Span(done, len(text))))
    else:
        sections[-1] = _extended(sections[-1], len(text))
    return sections


def _tiled(text: str, opened: list[tuple[Candidate, SectionKind]]) -> list[Section]:
    sections: list[Section] = []
    first = opened[0][0].start if opened else len(text)
    if not opened or text[:first].strip():
        sections.append(_untitled(0, Span(0, first)))
        first = -1
    for number, (header, kind) in enumerate(opened):
        start = 0 if number == 0 and first >= 0 else header.start
        end = opened[number + 1][0].start if number + 1 < len(opened) else len(text)
        stop = _end_of_particulars(text, header, end) if kind is SectionKind.ADMINISTRATIVE else end
        sections.append(_titled(len(sections), kind, Span(start, stop), header.title, header.body))
        if stop < end:
            sections.append(_untitled(len(sections), Span(stop, end)))
    return sections


def _end_of_particulars(text: str, header: Candidate, end: int) -> int:
    """Return where names, dates and numbers end and the note itself begins without a header.

    That is after a blank line, or at a long line that is not of the form `name: value`.
    """
    at = header.body
    filled = False
    blank = False
    for line in text[at:end].splitlines(keepends=True):
        if line.isspace():
            blank = filled
        elif blank or (filled and not header.alone and len(line) > _PROSE and ":" not in line[:_PROSE]):
            return at
        else:
            filled = True
        at += len(line)
    return end


def _as_cut(text: str, index: int, cut: PreCutSection, start: int) -> Section:
    span = Span(start, cut.span.end)
    content = cut.span.of(text)
    header = next(candidates(content), None)
    read = None
    if header is not None and not content[: header.start].strip():
        read = Reading(content, capitals=written_in_capitals(content)).opened(header)
    kind = cut.kind
    if kind is SectionKind.UNSPECIFIED:
        kind = (title_kind(cut.title) if cut.title else None) or read or SectionKind.UNSPECIFIED
    if read is None or header is None:
        return Section(index=index, kind=kind, span=span, title=None, body=span)
    shift = cut.span.start
    return _titled(index, kind, span, header.title.shifted(shift), header.body + shift)


def _titled(index: int, kind: SectionKind, span: Span, title: Span, body: int) -> Section:
    named = title if title.start < title.end else None
    return Section(index=index, kind=kind, span=span, title=named, body=Span(min(body, span.end), span.end))


def _without_title(candidate: Candidate) -> Candidate:
    """Return a candidate that opens a section at the name of a problem, which is text of the section."""
    return replace(candidate, title=Span(candidate.start, candidate.start), body=candidate.start)


def _untitled(index: int, span: Span) -> Section:
    return Section(index=index, kind=SectionKind.UNSPECIFIED, span=span, title=None, body=span)


def _extended(section: Section, end: int) -> Section:
    return Section(
        index=section.index,
        kind=section.kind,
        span=Span(section.span.start, end),
        title=section.title,
        body=Span(section.body.start, end),
    )
