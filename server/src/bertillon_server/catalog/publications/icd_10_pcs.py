"""ICD-10-PCS: order file or code file, and the tables that say which values of the axes go together.

Structure (ICD-10-PCS Official Guidelines A1 to A3): seven characters, digits 0-9 and letters A-H, J-N, P-Z; the
letters I and O are not used, so that they cannot be taken for 1 and 0. A code is built within one row of one
table (A6, A7): the first three characters name the table, the others are values that one row allows together.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from bertillon_server.catalog.codes import CodeKind
from bertillon_server.catalog.listing import ListedEntry
from bertillon_server.catalog.publications.lines import Publication
from bertillon_server.catalog.publications.order_file import OrderLine, read_lines

_LENGTH = 7  # characters of a code
_TABLE = 3  # characters that name a table
_CODE = re.compile(r"[0-9A-HJ-NP-Z]{7}")
_HEADER = re.compile(r"[0-9A-HJ-NP-Z]{3}")


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of all tables: for each table, the values that each row allows at characters 4 to 7."""

    rows: dict[str, tuple[tuple[frozenset[str], ...], ...]]

    def allow(self, code: str) -> bool:
        """Whether some row of the code's table allows its last four characters together."""
        axes = code[_TABLE:]
        return any(
            all(value in allowed for value, allowed in zip(axes, row, strict=True))
            for row in self.rows.get(code[:_TABLE], ())
        )


def read_icd_10_pcs(codes: Publication, tables: Publication | None = None) -> list[ListedEntry]:
    """Return the entries of an order file or a code file; the headings of an order file become categories.

    Refuses the file at the first code that breaks a rule; with `tables`, at the first that no row allows.
    """
    allowed = read_tables(tables) if tables is not None else None
    entries: list[ListedEntry] = []
    seen: set[str] = set()
    heading: tuple[str, int] | None = None
    for line in read_lines(codes):
        _check(codes, line, seen, allowed)
        seen.add(line.code)
        if not line.valid:
            heading = line.code, len(entries)
        parent = heading[1] if line.valid and heading and line.code.startswith(heading[0]) else None
        kind = CodeKind.CODE if line.valid else CodeKind.CATEGORY
        title = codes.title(line.number, line.title)
        entries.append(ListedEntry(line.code, title, kind, parent, billable=line.valid))
    if not entries:
        raise codes.refuse(None, "it holds no codes")
    return entries


def _check(codes: Publication, line: OrderLine, seen: set[str], allowed: Tables | None) -> None:
    if line.valid and len(line.code) != _LENGTH:
        raise codes.refuse(line.number, f"a code has {_LENGTH} characters")
    if not (_CODE if line.valid else _HEADER).fullmatch(line.code):
        raise codes.refuse(line.number, "a code has digits and the letters A to Z without I and O only")
    if line.code in seen:
        raise codes.refuse(line.number, "the code is listed twice")
    if line.valid and allowed is not None and not allowed.allow(line.code):
        reason = "the tables have no row that allows these values together"
        if line.code[:_TABLE] not in allowed.rows:
            reason = "the tables have no table for the first three characters"
        raise codes.refuse(line.number, f"{reason}; are the tables of the same year?")


def read_tables(publication: Publication) -> Tables:
    """Read the XML of the tables."""
    try:
        root = ET.fromstring(publication.xml())  # noqa: S314 - without entities
    except ET.ParseError as error:
        raise publication.refuse(error.position[0], "the XML is not well-formed") from None
    rows: dict[str, list[tuple[frozenset[str], ...]]] = {}
    for table in root.iter("pcsTable"):
        for first in _products(table):
            rows.setdefault(first, []).extend(_row(publication, row) for row in table.findall("pcsRow"))
    if not rows:
        raise publication.refuse(None, "it holds no tables")
    return Tables({name: tuple(found) for name, found in rows.items()})


def _products(table: ET.Element) -> Iterator[str]:
    names = [""]
    for axis in table.findall("axis"):
        names = [name + label.get("code", "") for name in names for label in axis.findall("label")]
    yield from (name for name in names if len(name) == _TABLE)


def _row(publication: Publication, row: ET.Element) -> tuple[frozenset[str], ...]:
    axes = row.findall("axis")
    places = [axis.get("pos") for axis in axes]
    if places != [str(place) for place in range(_TABLE + 1, _LENGTH + 1)]:
        raise publication.refuse(None, "a row of a table does not have the axes 4 to 7 in order")
    return tuple(frozenset(label.get("code", "") for label in axis.findall("label")) for axis in axes)
