"""Look-ups of single codes in the catalog file: an entry, what is above and below it, what applies to it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
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
_AT = _ENTRY + "c.position = ?2"
_BELOW = _ENTRY + "c.position > ?2 AND c.position < ?3 AND c.parent = ?2 ORDER BY c.position"
# A chain of parents is walked one at a time: as one recursive query it takes a hundred times as long, because SQLite
# then reads the whole table to build a filter for the few rows that it looks up.
_PARENT = "SELECT parent FROM code WHERE release = ?1 AND position = ?2"
_NOTES = (
    "SELECT n.kind, n.text, s.code FROM note n JOIN code s ON s.release = n.release AND s.position = n.position"
    " WHERE n.release = ?1 AND n.position = ?2 ORDER BY n.id"
)
_DEFINED_SEVENTH = (
    "SELECT character, meaning FROM seventh WHERE release = ?1 AND position = ?2 ORDER BY ordinal"
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
    above = list(_upwards(connection, release, found.entry.order))[:0:-1]
    return tuple(_entry(connection.execute(_AT, (release, position)).fetchone()) for position in above)


def _upwards(connection: sqlite3.Connection, release: int, position: int) -> Iterator[int]:
    """Yield a position and all above it, nearest first: for an extended code its base is the first step up."""
    at: int | None = position
    while at is not None:
        yield at
        row = connection.execute(_PARENT, (release, at)).fetchone()
        at = row[0] if row is not None else None


def children(connection: sqlite3.Connection, release: int, found: Found) -> tuple[CodeEntry, ...]:
    """Return the entries right below one, in order."""
    rows = connection.execute(_BELOW, (release, found.entry.order, found.end))
    return tuple(_entry(row) for row in rows)


def notes(connection: sqlite3.Connection, release: int, found: Found) -> tuple[Note, ...]:
    """Return the notes that apply to an entry, its own first; inclusion terms as `Catalog.notes` says."""
    return tuple(
        Note(NoteKind(kind), text, stated_at)
        for depth, position in enumerate(_upwards(connection, release, found.entry.order))
        for kind, text, stated_at in connection.execute(_NOTES, (release, position))
        if depth <= found.extended or kind != NoteKind.INCLUSION_TERM.value
    )


def seventh_characters(
    connection: sqlite3.Connection, release: int, found: Found
) -> tuple[SeventhCharacter, ...]:
    """Return the values of the 7th character of an entry, in order, as `Catalog.seventh_characters` says."""
    at = (release, found.parent_position if found.extended else found.entry.order)
    upwards = _upwards(connection, release, at[1]) if at[1] is not None else iter(())
    rows = (connection.execute(_DEFINED_SEVENTH, (release, position)).fetchall() for position in upwards)
    # Those of the nearest entry that defines any.
    defined = next((found for found in rows if found), [])
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
