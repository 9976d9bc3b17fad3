"""Notes from plain text files, standard input and JSON lines, one at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from bertillon import InvalidRequestError, Note
from bertillon._texts import note_of
from bertillon.cli.options import SETTINGS, SEXES, NoteOptions

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """A note under the name by which the user knows it, or why there is none."""

    name: str
    note: Note | None
    problem: str = ""


class _BadLineError(Exception):
    """A JSON line is no note; the message says why and quotes nothing of it."""


def is_lines(name: str, *, lines: bool) -> bool:
    """Whether an argument holds JSON lines."""
    return lines or name.lower().endswith((".jsonl", ".ndjson"))


def count(names: list[str], *, lines: bool) -> int | None:
    """Return how many notes there are to come; None if standard input has to be read to know."""
    total = 0
    for name in names:
        if not is_lines(name, lines=lines):
            total += 1
        elif name == STDIN:
            return None
        else:
            with Path(name).open("rb") as file:
                total += sum(1 for line in file if line.strip())
    return total


def read(names: list[str], about: NoteOptions, *, lines: bool) -> Iterator[Input]:
    """Read every note of every argument, lazily and in order."""
    for name in names:
        with _opened(name) as file:
            if is_lines(name, lines=lines):
                yield from _read_lines(name, file, about)
            else:
                yield _read_text(name, file.read(), about)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    """Open an argument; standard input stays open."""
    if name != STDIN:
        return Path(name).open("rb")
    try:
        # Not through sys.stdin: the interpreter, when it ends, dies over a lock that a thread holds which
        # still waits for input there.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:
        return nullcontext(sys.stdin.buffer)


def _read_text(name: str, data: bytes, about: NoteOptions) -> Input:
    try:
        # As it stands, line ends and all: offsets point into the text as sent.
        note = Note(text=data.decode())
    except UnicodeDecodeError:
        return Input(name, None, "not UTF-8; convert it first, for example with iconv")
    about.apply(note)
    return Input(name, note)


def _read_lines(name: str, file: BinaryIO, about: NoteOptions) -> Iterator[Input]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            yield _read_line(place, line, about)
        except (_BadLineError, InvalidRequestError) as error:
            yield Input(place, None, str(error))


def _read_line(place: str, line: bytes, about: NoteOptions) -> Input:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise _BadLineError("not a line of JSON in UTF-8") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise _BadLineError("not a JSON object with a text")
    note = note_of(fields["text"])
    replace(
        about,
        setting=_choice(fields, "setting", SETTINGS, about.setting),
        date=_string(fields, "date_of_service", about.date),
        age=_age(fields, about.age),
        sex=_choice(fields, "sex", SEXES, about.sex),
    ).apply(note)
    note_id = fields.get("note_id", place)
    if not isinstance(note_id, str | int):
        raise _BadLineError("note_id is neither a string nor a number")
    return Input(str(note_id), note)


def _string(fields: dict[str, Any], key: str, default: str) -> str:
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _BadLineError(f"{key} is no string")
    return value


def _age(fields: dict[str, Any], default: int | None) -> int | None:
    value = fields.get("age")
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 150:
        raise _BadLineError("age is no whole number between 0 and 150")
    return value


def _choice(fields: dict[str, Any], key: str, values: tuple[str, ...], default: str | None) -> str | None:
    value = fields.get(key)
    if value is None:
        return default
    if value not in values:
        raise _BadLineError(f"{key} is none of {', '.join(values)}")
    return str(value)
