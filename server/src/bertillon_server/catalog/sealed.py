"""Sealed SQLite files: written once, checked as a whole when opened, read-only ever after.

A file ends in a seal, the SHA-256 of all before it, which opening checks (about 12 ms for 20 MB): a cut, altered or
foreign file is refused as a whole instead of failing at some later query. SQLite ignores bytes after its last page.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bertillon_server.catalog.codes import CatalogError

_MAGIC = b"bertillon-catalog"
_SEAL_LENGTH = len(_MAGIC) + hashlib.sha256().digest_size
_PAGE_SIZE = 4096  # bytes; look-ups touch few pages
_CHUNK = 1 << 20  # bytes hashed at a time
# A use of a connection takes milliseconds; who waits so long for one will not get it.
_LONGEST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file holds, by the numbers in its header: what it is for, and the schema that it has."""

    application_id: int
    schema_version: int


def write_sealed(path: Path, kind: FileKind, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Write a sealed file that `fill` fills, replacing the one there in one step; CatalogError if it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder) / path.name
            _write(draft, kind, fill)
            with draft.open("r+b") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                file.seek(0, os.SEEK_END)
                file.write(_MAGIC + digest)
            draft.chmod(0o644)
            draft.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise CatalogError(f"the catalog cannot be written to {path}") from error


def _write(path: Path, kind: FileKind, fill: Callable[[sqlite3.Connection], None]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_SIZE:d}")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA application_id = {kind.application_id:d}")
        connection.execute(f"PRAGMA user_version = {kind.schema_version:d}")
        fill(connection)
        connection.execute("ANALYZE")
        connection.execute("VACUUM")
    finally:
        connection.close()


class SealedFile:
    """An open file. Safe for any number of threads: each use takes a connection out of a pool that grows with them.

    Another file may take its place: this one is then read through the connections that it has, of which there is one
    from the beginning. A missing, damaged or closed file raises CatalogError.
    """

    def __init__(self, path: Path, kind: FileKind) -> None:
        self._identity = _identity(path)
        _check(path, kind)
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque([_connect(path)])
        # A connection is to the file only once something was read through it.
        self._idle[0].execute("PRAGMA application_id").fetchone()
        self._given_back = threading.Condition()
        self._closed = threading.Event()

    @property
    def identity(self) -> tuple[int, ...]:
        """What tells this file from every other of the machine, one that takes its place included."""
        return self._identity or ()

    def is_still(self, path: Path) -> bool:
        """Whether this is the file at a path, and not one that has taken its place."""
        return path == self._path and self._identity == _identity(path)

    def close(self) -> None:
        """Close the file; uses in progress end as they would have."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    def _one_more(self) -> sqlite3.Connection:
        """Open a connection, or wait for one where the file is at its place no longer."""
        if self.is_still(self._path):
            return _connect(self._path)
        with self._given_back:
            if self._given_back.wait_for(lambda: self._idle or self._closed.is_set(), _LONGEST_WAIT_S):
                try:
                    return self._idle.pop()
                except IndexError:
                    pass
        raise CatalogError(f"the catalog file {self._path} is no longer there")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for the block."""
        if self._closed.is_set():
            raise CatalogError("the catalog is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._one_more()
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
            with self._given_back:
                self._idle.append(connection)
                self._given_back.notify()


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return what tells a file from one that takes its place, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check(path: Path, kind: FileKind) -> None:
    """Raise CatalogError unless the file is complete, unaltered and of the kind."""
    try:
        with path.open("rb") as file:
            remaining = file.seek(0, os.SEEK_END) - _SEAL_LENGTH
            file.seek(max(remaining, 0))
            seal = file.read(_SEAL_LENGTH)
            file.seek(0)
            digest = hashlib.sha256()
            while remaining > 0 and (chunk := file.read(min(_CHUNK, remaining))):
                digest.update(chunk)
                remaining -= len(chunk)
    except OSError as error:
        raise CatalogError(f"the catalog file {path} cannot be read: {error.strerror}") from error
    if seal != _MAGIC + digest.digest():
        raise CatalogError(f"the catalog file {path} is incomplete or damaged; build it again")
    connection = _connect(path)
    try:
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise CatalogError(f"the catalog file {path} is incomplete or damaged; build it again") from error
    finally:
        connection.close()
    if application_id != kind.application_id or version != kind.schema_version:
        raise CatalogError(
            f"the catalog file {path} has schema {version}, this server reads schema {kind.schema_version}"
        )


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file for reading, from any thread; immutable, so that no lock or journal is needed."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        return sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    except sqlite3.Error as error:
        raise CatalogError(f"the catalog file {path} cannot be opened") from error
