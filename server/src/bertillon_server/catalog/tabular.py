"""Reads the tabular list of ICD-10-CM (the XML published by CDC/NCHS) into a listing.

Three things are not in the XML and are made here: the nesting of blocks, which it lists flat; the codes with
a 7th character, which it only defines (guidelines I.A.5, with the placeholder X of I.A.4); and their titles,
which are the title of the code followed by the meaning of the character, as in the official long titles.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection
from dataclasses import dataclass, field

from bertillon_server.catalog.codes import CatalogError, CodeKind, NoteKind, key_of
from bertillon_server.catalog.listing import ListedEntry, ListedNote

_NOTE_TAGS = {
    "includes": NoteKind.INCLUDES,
    "inclusionTerm": NoteKind.INCLUSION_TERM,
    "excludes1": NoteKind.EXCLUDES1,
    "excludes2": NoteKind.EXCLUDES2,
    "codeFirst": NoteKind.CODE_FIRST,
    "useAdditionalCode": NoteKind.USE_ADDITIONAL,
    "codeAlso": NoteKind.CODE_ALSO,
    "notes": NoteKind.GENERAL,
    "sevenChrNote": NoteKind.GENERAL,
}
# Values that say which encounter it is and nothing of the condition. A term printed below one of them is a
# term of the code itself (W08 "Fall from stool"), not of the value.
_ENCOUNTERS = frozenset({"initial encounter", "subsequent encounter", "sequela"})
_RANGE_IN_TITLE = re.compile(r"\s*\([A-Z]\d[0-9A-Z](?:-[A-Z][0-9A-Z]{2})?\)$")
_SEVENTH = 6  # characters before the 7th


@dataclass(slots=True)
class _Seventh:
    """A definition of 7th characters: values in order, and the terms printed under a value."""

    values: tuple[tuple[str, str], ...] = ()
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    own_terms: tuple[str, ...] = ()


def read_tabular(xml: bytes | str, official: Collection[str] | None = None) -> list[ListedEntry]:
    """Return the entries of a tabular list, codes with a 7th character expanded.

    `official` is the published list of valid codes, without points. Where it is given, a combination that it
    does not hold is not made: S06.0X7D, for one, is defined but not valid, the patient being dead.
    Raises CatalogError when the text is not a tabular list.
    """
    try:
        root = ET.fromstring(xml)  # noqa: S314 (of a pinned dependency, or without entities)
    except ET.ParseError as error:
        raise CatalogError("the tabular list is not well-formed XML") from error
    reader = _Reader(frozenset(official) if official is not None else None)
    chapters = root.findall("chapter")
    if not chapters:
        raise CatalogError("the tabular list has no chapters")
    for chapter in chapters:
        reader.chapter(chapter)
    return reader.entries


class _Reader:
    """Appends entries in published order; a position is an index of `entries`."""

    def __init__(self, official: frozenset[str] | None) -> None:
        self.entries: list[ListedEntry] = []
        self._official = official

    def chapter(self, element: ET.Element) -> None:
        chapter = self._add(_text(element, "name"), element, CodeKind.CHAPTER, parent=None)
        sections = element.findall("section")
        ranges = [_block_range(section) for section in sections]
        # Categories in published order are the measure of blocks: C7A comes after C75 and before C76.
        order = {
            _text(diag, "name"): index
            for index, diag in enumerate(diag for section in sections for diag in section.findall("diag"))
        }
        reaches = [(_order_of(first, order), _order_of(last, order)) for first, last in ranges]
        open_blocks: list[tuple[int, tuple[int, int]]] = []
        for section, (first, last), reach in zip(sections, ranges, reaches, strict=True):
            while open_blocks and not _holds(open_blocks[-1][1], reach):
                open_blocks.pop()
            parent = open_blocks[-1][0] if open_blocks else chapter
            block = self._add(f"{first}-{last}", section, CodeKind.BLOCK, parent=parent)
            open_blocks.append((block, reach))
            for diag in section.findall("diag"):
                self._diag(diag, block, CodeKind.CATEGORY, _Seventh())

    def _diag(self, element: ET.Element, parent: int, level: CodeKind, seventh: _Seventh) -> None:
        children = element.findall("diag")
        defined = _seventh_of(element)
        seventh = defined or seventh
        extended = not children and bool(seventh.values)
        leaf = not children and not extended
        position = self._add(
            _text(element, "name"),
            element,
            CodeKind.CODE if leaf else level,
            parent=parent,
            billable=leaf,
            seventh=defined,
        )
        for child in children:
            self._diag(child, position, CodeKind.SUBCATEGORY, seventh)
        if extended:
            self._extend(position, seventh)

    def _extend(self, base: int, seventh: _Seventh) -> None:
        entry = self.entries[base]
        stem = key_of(entry.code).ljust(_SEVENTH, "X")
        for character, meaning in seventh.values:
            key = stem + character
            if self._official is not None and key not in self._official:
                continue
            self.entries.append(
                ListedEntry(
                    code=f"{key[:3]}.{key[3:]}",
                    title=f"{entry.title}, {meaning}",
                    kind=CodeKind.CODE,
                    parent=base,
                    billable=True,
                    notes=tuple(
                        ListedNote(NoteKind.INCLUSION_TERM, term) for term in seventh.terms.get(character, ())
                    ),
                    extension=meaning,
                )
            )

    def _add(
        self,
        code: str,
        element: ET.Element,
        kind: CodeKind,
        *,
        parent: int | None,
        billable: bool = False,
        seventh: _Seventh | None = None,
    ) -> int:
        title = _text(element, "desc")
        if kind in {CodeKind.CHAPTER, CodeKind.BLOCK}:
            title = _RANGE_IN_TITLE.sub("", title)
        notes = _notes_of(element)
        if seventh is not None:
            notes += tuple(ListedNote(NoteKind.INCLUSION_TERM, term) for term in seventh.own_terms)
        self.entries.append(
            ListedEntry(
                code, title, kind, parent, billable, notes, seventh.values if seventh is not None else ()
            )
        )
        return len(self.entries) - 1


def _text(element: ET.Element, tag: str) -> str:
    child = element.find(tag)
    text = _words(child) if child is not None else ""
    if not text:
        raise CatalogError(f"the tabular list has a {element.tag} without a {tag}")
    return text


def _words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _notes_of(element: ET.Element) -> tuple[ListedNote, ...]:
    notes = []
    for child in element:
        kind = _NOTE_TAGS.get(child.tag)
        if kind is not None:
            heading = None
            for note in child.findall("note"):
                text = _words(note)
                notes.append(ListedNote(kind, text, heading))
                if text.endswith(":"):
                    heading = text
        elif child.tag == "visualImpairment":
            notes.extend(ListedNote(NoteKind.GENERAL, text) for text in _visual_impairment(child))
    return tuple(notes)


def _visual_impairment(element: ET.Element) -> list[str]:
    """Render the table of H54, one sentence for each category of impairment."""
    sentences = []
    for category in element.findall("visCategory"):
        name = category.findtext("value")
        if name is None:
            continue
        ranges = []
        for limits in category.findall("visRange"):
            below, least = limits.findtext("visMax/value"), limits.findtext("visMin/value")
            parts = [f"less than {below}" if below else "", f"{least} or better" if least else ""]
            ranges.append(" and ".join(part for part in parts if part))
        sentences.append(f"Category {name}: best corrected visual acuity {'; or '.join(ranges)}.")
    return sentences


def _seventh_of(element: ET.Element) -> _Seventh | None:
    definition = element.find("sevenChrDef")
    if definition is None:
        return None
    values: list[tuple[str, str]] = []
    terms: dict[str, tuple[str, ...]] = {}
    own: tuple[str, ...] = ()
    for child in definition:
        if child.tag == "extension":
            values.append((child.attrib["char"], _words(child)))
        elif values and values[-1][1] not in _ENCOUNTERS:
            terms[values[-1][0]] = (*terms.get(values[-1][0], ()), _words(child))
        else:
            own = (*own, _words(child))
    return _Seventh(tuple(values), terms, own)


def _block_range(section: ET.Element) -> tuple[str, str]:
    first, _, last = section.attrib["id"].partition("-")
    return first, last or first


def _order_of(category: str, order: dict[str, int]) -> int:
    """Return where a category stands, or would stand if the release has it no longer."""
    found = order.get(category)
    return found if found is not None else sum(1 for name in order if name < category)


def _holds(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1] and outer != inner
