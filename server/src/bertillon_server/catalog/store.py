"""Opens the catalog and answers questions about codes: the only way into it for the rest of the server."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from bertillon_server.catalog import lookup
from bertillon_server.catalog.codes import (
    CatalogError,
    CodeEntry,
    Excludes1Rule,
    Note,
    NoteKind,
    Release,
    ReleaseChoice,
    SearchHit,
    SequencingNote,
    SeventhCharacter,
)
from bertillon_server.catalog.compiling import CATALOG_FILE
from bertillon_server.catalog.instructions import Instructions
from bertillon_server.catalog.schema import check_file, connect
from bertillon_server.catalog.search import search_codes
from bertillon_server.catalog.table import NO_POSITION, CodeTable

_T = TypeVar("_T")


@dataclass(slots=True)
class _Loaded:
    """What is in memory of one release, read at first use."""

    table: CodeTable | None = None
    instructions: Instructions | None = None


class Catalog:
    """The code systems of one catalog file.

    Safe for any number of threads: each call takes a connection out of a pool that grows with the calls in
    progress. Codes are taken in any spelling (`e11.9`, `E119`, ` E11.9 `). A system or version that the file
    does not hold, a damaged file and a closed catalog raise CatalogError; a code that the release does not
    have is None or empty.
    """

    def __init__(self, path: Path) -> None:
        """Prefer `open`."""
        check_file(path)
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT id, system, version, valid_from, valid_to FROM release ORDER BY system, valid_from DESC"
            ).fetchall()
        self._releases = {
            Release(
                system,
                version,
                dt.date.fromisoformat(valid_from),
                dt.date.fromisoformat(valid_to) if valid_to is not None else None,
            ): release_id
            for release_id, system, version, valid_from, valid_to in rows
        }
        self._ids: dict[tuple[str, str], int] = {
            (release.system, release.version): id_ for release, id_ in self._releases.items()
        }
        self._loaded = {id_: _Loaded() for id_ in self._ids.values()}

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """Open a catalog file, the packaged one by default. CatalogError when it is missing or damaged."""
        return cls(path if path is not None else CATALOG_FILE)

    def close(self) -> None:
        """Close the file; calls in progress end as they would have."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def systems(self) -> tuple[str, ...]:
        """Return the ids of the code systems, sorted."""
        return tuple(sorted({release.system for release in self._releases}))

    def releases(self, system: str) -> tuple[Release, ...]:
        """Return the releases of a system, newest first; empty for an unknown system."""
        return tuple(release for release in self._releases if release.system == system)

    def release_for(self, system: str, date: dt.date | None) -> ReleaseChoice:
        """Return the release for a date of service, the newest one without a date.

        Where no release covers the date, the one nearest in days stands in; of two at the same distance, and
        of two that cover it, the newer.
        """
        releases = self.releases(system)
        if not releases:
            raise CatalogError(f"the catalog has no code system {system!r}")
        if date is None:
            return ReleaseChoice(releases[0], exact=True, defaulted=True)
        nearest = min(releases, key=lambda release: release.days_away(date))
        return ReleaseChoice(nearest, exact=nearest.covers(date), defaulted=False)

    def get(self, system: str, version: str, code: str) -> CodeEntry | None:
        """Return the entry of a code, block (`I10-I1A`) or chapter (`9`)."""
        with self._connection() as connection:
            found = lookup.find(connection, self._id(system, version), code)
        return found.entry if found is not None else None

    def ancestors(self, system: str, version: str, code: str) -> tuple[CodeEntry, ...]:
        """Return the entries above a code, from the chapter down to the parent."""
        return self._of(lookup.ancestors, system, version, code)

    def children(self, system: str, version: str, code: str) -> tuple[CodeEntry, ...]:
        """Return the entries right below a code, in order."""
        return self._of(lookup.children, system, version, code)

    def notes(self, system: str, version: str, code: str) -> tuple[Note, ...]:
        """Return the notes that apply to a code: its own, then those of its ancestors, nearest first.

        Inclusion terms are not inherited, they name the code itself; a code with a 7th character has those
        of the code that it extends, beside its own.
        """
        return self._of(lookup.notes, system, version, code)

    def seventh_characters(self, system: str, version: str, code: str) -> tuple[SeventhCharacter, ...]:
        """Return the values of the 7th character of a code, in order; empty where it takes none.

        Only values that make a valid code are returned for a code that is extended, or is an extension
        itself; for a code above those, the values as defined.
        """
        return self._of(lookup.seventh_characters, system, version, code)

    def search(
        self,
        system: str,
        version: str,
        query: str,
        *,
        limit: int = 10,
        prefix: bool = True,
        billable_only: bool = False,
    ) -> list[SearchHit]:
        """Return codes by the beginning of a code or by words of titles and terms, best first.

        Every word must match, in singular or plural; with `prefix` the last one as the beginning of a word.
        """
        release, table = self._id(system, version), self.code_table(system, version)
        with self._connection() as connection:
            return search_codes(
                connection,
                release,
                table,
                query,
                limit=limit,
                prefix=prefix,
                billable_only=billable_only,
            )

    def code_table(self, system: str, version: str) -> CodeTable:
        """Return all codes of a release, read at the first call (0.2 s) and shared after it."""
        release = self._id(system, version)
        loaded = self._loaded[release]
        with self._lock:
            if loaded.table is None:
                with self._connection() as connection:
                    loaded.table = CodeTable(
                        connection.execute(
                            "SELECT code, title, coalesce(parent, ?), subtree_end, billable,"
                            " kind IN ('chapter', 'block'), extension IS NOT NULL FROM code"
                            " WHERE release = ? ORDER BY position",
                            (NO_POSITION, release),
                        )
                    )
            return loaded.table

    def excludes1(self, system: str, version: str, one: str, other: str) -> Excludes1Rule | None:
        """Return why two codes are not reported together, None when they may be; either order."""
        return self._instructions(system, version).excludes1(one, other)

    def code_first(self, system: str, version: str, code: str) -> tuple[SequencingNote, ...]:
        """Return the "code first" notes that apply to a code, those stated nearest first."""
        return self._instructions(system, version).sequencing(NoteKind.CODE_FIRST, code)

    def use_additional(self, system: str, version: str, code: str) -> tuple[SequencingNote, ...]:
        """Return the "use additional code" notes that apply to a code, those stated nearest first."""
        return self._instructions(system, version).sequencing(NoteKind.USE_ADDITIONAL, code)

    def relation_notes(self, system: str, version: str) -> list[tuple[NoteKind, str, str, int, int]]:
        """Return the Excludes1, code-first and use-additional notes with what was made of them.

        Of each: its kind, the code it is stated at, its text, the ranges that it prints, and those of them that
        stand for codes. Of a note with a heading, the heading is a note of its own.
        """
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT n.kind, c.code, n.text, count(t.first), coalesce(sum(t.spans <> ''), 0) FROM note n"
                " JOIN code c ON c.release = n.release AND c.position = n.position"
                " LEFT JOIN target t ON t.note = n.id WHERE n.release = ? AND n.kind IN (?, ?, ?)"
                " GROUP BY n.id ORDER BY n.id",
                (
                    self._id(system, version),
                    NoteKind.EXCLUDES1.value,
                    NoteKind.CODE_FIRST.value,
                    NoteKind.USE_ADDITIONAL.value,
                ),
            ).fetchall()
        return [(NoteKind(kind), code, text, ranges, resolved) for kind, code, text, ranges, resolved in rows]

    def seventh_definitions(self, system: str, version: str) -> list[tuple[str, int, int]]:
        """Return where 7th characters are defined: the code, how many values, how many codes below carry one."""
        release = self._id(system, version)
        with self._connection() as connection:
            defined = connection.execute(
                "SELECT c.code, c.position, c.subtree_end, count(*) FROM seventh s JOIN code c"
                " ON c.release = s.release AND c.position = s.position WHERE s.release = ?"
                " GROUP BY c.position ORDER BY c.position",
                (release,),
            ).fetchall()
            extended = [
                position
                for (position,) in connection.execute(
                    "SELECT position FROM code WHERE release = ? AND extension IS NOT NULL ORDER BY position",
                    (release,),
                )
            ]
        return [
            (code, values, bisect_left(extended, end) - bisect_left(extended, position))
            for code, position, end, values in defined
        ]

    def _instructions(self, system: str, version: str) -> Instructions:
        release, table = self._id(system, version), self.code_table(system, version)
        loaded = self._loaded[release]
        with self._lock:
            if loaded.instructions is None:
                with self._connection() as connection:
                    rows = connection.execute(
                        "SELECT n.id, n.position, n.kind, n.text, t.first, t.last, t.condition, t.spans"
                        " FROM note n LEFT JOIN target t ON t.note = n.id"
                        " WHERE n.release = ? AND n.kind IN (?, ?, ?) ORDER BY n.id, t.ordinal",
                        (
                            release,
                            NoteKind.EXCLUDES1.value,
                            NoteKind.CODE_FIRST.value,
                            NoteKind.USE_ADDITIONAL.value,
                        ),
                    )
                    loaded.instructions = Instructions(table, rows)
            return loaded.instructions

    def _id(self, system: str, version: str) -> int:
        try:
            return self._ids[system, version]
        except KeyError:
            raise CatalogError(f"the catalog has no release {version!r} of {system!r}") from None

    def _of(
        self,
        ask: Callable[[sqlite3.Connection, int, lookup.Found], tuple[_T, ...]],
        system: str,
        version: str,
        code: str,
    ) -> tuple[_T, ...]:
        release = self._id(system, version)
        with self._connection() as connection:
            found = lookup.find(connection, release, code)
            return ask(connection, release, found) if found is not None else ()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._closed.is_set():
            raise CatalogError("the catalog is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = connect(self._path)
        try:
            yield connection
        except sqlite3.Error as error:
            connection.close()
            raise CatalogError(f"the catalog file {self._path} cannot be read") from error
        except BaseException:
            connection.close()
            raise
        if self._closed.is_set():
            connection.close()
        else:
            self._idle.append(connection)
