"""Rows of data files: what is wrong with one is said by file and line, and decides whether the rest is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


class DataError(Exception):
    """A line of a data file cannot be used; the message names file, line and reason, and quotes no text."""


@dataclass(slots=True)
class Rejects:
    """Rows that cannot be used: the first one ends the reading, unless bad rows are skipped; then they are kept."""

    skip: bool = False
    reasons: list[str] = field(default_factory=list)

    def refuse(self, error: DataError) -> None:
        """Note a row, or raise its error."""
        if not self.skip:
            raise error
        self.reasons.append(str(error))


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file as editors count them; raises DataError for a file that cannot be read."""
    try:
        # `splitlines` would also part at separators that a line may hold.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DataError(f"{path}: {reason}") from None


def json_rows(path: Path, rejects: Rejects) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the objects of a JSON-lines file, each with where it stands; blank lines are passed over.

    Raises DataError for a file that cannot be read.
    """
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError:
            rejects.refuse(DataError(f"{where}: not JSON"))
            continue
        if isinstance(row, dict):
            yield where, row
        else:
            rejects.refuse(DataError(f"{where}: not an object"))


def codes_of(row: dict[str, object], where: str) -> frozenset[str]:
    """Return the codes of a row; raises DataError when they are not a list of strings."""
    codes = row.get("codes")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise DataError(f"{where}: codes must be a list of strings")
    return frozenset(codes)
