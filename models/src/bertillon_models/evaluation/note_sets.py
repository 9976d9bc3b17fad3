"""Sets of coded notes, one JSON object a line, and the profile under which a set is scored."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bertillon_models.evaluation.rows import DataError, Rejects, codes_of, json_rows
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import CodingProfile, Setting

__all__ = ["CodedNote", "DataError", "Evidence", "Profile", "comparable", "read_notes"]


class Profile(StrEnum):
    """How a set counts codes: what is codeable, and which release its labels are from."""

    US_OUTPATIENT = "us-outpatient"
    US_INPATIENT = "us-inpatient"
    MENTION_LEVEL = "mention-level"
    CODIESP = "codiesp"

    @property
    def coding(self) -> CodingProfile:
        """The server's profile that answers such a set."""
        encounter = self in {Profile.US_OUTPATIENT, Profile.US_INPATIENT}
        return CodingProfile.ENCOUNTER if encounter else CodingProfile.ALL_MENTIONS

    @property
    def setting(self) -> Setting:
        """The setting of notes that do not name theirs."""
        return Setting.INPATIENT if self is Profile.US_INPATIENT else Setting.OUTPATIENT

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
class Evidence:
    """Where a note supports a code, in code points."""

    code: str
    span: Span


@dataclass(frozen=True, slots=True)
class CodedNote:
    """A note and the codes that people gave it; `evidence` is None where nobody marked any."""

    note_id: str
    text: str = field(repr=False)
    codes: frozenset[str]
    setting: Setting = Setting.OUTPATIENT
    date_of_service: dt.date | None = None
    evidence: tuple[Evidence, ...] | None = None

    def restricted(self, keep: Callable[[str], bool]) -> CodedNote:
        """Return the note with only the codes that are kept."""
        evidence = self.evidence and tuple(entry for entry in self.evidence if keep(entry.code))
        return dataclasses.replace(self, codes=frozenset(filter(keep, self.codes)), evidence=evidence)


def read_notes(
    path: Path, default: Setting = Setting.OUTPATIENT, rejects: Rejects | None = None
) -> Iterator[CodedNote]:
    """Yield the notes of a JSON-lines file.

    A row has `note_id`, `text`, `codes`, and may have `setting` (else it is the default), `date_of_service` and
    `evidence`. A row that cannot be used is refused at `rejects`, by default with a DataError.
    """
    rejects = rejects or Rejects()
    for where, row in json_rows(path, rejects):
        try:
            note = _note(row, where, default)
        except DataError as error:
            rejects.refuse(error)
            continue
        yield note


def _note(row: dict[str, object], where: str, default: Setting) -> CodedNote:
    note_id, text = row.get("note_id"), row.get("text")
    if not isinstance(note_id, str) or not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: note_id and text must be strings, the text not blank")
    codes = codes_of(row, where)
    setting = str(row.get("setting", default.name)).upper()
    if setting not in Setting.__members__:
        raise DataError(f"{where}: setting must be outpatient or inpatient")
    day = row.get("date_of_service")
    try:
        date = None if day is None else dt.date.fromisoformat(str(day))
    except ValueError:
        raise DataError(f"{where}: date_of_service must be a date, as 2026-05-11") from None
    return CodedNote(note_id, text, codes, Setting[setting], date, _evidence(row, text, where))


def _evidence(row: dict[str, object], text: str, where: str) -> tuple[Evidence, ...] | None:
    listed = row.get("evidence")
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise DataError(f"{where}: evidence must be a list")
    found = []
    for entry in listed:
        code, start, end = (
            (entry.get(name) for name in ("code", "start", "end")) if isinstance(entry, dict) else (None,) * 3
        )
        if not isinstance(code, str) or type(start) is not int or type(end) is not int:
            raise DataError(f"{where}: evidence has a code, and start and end as whole numbers")
        if not 0 <= start < end <= len(text):
            raise DataError(f"{where}: evidence must lie within the text")
        found.append(Evidence(code, Span(start, end)))
    return tuple(found)


def comparable(notes: Iterable[CodedNote], profile: Profile) -> list[CodedNote]:
    """Return the notes with their codes written as the profile compares them."""
    return [_compared(note, profile) for note in notes]


def _compared(note: CodedNote, profile: Profile) -> CodedNote:
    evidence = note.evidence and tuple(
        Evidence(profile.comparable(entry.code), entry.span) for entry in note.evidence
    )
    return dataclasses.replace(note, codes=frozenset(map(profile.comparable, note.codes)), evidence=evidence)
