"""Lines and rows of a published file, with their numbers, and the values that several formats share."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertillon_server.catalog.listing import Source
from bertillon_server.catalog.publications.refusal import RefusedFileError

# Code points of a title; the longest official one has 4,100 (HCPCS G0556 and its like).
MAX_TITLE = 8_000
# No publication is this large; anything that is was given by mistake.
_MAX_BYTES = 256 * 1024 * 1024

_DATE_FORMS = ("%Y%m%d", "%Y-%m-%d", "%m/%d/%Y")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")


@dataclass(frozen=True, slots=True)
class Publication:
    """A file that was read: its name without its folder, its text, and what it is recorded as."""

    name: str
    text: str
    source: Source

    def refuse(self, line: int | None, reason: str) -> RefusedFileError:
        """Return the error that refuses the file."""
        return RefusedFileError(self.name, line, reason)

    def xml(self) -> str:
        """Return the text of an XML file; refuses one that defines entities, which could unfold without end."""
        if "<!ENTITY" in self.text:
            raise self.refuse(None, "the XML defines entities")
        return self.text

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that hold something, with their numbers from 1, without their ends."""
        for number, line in enumerate(_LINE_END.split(self.text), start=1):
            if line.strip():
                yield number, line

    def rows(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows of a table with the number of the line on which each begins; blank ones are left out."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=delimiter, strict=True)
        begins = 1
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield begins, row
                begins = reader.line_num + 1
        except csv.Error:
            raise self.refuse(begins, "the row has quotes that do not match") from None

    def rows_as_they_are(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows of a table that knows no quoting; blank ones are left out."""
        for number, line in self.lines():
            yield number, line.split(delimiter)

    def title(self, line: int, text: str) -> str:
        """Return a title with single blanks; refuses one that is missing, too long or holds control characters."""
        title = " ".join(text.split())
        if not title:
            raise self.refuse(line, "the title is missing")
        if len(title) > MAX_TITLE:
            raise self.refuse(line, f"the title is longer than {MAX_TITLE:,} characters")
        if _CONTROL.search(title):
            raise self.refuse(line, "the title holds a control character")
        return title

    def date(self, line: int, text: str, what: str) -> dt.date | None:
        """Return a date, None for an empty cell; refuses what is none."""
        text = text.strip()
        if not text.strip("0"):
            return None
        for form in _DATE_FORMS:
            try:
                return dt.datetime.strptime(text, form).date()  # noqa: DTZ007 - a date of the calendar
            except ValueError:
                continue
        raise self.refuse(line, f"the {what} is no date (YYYYMMDD, YYYY-MM-DD or MM/DD/YYYY)")

    def period(self, line: int, first: str, last: str) -> tuple[dt.date | None, dt.date | None]:
        """Return the first and the last date of service of a code; refuses an end before the beginning."""
        begins, ends = self.date(line, first, "first date"), self.date(line, last, "last date")
        if begins is not None and ends is not None and ends < begins:
            raise self.refuse(line, "the last date lies before the first")
        return begins, ends


# Not `splitlines`, which also breaks at form feeds and the like. A lone CR ends a line in some lists.
_LINE_END = re.compile(r"\r\n|\n|\r")


def read_publication(path: Path) -> Publication:
    """Read a text file in UTF-8 or, as CMS still writes some, Windows-1252."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RefusedFileError(path.name, None, f"the file is larger than {_MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise RefusedFileError(path.name, None, f"it cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise RefusedFileError(path.name, None, "it is no text file; unpack an archive, save a sheet as CSV")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return Publication(path.name, text, Source(path.name, hashlib.sha256(content).hexdigest()))


def columns_of(header: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the place of each column that a header has, by the first of its names that is there."""
    places = {_plain(cell): place for place, cell in reversed(list(enumerate(header)))}
    found = {}
    for column, spellings in names.items():
        known = [spelling for spelling in map(_plain, spellings) if spelling in places]
        if known:
            found[column] = places[known[0]]
    return found


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
