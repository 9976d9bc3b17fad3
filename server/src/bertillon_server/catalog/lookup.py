"""Look-ups of single codes in the catalog file: an entry, what is above and below it, what applies to it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import dataclass
from typing import Any

from bertillon_server.catalog.codes import (
    CodeEntry,
    CodeKind,
    Note,
    NoteKind,
    Period,
    SeventhCharacter,
    key_of,
)

_ENTRY = (
    "SELECT c.code, c.title, c.kind, p.code, c.billable, c.position, c.subtree_end, c.parent,"
    " c.extension IS NOT NULL, c.valid_from, c.valid_to FROM code c"
    " LEFT JOIN code p ON p.release = c.release AND p.position = c.parent WHERE c.release = ?1 AND "
)
_BY_KEY = _ENTRY + "c.key = ?2"
_ABOVE = _ENTRY + "c.position < ?2 AND c.subtree_end > ?2 ORDER BY c.position"
_BELOW = _ENTRY + "c.position > ?2 AND c.position < ?3 AND c.parent = ?2 ORDER BY c.position"
# A position and all above it, nearest first: for an extended code its base is the first step up.
_UPWARDS = (
    "WITH RECURSIVE up (position, depth) AS (SELECT ?2, 0 UNION ALL"
    " SELECT c.parent, up.depth + 1 FROM code c JOIN up ON c.position = up.position"
    " WHERE c.release = ?1 AND c.parent IS NOT NULL) "
)
_NOTES = (
    _UPWARDS + "SELECT n.kind, n.text, s.code FROM up"  # noqa: S608 (constants)
    " JOIN note n ON n.release = ?1 AND n.position = up.position"
    " JOIN code s ON s.release = ?1 AND s.position = up.position"
    " WHERE n.kind <> ?3 OR up.depth <= ?4 ORDER BY up.depth, n.id"
)
_DEFINED_SEVENTH = (
    _UPWARDS + "SELECT s.character, s.meaning FROM seventh s WHERE s.release = ?1 AND s.position ="  # noqa: S608
    " (SELECT up.position FROM up JOIN seventh d ON d.release = ?1 AND d.position = up.position"
    " ORDER BY up.depth LIMIT 1) ORDER BY s.ordinal"
)
_EXTENSIONS = (
    "SELECT e.key FROM code b JOIN code e ON e.release = b.release AND e.parent = b.position"
    " AND e.position > b.position AND e.position < b.subtree_end"
    " WHERE b.release = ?1 AND b.position = ?2 AND e.extension IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry with what only look-ups need of it; `extended` is 1 for a code with a 7th character."""

    entry: CodeEntry
    end: int
    parent_position: int | None
    extended: int


def find(connection: sqlite3.Connection, release: int, code: str) -> Found | None:
    """Return the entry of a code in any spelling."""
    row = connection.execute(_BY_KEY, (release, key_of(code))).fetchone()
    return Found(_entry(row), *row[6:9]) if row is not None else None


def ancestors(connection: sqlite3.Connection, release: int, found: Found) -> tuple[CodeEntry, ...]:
    """Return the entries above one, from the chapter down."""
    return tuple(_entry(row) for row in connection.execute(_ABOVE, (release, found.entry.order)))


def children(connection: sqlite3.Connection, release: int, found: Found) -> tuple[CodeEntry, ...]:
    """Return the entries right below one, in order."""
    rows = connection.execute(_BELOW, (release, found.entry.order, found.end))
    return tuple(_entry(row) for row in rows)


def notes(connection: sqlite3.Connection, release: int, found: Found) -> tuple[Note, ...]:
    """Return the notes that apply to an entry, its own first; inclusion terms as `Catalog.notes` says."""
    rows = connection.execute(
        _NOTES, (release, found.entry.order, NoteKind.INCLUSION_TERM.value, found.extended)
    )
    return tuple(Note(NoteKind(kind), text, stated_at) for kind, text, stated_at in rows)


def seventh_characters(
    connection: sqlite3.Connection, release: int, found: Found
) -> tuple[SeventhCharacter, ...]:
    """Return the values of the 7th character of an entry, in order, as `Catalog.seventh_characters` says."""
    at = (release, found.parent_position if found.extended else found.entry.order)
    defined = connection.execute(_DEFINED_SEVENTH, at).fetchall()
    valid = {key[-1] for (key,) in connection.execute(_EXTENSIONS, at)}
    return tuple(SeventhCharacter(*value) for value in defined if not valid or value[0] in valid)


def _entry(row: tuple[Any, ...]) -> CodeEntry:
    code, title, kind, parent, billable, position = row[:6]
    return CodeEntry(code, title, CodeKind(kind), parent, bool(billable), position, period_of(*row[9:]))


def period_of(valid_from: str | None, valid_to: str | None) -> Period | None:
    """Return the dates of a code as the file holds them; None where it has none of its own."""
    if valid_from is None and valid_to is None:
        return None
    first, last = (
        dt.date.fromisoformat(date) if date is not None else None for date in (valid_from, valid_to)
    )
    return Period(first, last)
