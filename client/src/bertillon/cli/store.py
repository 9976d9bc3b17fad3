"""The output file of a long run: one line a note, safe to kill, easy to resume."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from bertillon.cli.documents import line

_PREFIX = '{"note_id":'


class Store:
    """Appends results and knows which notes are already in the file.

    A line is written at once and ends with a line feed, so that a run which was killed leaves at most one
    torn line at the end; resuming cuts it off. The file holds quotes of notes: only its owner may read it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Open the file. Raises a usage error if it is not empty and not to be resumed, or not ours."""
        self.done: set[str] = set()
        # A new file is private; the mode of an old one is its owner's choice.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        try:
            self._file.truncate(self._end(path, resume=resume))
            self._file.seek(0, os.SEEK_END)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, fields: dict[str, Any]) -> None:
        """Append a result, all of it or, if the process is killed now, a torn line."""
        self._file.write(line(fields).encode("utf-8", "surrogatepass"))
        self._file.flush()

    def _end(self, path: Path, *, resume: bool) -> int:
        """Note the ids of all whole lines; return where the last of them ends."""
        end = 0
        for number, data in enumerate(self._file, 1):
            if not resume:
                raise click.UsageError(
                    f"{path} is not empty; continue it with --resume, or name another file"
                )
            if not data.endswith(b"\n"):
                break
            self.done.add(_note_id(data, path, number))
            end += len(data)
        return end


def _note_id(data: bytes, path: Path, number: int) -> str:
    """Return the id of a line without reading the rest of it, which may be long."""
    text = data.decode("utf-8", "surrogatepass")
    try:
        if not (text.startswith(_PREFIX) and text.endswith("}\n")):
            raise _foreign(path, number)
        note_id, _ = json.JSONDecoder().raw_decode(text, len(_PREFIX))
    except ValueError:
        raise _foreign(path, number) from None
    return str(note_id)


def _foreign(path: Path, number: int) -> click.UsageError:
    return click.UsageError(f"line {number} of {path} was not written by this command; name another file")
