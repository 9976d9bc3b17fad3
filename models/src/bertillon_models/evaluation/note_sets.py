"""Sets of coded notes, one JSON object a line, and the profile under which a set is scored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bertillon_server.coding.vocabulary import CodingProfile, Setting


class DataError(Exception):
    """A line of a data file cannot be used; the message names file, line and reason, and quotes no text."""


class Profile(StrEnum):
    """How a set counts codes: what is codeable, and which release its labels are from."""

    ENCOUNTER = "encounter"
    MENTIONS = "mentions"
    CODIESP = "codiesp"

    @property
    def coding(self) -> CodingProfile:
        """The server's profile that answers such a set."""
        return CodingProfile.ENCOUNTER if self is Profile.ENCOUNTER else CodingProfile.ALL_MENTIONS

    def comparable(self, code: str) -> str:
        """Return the code as the set writes it.

        CodiEsp is coded with the 2018 Spanish edition: no 7th character, no trailing placeholders, and the
        codes that the US release has divided since then undivided. Other sets are compared as they are.
        """
        if self is not Profile.CODIESP:
            return code
        if len(code) == _SEVEN and code[0] in "MSTVWXY":
            code = code[:-1]
        code = re.sub(r"X+$", "", code).rstrip(".")
        return next((old for new, old in _UNDIVIDED if code.startswith(new)), code)


# Length of a code of seven characters with its point.
_SEVEN = 8
# Divisions of the US releases of 2019 to 2026 that the 2018 edition lacks, for what CodiEsp's convention uses.
_UNDIVIDED = (
    ("R05.", "R05"),
    ("R51.", "R51"),
    ("M54.5", "M54.5"),
    ("E87.2", "E87.2"),
    ("F32.A", "F32.9"),
    ("N18.3", "N18.3"),
    ("R35.8", "R35.8"),
    ("K35.20", "K35.2"),
    ("K35.21", "K35.2"),
    ("I48.1", "I48.1"),
    ("I48.2", "I48.2"),
    ("D72.1", "D72.1"),
    ("R74.0", "R74.0"),
    ("K56.60", "K56.60"),
    ("M79.1", "M79.1"),
)


@dataclass(frozen=True, slots=True)
class CodedNote:
    """A note and the codes that people gave it."""

    note_id: str
    text: str
    codes: frozenset[str]
    setting: Setting = Setting.OUTPATIENT


def read_notes(path: Path) -> Iterator[CodedNote]:
    """Yield the notes of a JSON-lines file (`note_id`, `text`, `codes`, optional `setting`)."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise DataError(f"{path}, line {number}: not JSON") from None
            yield _note(row, f"{path}, line {number}")


def _note(row: object, where: str) -> CodedNote:
    if not isinstance(row, dict):
        raise DataError(f"{where}: not an object")
    note_id, text, codes = row.get("note_id"), row.get("text"), row.get("codes")
    if not isinstance(note_id, str) or not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: note_id and text must be strings, the text not blank")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise DataError(f"{where}: codes must be a list of strings")
    setting = str(row.get("setting", "outpatient")).upper()
    if setting not in Setting.__members__:
        raise DataError(f"{where}: setting must be outpatient or inpatient")
    return CodedNote(note_id, text, frozenset(codes), Setting[setting])


def comparable(notes: Iterable[CodedNote], profile: Profile) -> list[CodedNote]:
    """Return the notes with their codes written as the profile compares them."""
    return [
        CodedNote(note.note_id, note.text, frozenset(map(profile.comparable, note.codes)), note.setting)
        for note in notes
    ]
