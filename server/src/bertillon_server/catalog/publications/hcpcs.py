"""HCPCS Level II as CMS publishes it: the fixed-width file of contractors, or its sheet saved as CSV.

Columns of the fixed-width file (CMS, HCPCS record layout): code 1-5, with a modifier at 4-5; record 11, where 3
begins a code and 7 a modifier, and 4 and 8 go on with the long title; long title 12-91; date added 269-276;
termination date 285-292. CMS's file holds neither CPT nor the dental D codes, which others license.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bertillon_server.catalog.codes import CodeKind
from bertillon_server.catalog.listing import ListedEntry
from bertillon_server.catalog.publications.lines import Publication, columns_of

_CODE: Final = re.compile(r"[A-Z]\d{4}")
_MODIFIER: Final = re.compile(r"[A-Z0-9]{2}")
_RECORD: Final = re.compile(r"[ A-Z0-9]{5}[ \d]{5}[3478]")
_BEGINS: Final = frozenset("37")
_GOES_ON: Final = {"4": "3", "8": "7"}
_SHORTEST: Final = 12  # characters of a record that has any title

_COLUMNS: Final = {
    "code": ("HCPC", "HCPCS", "HCPCS Code", "Code"),
    "title": ("Long Description", "Description", "Short Description"),
    "record": ("RECID", "Record Identification Code"),
    "first": ("ADD DT", "Add Date", "Code Added Date"),
    "last": ("TERM DT", "Termination Date"),
}


@dataclass(slots=True)
class _Record:
    """A code or modifier as it is read; `parts` are the pieces of its title."""

    line: int
    code: str
    parts: list[str] = field(default_factory=list)
    first: dt.date | None = None
    last: dt.date | None = None


def read_hcpcs(publication: Publication) -> list[ListedEntry]:
    """Return codes and modifiers in published order; a modifier is never reported alone, so it is not billable."""
    opening = next((line for _, line in publication.lines()), "")
    records = _fixed(publication) if _RECORD.match(opening) else _sheet(publication)
    entries: list[ListedEntry] = []
    seen: set[str] = set()
    for record in records:
        is_code = _CODE.fullmatch(record.code) is not None
        if not is_code and not _MODIFIER.fullmatch(record.code):
            raise publication.refuse(
                record.line, "a code is a letter and four digits, a modifier two letters or digits"
            )
        if record.code in seen:
            raise publication.refuse(record.line, "the code is listed twice")
        seen.add(record.code)
        title = publication.title(record.line, " ".join(record.parts))
        entries.append(
            ListedEntry(
                record.code,
                title,
                CodeKind.CODE,
                None,
                billable=is_code,
                valid_from=record.first,
                valid_to=record.last,
            )
        )
    if not entries:
        raise publication.refuse(None, "it holds no codes")
    return entries


def _fixed(publication: Publication) -> Iterator[_Record]:
    open_record: _Record | None = None
    kind = ""
    for number, line in publication.lines():
        if len(line) < _SHORTEST:
            raise publication.refuse(number, "the line is too short for a HCPCS record")
        code, record, text = line[:5].strip(), line[10], line[11:91]
        if record in _BEGINS:
            if open_record is not None:
                yield open_record
            first, last = publication.period(number, line[268:276], line[284:292])
            open_record, kind = _Record(number, code, [text], first, last), record
        elif open_record is None or code != open_record.code or _GOES_ON.get(record) != kind:
            raise publication.refuse(
                number, "column 11 neither begins a record nor goes on with the one before"
            )
        else:
            open_record.parts.append(text)
    if open_record is not None:
        yield open_record


def _sheet(publication: Publication) -> Iterator[_Record]:
    places: dict[str, int] | None = None
    width = 0
    for number, row in publication.rows(","):
        if places is None:
            found = columns_of(row, _COLUMNS)
            if not found.keys() >= {"code", "title"}:
                # Sheets begin with lines of a notice, which are no rows of the table.
                continue
            places, width = found, len(row)
            continue
        if len(row) != width:
            raise publication.refuse(number, f"the row has {len(row)} columns and the header has {width}")
        cells = {name: row[place] for name, place in places.items()}
        first, last = publication.period(number, cells.get("first", ""), cells.get("last", ""))
        yield _Record(number, cells["code"].strip(), [cells["title"]], first, last)
    if places is None:
        raise publication.refuse(None, "no row has columns for the code and its description")
