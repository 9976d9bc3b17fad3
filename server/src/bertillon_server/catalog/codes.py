"""Values of a code system: what a code, a release and a note are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum


class CatalogError(Exception):
    """The catalog cannot be opened, read or asked that; the message is one sentence for an operator."""


class CodeKind(Enum):
    """Level of an entry in its hierarchy (ICD-10-CM guidelines I.A.2)."""

    CHAPTER = "chapter"
    BLOCK = "block"
    CATEGORY = "category"
    SUBCATEGORY = "subcategory"
    CODE = "code"


class NoteKind(Enum):
    """What a note of the tabular list says; member names equal the contract's without their prefix."""

    INCLUDES = "includes"
    INCLUSION_TERM = "inclusion_term"
    EXCLUDES1 = "excludes1"
    EXCLUDES2 = "excludes2"
    CODE_FIRST = "code_first"
    USE_ADDITIONAL = "use_additional"
    CODE_ALSO = "code_also"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a code system and the dates of service it is for, both ends included."""

    system: str
    version: str
    valid_from: dt.date
    valid_to: dt.date | None

    def covers(self, date: dt.date) -> bool:
        """Whether a service on `date` is coded with this release."""
        return self.valid_from <= date and (self.valid_to is None or date <= self.valid_to)

    def days_away(self, date: dt.date) -> int:
        """Days between `date` and the nearest day that the release covers; 0 when it covers `date`."""
        if date < self.valid_from:
            return (self.valid_from - date).days
        if self.valid_to is not None and date > self.valid_to:
            return (date - self.valid_to).days
        return 0


@dataclass(frozen=True, slots=True)
class Period:
    """Dates of service, both ends included; None where an end is open."""

    valid_from: dt.date | None
    valid_to: dt.date | None

    def overlaps(self, first: dt.date, last: dt.date | None) -> bool:
        """Whether some day is in the period and from `first` to `last`, an open end being None."""
        begins_in_time = self.valid_from is None or last is None or self.valid_from <= last
        return begins_in_time and (self.valid_to is None or first <= self.valid_to)


@dataclass(frozen=True, slots=True)
class ReleaseChoice:
    """The release that answers for a date of service.

    `exact` is False when no release covers the date and the nearest one stands in. `defaulted` is True when
    no date was given and the newest release was taken; `exact` is then True, nothing having been missed.
    """

    release: Release
    exact: bool
    defaulted: bool


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One entry of a release.

    `parent` is None for a chapter. `order` is the position in the published order, from 0, the same as in
    `CodeTable`. A block of a single category has the id `B20-B20`, to be told from the category `B20`.
    `period` is that of the code itself, None where its system only states dates of whole releases.
    """

    code: str
    title: str
    kind: CodeKind
    parent: str | None
    billable: bool
    order: int
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A note and where it is stated: at the code itself or at an ancestor."""

    kind: NoteKind
    text: str
    stated_at: str


@dataclass(frozen=True, slots=True)
class SeventhCharacter:
    """A value that the 7th character of a code may take."""

    character: str
    meaning: str


@dataclass(frozen=True, slots=True)
class CodeRange:
    """Codes as a note prints them: `first` to `last` with all below; `condition` narrows them in words."""

    first: str
    last: str
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Excludes1Rule:
    """Why two codes are not reported together (guidelines I.A.12.a).

    `stated_at` holds the note `text`, `code` is the one of the two that stands under it and `excluded` the
    other one.
    """

    stated_at: str
    text: str
    code: str
    excluded: str


@dataclass(frozen=True, slots=True)
class SequencingNote:
    """A "code first" or "use additional code" note (guidelines I.A.13).

    `ranges` are the codes it prints, empty where it only speaks in words; `spans` are the same codes as
    half-open ranges of `CodeTable` positions, conditions applied.
    """

    stated_at: str
    text: str
    ranges: tuple[CodeRange, ...]
    spans: tuple[tuple[int, int], ...]

    def names(self, position: int) -> bool:
        """Whether the code at a position of the table is among those that the note prints."""
        return any(low <= position < high for low, high in self.spans)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A code found; `score` compares hits of one search only, higher is better."""

    code: str
    title: str
    billable: bool
    matched_term: str
    score: float


def key_of(code: str) -> str:
    """Return a code as it is looked up: upper case, without points and blanks."""
    return "".join(code.upper().replace(".", "").split())
