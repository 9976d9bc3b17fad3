"""Opens the catalog and answers questions about codes: the only way into it for the rest of the server."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
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
from bertillon_server.catalog.flags import FLAGGED_SYSTEM, CodeFlags, FlagFile, FlagSets
from bertillon_server.catalog.folder import CODES_FILE, FLAGS_FILE, CatalogFolder
from bertillon_server.catalog.instructions import Instructions
from bertillon_server.catalog.schema import file_kind
from bertillon_server.catalog.sealed import SealedFile
from bertillon_server.catalog.search import search_codes
from bertillon_server.catalog.table import NO_POSITION, CodeTable

_T = TypeVar("_T")


@dataclass(slots=True)
class _At:
    """Where a release is: its file and its number there. What is in memory of it is read at first use."""

    file: SealedFile
    id: int
    release: Release
    table: CodeTable | None = None
    instructions: Instructions | None = None


class Catalog:
    """The code systems of one or more catalog files.

    Safe for any number of threads: each call takes a connection out of a pool that grows with the calls in
    progress. Codes are taken in any spelling (`e11.9`, `E119`, ` E11.9 `). A system or version that no file
    holds, a damaged file and a closed catalog raise CatalogError; a code that the release does not have is
    None or empty.
    """

    def __init__(
        self, paths: Sequence[Path], flag_paths: Sequence[Path] = (), earlier: Catalog | None = None
    ) -> None:
        """Prefer `open`."""
        self._first = paths[0]
        self._files: list[SealedFile] = []
        self._flag_files: list[FlagFile] = []
        self._lock = threading.Lock()
        self._releases: list[Release] = []
        self._places: dict[tuple[str, str], _At] = {}
        try:
            for path in paths:
                if earlier is None or not self._share(path, earlier):
                    self._add(path)
            self._flag_files.extend(FlagFile(path) for path in flag_paths)
        except CatalogError:
            self.close(but=earlier)
            raise
        self._flags = FlagSets(self._flag_files)
        self._releases.sort(key=lambda release: (release.system, -release.valid_from.toordinal()))

    @classmethod
    def open(cls, path: Path | None = None, *, imported: CatalogFolder | None = None) -> Self:
        """Open a catalog file, the packaged one by default, and what was imported beside it.

        CatalogError when a file is missing or damaged, or two hold the same release.
        """
        first = path if path is not None else CATALOG_FILE
        if imported is None:
            return cls([first])
        codes = [folder / CODES_FILE for folder in imported.codes()]
        return cls([first, *codes], [folder / FLAGS_FILE for folder in imported.flags()])

    def opened_again(self, imported: CatalogFolder) -> Catalog:
        """Return the catalog as the directory now has it; what has not changed is shared and not read again.

        Close the older one with `but` the newer one. CatalogError leaves this one as it is.
        """
        codes = [folder / CODES_FILE for folder in imported.codes()]
        flags = [folder / FLAGS_FILE for folder in imported.flags()]
        return Catalog([self._first, *codes], flags, earlier=self)

    def shares(self, system: str, version: str, other: Catalog) -> bool:
        """Whether another catalog has the same release from the same file."""
        mine, theirs = self._places.get((system, version)), other._places.get((system, version))
        return mine is not None and mine is theirs

    def identity(self, system: str, version: str) -> tuple[int, ...]:
        """Return what tells the file of a release from every other of the machine."""
        return self._at(system, version).file.identity

    def holds(self, file: SealedFile) -> bool:
        """Whether an open file is one of this catalog."""
        return any(file is one for one in self._files)

    def _file_at(self, path: Path) -> SealedFile | None:
        """Return the open file that is still at a path, None where there is another or none."""
        return next((file for file in self._files if file.is_still(path)), None)

    def _share(self, path: Path, earlier: Catalog) -> bool:
        """Take a file over from an earlier catalog, if that has it as it is now."""
        file = earlier._file_at(path)
        if file is None:
            return False
        self._files.append(file)
        for key, at in earlier._places.items():
            if at.file is file:
                self._places[key] = at
                self._releases.append(at.release)
        return True

    def _add(self, path: Path) -> None:
        file = SealedFile(path, file_kind())
        self._files.append(file)
        with file.connection() as connection:
            rows = connection.execute(
                "SELECT id, system, version, valid_from, valid_to FROM release"
            ).fetchall()
        for id_, system, version, first, last in rows:
            if (system, version) in self._places:
                raise CatalogError(
                    f"the catalog file {path} holds {system} {version}, which another holds too"
                )
            valid_to = dt.date.fromisoformat(last) if last is not None else None
            self._releases.append(Release(system, version, dt.date.fromisoformat(first), valid_to))
            self._places[system, version] = _At(file, id_, self._releases[-1])

    def close(self, *, but: Catalog | None = None) -> None:
        """Close the files but those of another catalog; calls in progress end as they would have."""
        for file in self._files:
            if but is None or not but.holds(file):
                file.close()
        for flags in self._flag_files:
            flags.close()

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
        at = self._at(system, version)
        with at.file.connection() as connection:
            found = lookup.find(connection, at.id, code)
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
        at, table = self._at(system, version), self.code_table(system, version)
        with at.file.connection() as connection:
            return search_codes(
                connection,
                at.id,
                table,
                query,
                limit=limit,
                prefix=prefix,
                billable_only=billable_only,
            )

    def code_table(self, system: str, version: str) -> CodeTable:
        """Return all codes of a release, read at the first call (0.2 s) and shared after it."""
        at = self._at(system, version)
        with self._lock:
            if at.table is None:
                with at.file.connection() as connection:
                    at.table = CodeTable(
                        connection.execute(
                            "SELECT code, title, coalesce(parent, ?), subtree_end, billable,"
                            " kind IN ('chapter', 'block'), extension IS NOT NULL FROM code"
                            " WHERE release = ? ORDER BY position",
                            (NO_POSITION, at.id),
                        ),
                        {
                            position: period
                            for position, first, last in connection.execute(
                                "SELECT position, valid_from, valid_to FROM code WHERE release = ?"
                                # As the index has it: few codes of few systems have dates of their own.
                                " AND (valid_from IS NOT NULL OR valid_to IS NOT NULL)",
                                (at.id,),
                            )
                            if (period := lookup.period_of(first, last)) is not None
                        },
                    )
            return at.table

    def terms(self, system: str, version: str) -> list[tuple[int, str]]:
        """Return the names of codes beside their titles, as (position in the code table, name), in order."""
        at = self._at(system, version)
        with at.file.connection() as connection:
            return connection.execute(
                "SELECT position, text FROM term WHERE release = ? AND text IS NOT NULL ORDER BY id", (at.id,)
            ).fetchall()

    def flags(self, system: str, version: str, code: str, date: dt.date | None = None) -> CodeFlags | None:
        """Return what the imported lists say of a code on a date of service, by default the release's first.

        None where the release has no such code, or no list speaks of its system.
        """
        at = self._at(system, version)
        if system != FLAGGED_SYSTEM or not self._flag_files or code not in self.code_table(system, version):
            return None
        return self._flags.flags(code, date if date is not None else at.release.valid_from)

    def flag_sets(self) -> tuple[Release, ...]:
        """Return the sets of flags that are imported, with the kind of list in place of a system."""
        return tuple(file.release for file in self._flag_files)

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
        at = self._at(system, version)
        with at.file.connection() as connection:
            rows = connection.execute(
                "SELECT n.kind, c.code, n.text, count(t.first), coalesce(sum(t.spans <> ''), 0) FROM note n"
                " JOIN code c ON c.release = n.release AND c.position = n.position"
                " LEFT JOIN target t ON t.note = n.id WHERE n.release = ? AND n.kind IN (?, ?, ?)"
                " GROUP BY n.id ORDER BY n.id",
                (
                    at.id,
                    NoteKind.EXCLUDES1.value,
                    NoteKind.CODE_FIRST.value,
                    NoteKind.USE_ADDITIONAL.value,
                ),
            ).fetchall()
        return [(NoteKind(kind), code, text, ranges, resolved) for kind, code, text, ranges, resolved in rows]

    def seventh_definitions(self, system: str, version: str) -> list[tuple[str, int, int]]:
        """Return where 7th characters are defined: the code, how many values, how many codes below carry one."""
        at = self._at(system, version)
        with at.file.connection() as connection:
            defined = connection.execute(
                "SELECT c.code, c.position, c.subtree_end, count(*) FROM seventh s JOIN code c"
                " ON c.release = s.release AND c.position = s.position WHERE s.release = ?"
                " GROUP BY c.position ORDER BY c.position",
                (at.id,),
            ).fetchall()
            extended = [
                position
                for (position,) in connection.execute(
                    "SELECT position FROM code WHERE release = ? AND extension IS NOT NULL ORDER BY position",
                    (at.id,),
                )
            ]
        return [
            (code, values, bisect_left(extended, end) - bisect_left(extended, position))
            for code, position, end, values in defined
        ]

    def _instructions(self, system: str, version: str) -> Instructions:
        at, table = self._at(system, version), self.code_table(system, version)
        with self._lock:
            if at.instructions is None:
                with at.file.connection() as connection:
                    rows = connection.execute(
                        "SELECT n.id, n.position, n.kind, n.text, t.first, t.last, t.condition, t.spans"
                        " FROM note n LEFT JOIN target t ON t.note = n.id"
                        " WHERE n.release = ? AND n.kind IN (?, ?, ?) ORDER BY n.id, t.ordinal",
                        (
                            at.id,
                            NoteKind.EXCLUDES1.value,
                            NoteKind.CODE_FIRST.value,
                            NoteKind.USE_ADDITIONAL.value,
                        ),
                    )
                    at.instructions = Instructions(table, rows)
            return at.instructions

    def _at(self, system: str, version: str) -> _At:
        try:
            return self._places[system, version]
        except KeyError:
            raise CatalogError(f"the catalog has no release {version!r} of {system!r}") from None

    def _of(
        self,
        ask: Callable[[sqlite3.Connection, int, lookup.Found], tuple[_T, ...]],
        system: str,
        version: str,
        code: str,
    ) -> tuple[_T, ...]:
        at = self._at(system, version)
        with at.file.connection() as connection:
            found = lookup.find(connection, at.id, code)
            return ask(connection, at.id, found) if found is not None else ()
