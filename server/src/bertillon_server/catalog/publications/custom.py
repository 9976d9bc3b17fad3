"""A customer's own or licensed set, such as CPT, as a CSV file with a header.

Columns: `code` and `title` are required; `terms` are further names, parted by `|`; `billable` is yes or no, yes
where it is empty; `valid_from` and `valid_to` are the first and the last date of service of the code. The file is
UTF-8. What it says is the licensor's: no message repeats any of it.
"""

from __future__ import annotations

import re
from typing import Final

from bertillon_server.catalog.codes import CodeKind, NoteKind, key_of
from bertillon_server.catalog.listing import ListedEntry, ListedNote
from bertillon_server.catalog.publications.lines import Publication

REQUIRED: Final = ("code", "title")
COLUMNS: Final = (*REQUIRED, "terms", "billable", "valid_from", "valid_to")

_CODE: Final = re.compile(r"[0-9A-Z](?:[0-9A-Z.-]{0,14}[0-9A-Z])?")
_BILLABLE: Final = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def read_custom(publication: Publication) -> list[ListedEntry]:
    """Return the entries of a set in the order of the file; refuses the file at the first bad row."""
    rows = publication.rows(",")
    try:
        line, header = next(rows)
    except StopIteration:
        raise publication.refuse(None, "it is empty") from None
    header = [cell.strip().lower() for cell in header]
    if len(set(header)) < len(header) or not set(REQUIRED) <= set(header) <= set(COLUMNS):
        raise publication.refuse(
            line,
            f"the header must name each column once, {' and '.join(REQUIRED)} among them: {', '.join(COLUMNS)}",
        )
    entries: list[ListedEntry] = []
    seen: set[str] = set()
    for line, row in rows:
        if len(row) != len(header):
            raise publication.refuse(line, f"the row has {len(row)} columns and the header has {len(header)}")
        entry = _entry(publication, line, dict(zip(header, row, strict=True)))
        if key_of(entry.code) in seen:
            raise publication.refuse(line, "the code is listed twice")
        seen.add(key_of(entry.code))
        entries.append(entry)
    if not entries:
        raise publication.refuse(None, "it holds no codes")
    return entries


def _entry(publication: Publication, line: int, cells: dict[str, str]) -> ListedEntry:
    code = cells["code"].strip()
    if not _CODE.fullmatch(code):
        raise publication.refuse(
            line, "a code has at most 16 digits and capital letters, with points or hyphens only between them"
        )
    billable = _BILLABLE.get(cells.get("billable", "").strip().lower())
    if billable is None:
        raise publication.refuse(line, "billable is neither yes nor no")
    first, last = publication.period(line, cells.get("valid_from", ""), cells.get("valid_to", ""))
    terms = [term for term in cells.get("terms", "").split("|") if term.strip()]
    return ListedEntry(
        code,
        publication.title(line, cells["title"]),
        CodeKind.CODE,
        None,
        billable=billable,
        notes=tuple(ListedNote(NoteKind.INCLUSION_TERM, publication.title(line, term)) for term in terms),
        valid_from=first,
        valid_to=last,
    )
