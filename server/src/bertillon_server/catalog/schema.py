"""The catalog file: a sealed SQLite database with any number of releases of any number of code systems."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from bertillon_server.catalog.codes import NoteKind, key_of
from bertillon_server.catalog.listing import ListedEntry, Listing, subtree_ends
from bertillon_server.catalog.relations import Resolver
from bertillon_server.catalog.sealed import FileKind, write_sealed

SCHEMA_VERSION = 2
_APPLICATION_ID = 0x42455254  # "BERT", in the header of the file

_RESOLVED = frozenset({NoteKind.EXCLUDES1, NoteKind.CODE_FIRST, NoteKind.USE_ADDITIONAL})
_TERMS = frozenset({NoteKind.INCLUSION_TERM, NoteKind.INCLUDES})

_TABLES = """
CREATE TABLE release (
  id INTEGER PRIMARY KEY, system TEXT NOT NULL, version TEXT NOT NULL,
  valid_from TEXT NOT NULL, valid_to TEXT, UNIQUE (system, version)
);
CREATE TABLE source (release INTEGER NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE code (
  release INTEGER NOT NULL, position INTEGER NOT NULL, code TEXT NOT NULL, key TEXT NOT NULL,
  title TEXT NOT NULL, kind TEXT NOT NULL, parent INTEGER, subtree_end INTEGER NOT NULL,
  billable INTEGER NOT NULL, extension TEXT, valid_from TEXT, valid_to TEXT, PRIMARY KEY (release, position)
) WITHOUT ROWID;
CREATE TABLE note (
  id INTEGER PRIMARY KEY, release INTEGER NOT NULL, position INTEGER NOT NULL,
  kind TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE target (
  note INTEGER NOT NULL, ordinal INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, condition TEXT,
  spans TEXT NOT NULL
);
CREATE TABLE seventh (
  release INTEGER NOT NULL, position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  character TEXT NOT NULL, meaning TEXT NOT NULL, PRIMARY KEY (release, position, ordinal)
) WITHOUT ROWID;
CREATE TABLE term (
  id INTEGER PRIMARY KEY, release INTEGER NOT NULL, position INTEGER NOT NULL, text TEXT
);
"""
_INDEXES = """
CREATE INDEX code_by_key ON code (release, key);
CREATE INDEX code_with_dates ON code (release, position, valid_from, valid_to)
  WHERE valid_from IS NOT NULL OR valid_to IS NOT NULL;
CREATE INDEX note_by_position ON note (release, position);
CREATE INDEX target_by_note ON target (note);
"""


def terms_table(release_id: int) -> str:
    """Name the full-text table of a release; one each, so that a search reads no other release's terms."""
    return f"terms_{release_id:d}"


def file_kind() -> FileKind:
    """Return what tells a file of codes from others."""
    return FileKind(_APPLICATION_ID, SCHEMA_VERSION)


def write_catalog(path: Path, listings: Sequence[Listing]) -> None:
    """Write a sealed catalog with these releases, replacing the file in one step.

    The same listings make the same bytes with the same SQLite. Raises CatalogError when it cannot be written.
    """

    def fill(connection: sqlite3.Connection) -> None:
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        for release_id, listing in enumerate(listings, start=1):
            _add_release(connection, release_id, listing)
        connection.execute("COMMIT")
        connection.executescript(_INDEXES)

    write_sealed(path, file_kind(), fill)


def _iso(date: dt.date | None) -> str | None:
    return date.isoformat() if date is not None else None


def _add_release(connection: sqlite3.Connection, release_id: int, listing: Listing) -> None:
    release, entries = listing.release, listing.entries
    connection.execute(
        "INSERT INTO release VALUES (?, ?, ?, ?, ?)",
        (release_id, release.system, release.version, _iso(release.valid_from), _iso(release.valid_to)),
    )
    connection.executemany(
        "INSERT INTO source VALUES (?, ?, ?)",
        [(release_id, source.name, source.sha256) for source in listing.sources],
    )
    ends = subtree_ends(entries)
    connection.executemany(
        "INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                release_id,
                position,
                entry.code,
                key_of(entry.code),
                entry.title,
                entry.kind.value,
                entry.parent,
                ends[position],
                entry.billable,
                entry.extension,
                _iso(entry.valid_from),
                _iso(entry.valid_to),
            )
            for position, entry in enumerate(entries)
        ],
    )
    connection.executemany(
        "INSERT INTO seventh VALUES (?, ?, ?, ?, ?)",
        [
            (release_id, position, ordinal, character, meaning)
            for position, entry in enumerate(entries)
            for ordinal, (character, meaning) in enumerate(entry.seventh)
        ],
    )
    _add_notes(connection, release_id, entries)
    _add_terms(connection, release_id, entries)


def _add_notes(connection: sqlite3.Connection, release_id: int, entries: Sequence[ListedEntry]) -> None:
    resolver = Resolver(entries)
    for position, entry in enumerate(entries):
        for note in entry.notes:
            cursor = connection.execute(
                "INSERT INTO note (release, position, kind, text) VALUES (?, ?, ?, ?)",
                (release_id, position, note.kind.value, note.text),
            )
            if note.kind not in _RESOLVED:
                continue
            for ordinal, target in enumerate(resolver.targets(note)):
                printed = target.printed
                spans = " ".join(f"{low}-{high}" for low, high in target.spans)
                connection.execute(
                    "INSERT INTO target VALUES (?, ?, ?, ?, ?, ?)",
                    (cursor.lastrowid, ordinal, printed.first, printed.last, printed.condition, spans),
                )


def _add_terms(connection: sqlite3.Connection, release_id: int, entries: Sequence[ListedEntry]) -> None:
    """Index titles and terms. Codes with a 7th character are found through the code that they extend.

    Fifty thousand titles that repeat another one and its extension would treble the index and fill every
    answer with their like; instead the meanings of the 7th character are a second column of that code.
    """
    table = terms_table(release_id)
    # detail=column: no phrase is ever asked for, which leaves out the places of words (a third of the size).
    # Prefixes of 2 and 3 characters are indexed for typeahead; longer ones select few words by themselves.
    connection.execute(
        f"CREATE VIRTUAL TABLE {table} USING fts5(words, extension, content='', detail=column, prefix='2 3',"
        " tokenize='unicode61 remove_diacritics 2')"
    )
    extensions: dict[int, dict[str, None]] = {}
    for entry in entries:
        if entry.extension is not None and entry.parent is not None:
            words = extensions.setdefault(entry.parent, {})
            words.update(dict.fromkeys(entry.extension.split()))
    for position, entry in enumerate(entries):
        terms = [note.text for note in entry.notes if note.kind in _TERMS]
        if entry.extension is None and not _repeats_parent(entry, entries):
            terms.insert(0, entry.title)
        for term in dict.fromkeys(terms):
            cursor = connection.execute(
                "INSERT INTO term (release, position, text) VALUES (?, ?, ?)",
                (release_id, position, None if term == entry.title else term),
            )
            connection.execute(
                f"INSERT INTO {table} (rowid, words, extension) VALUES (?, ?, ?)",  # noqa: S608 (a number)
                (cursor.lastrowid, term, " ".join(extensions.get(position, ()))),
            )
    connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608 (a number)


def _repeats_parent(entry: ListedEntry, entries: Sequence[ListedEntry]) -> bool:
    """Whether an entry only adds a placeholder X to its parent, title and all (T36.0X)."""
    return (
        not entry.billable
        and not entry.seventh
        and entry.code.endswith("X")
        and entry.parent is not None
        and entry.title == entries[entry.parent].title
    )
