"""Flags on codes: what Medicare's lists say of a diagnosis beside its title.

Flags come in sets, one for each list, because each has a year of its own: payment years for HCC, fiscal years for the
others. The date of service chooses the set of each kind, by the rule that chooses a release.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bertillon_server.catalog.codes import Release, key_of
from bertillon_server.catalog.listing import Source
from bertillon_server.catalog.sealed import FileKind, SealedFile, write_sealed

FLAGGED_SYSTEM = "icd-10-cm"
_FILE = FileKind(0x42455246, 1)  # "BERF"

_SCHEMA = """
CREATE TABLE flag_set (kind TEXT NOT NULL, version TEXT NOT NULL, valid_from TEXT NOT NULL, valid_to TEXT);
CREATE TABLE source (name TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE flag (key TEXT NOT NULL, value TEXT NOT NULL, valid_from TEXT, valid_to TEXT);
"""
_ON_DATE = (
    "SELECT value FROM flag WHERE key = ?1 AND (valid_from IS NULL OR valid_from <= ?2)"
    " AND (valid_to IS NULL OR valid_to >= ?2) ORDER BY value"
)


class FlagKind(Enum):
    """A list that flags come from."""

    # Codes to the condition categories of the CMS-HCC risk adjustment models V24 and V28.
    HCC = "hcc"
    # Codes that need no indicator "present on admission".
    POA_EXEMPT = "poa-exempt"
    # Complications or comorbidities (table 6J), and major ones (table 6I) of the inpatient payment rule.
    CC = "cc"
    MCC = "mcc"
    # Edits of the Medicare Code Editor.
    MCE = "mce"


class ComplicationLevel(Enum):
    """What a secondary diagnosis weighs in MS-DRG grouping."""

    CC = "cc"
    MCC = "mcc"


class Edit(Enum):
    """What the Medicare Code Editor objects to; names equal the contract's without their prefix."""

    UNACCEPTABLE_PRINCIPAL = "unacceptable"
    MANIFESTATION_AS_PRINCIPAL = "manifestation"
    EXTERNAL_CAUSE_AS_PRINCIPAL = "ecodepdx"
    UNSPECIFIED_CODE = "unspecified"
    QUESTIONABLE_ADMISSION = "qadm"
    REQUIRES_SECONDARY = "reqsdx"
    WRONG_PROCEDURE = "wrngproc"


class SexEdit(Enum):
    """The sex that the editor's list gives a diagnosis; CMS ended these edits on 2024-09-30."""

    FEMALE = "female"
    MALE = "male"


# Ages in years, both ends included, that the editor's age categories stand for (Definitions of Medicare Code Edits).
AGE_YEARS = {"newborn": (0, 0), "pediatric": (0, 17), "maternity": (9, 64), "adult": (15, 124)}
# Words of the editor's table that concern coverage, deletion or programmes; no flag here comes from them.
OTHER_EDITS = frozenset("clintrial delout diabtypeI ncov6 ncov7 ncov_z302 noncovered lcov".split())


@dataclass(frozen=True, slots=True)
class FlagSource:
    """A set of flags that was asked: its list, its version, and whether it covers the date of service."""

    kind: FlagKind
    version: str
    exact: bool


@dataclass(frozen=True, slots=True)
class CodeFlags:
    """What the imported lists say of a code on a date. A list that is not among `sources` has said nothing.

    `hcc_v24` and `hcc_v28` are condition categories by number; `poa_exempt` is None where that list is not
    imported; `age_years` are the ages (both ends included) outside of which the editor objects, None for all ages.
    """

    hcc_v24: tuple[int, ...] = ()
    hcc_v28: tuple[int, ...] = ()
    poa_exempt: bool | None = None
    complication: ComplicationLevel | None = None
    edits: frozenset[Edit] = frozenset()
    age_years: tuple[int, int] | None = None
    sex: SexEdit | None = None
    sources: tuple[FlagSource, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flag of a code; its dates are those of the row, where the list states them."""

    code: str
    value: str
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FlagListing:
    """A set on its way into the catalog. `release` has the kind of the list in place of a system."""

    release: Release
    rows: Sequence[FlagRow]
    sources: tuple[Source, ...]


def write_flags(path: Path, listing: FlagListing) -> None:
    """Write a sealed file with one set, replacing the file in one step."""
    release = listing.release

    def fill(connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        connection.execute("BEGIN")
        connection.execute(
            "INSERT INTO flag_set VALUES (?, ?, ?, ?)",
            (release.system, release.version, release.valid_from.isoformat(), _iso(release.valid_to)),
        )
        connection.executemany(
            "INSERT INTO source VALUES (?, ?)", [(source.name, source.sha256) for source in listing.sources]
        )
        connection.executemany(
            "INSERT INTO flag VALUES (?, ?, ?, ?)",
            [(key_of(row.code), row.value, _iso(row.valid_from), _iso(row.valid_to)) for row in listing.rows],
        )
        connection.execute("COMMIT")
        connection.execute("CREATE INDEX flag_by_key ON flag (key)")

    write_sealed(path, _FILE, fill)


class FlagFile:
    """An open set of flags."""

    def __init__(self, path: Path) -> None:
        self._file = SealedFile(path, _FILE)
        with self._file.connection() as connection:
            kind, version, first, last = connection.execute("SELECT * FROM flag_set").fetchone()
            self.codes: int = connection.execute("SELECT count(DISTINCT key) FROM flag").fetchone()[0]
        self.kind = FlagKind(kind)
        valid_to = dt.date.fromisoformat(last) if last is not None else None
        self.release = Release(kind, version, dt.date.fromisoformat(first), valid_to)

    def values(self, code: str, date: dt.date) -> list[str]:
        """Return the values of a code on a date, in order."""
        with self._file.connection() as connection:
            rows = connection.execute(_ON_DATE, (key_of(code), date.isoformat()))
            return [value for (value,) in rows]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FlagSets:
    """All sets that are imported. Safe to share between threads."""

    def __init__(self, files: Iterable[FlagFile]) -> None:
        self._files: dict[FlagKind, list[FlagFile]] = {}
        for file in files:
            self._files.setdefault(file.kind, []).append(file)
        for found in self._files.values():
            found.sort(key=lambda file: file.release.valid_from, reverse=True)

    def flags(self, code: str, date: dt.date) -> CodeFlags:
        """Return the flags of a code on a date of service."""
        values: dict[FlagKind, list[str]] = {}
        sources = []
        for kind in FlagKind:
            if kind not in self._files:
                continue
            file = min(self._files[kind], key=lambda file: file.release.days_away(date))
            values[kind] = file.values(code, date)
            sources.append(FlagSource(kind, file.release.version, file.release.covers(date)))
        edits = values.get(FlagKind.MCE, [])
        ages = [AGE_YEARS[value] for value in edits if value in AGE_YEARS]
        return CodeFlags(
            hcc_v24=_categories(values, "v24:"),
            hcc_v28=_categories(values, "v28:"),
            poa_exempt=bool(values[FlagKind.POA_EXEMPT]) if FlagKind.POA_EXEMPT in values else None,
            complication=_complication(values),
            edits=frozenset(Edit(value) for value in edits if value in _EDITS),
            age_years=(min(low for low, _ in ages), max(high for _, high in ages)) if ages else None,
            sex=next((SexEdit(value) for value in edits if value in _SEXES), None),
            sources=tuple(sources),
        )


_EDITS = frozenset(edit.value for edit in Edit)
_SEXES = frozenset(sex.value for sex in SexEdit)
KNOWN_EDITS = _EDITS | _SEXES | AGE_YEARS.keys() | OTHER_EDITS


def _categories(values: dict[FlagKind, list[str]], model: str) -> tuple[int, ...]:
    found = values.get(FlagKind.HCC, [])
    return tuple(sorted(int(value.removeprefix(model)) for value in found if value.startswith(model)))


def _complication(values: dict[FlagKind, list[str]]) -> ComplicationLevel | None:
    if values.get(FlagKind.MCC):
        return ComplicationLevel.MCC
    return ComplicationLevel.CC if values.get(FlagKind.CC) else None


def _iso(date: dt.date | None) -> str | None:
    return date.isoformat() if date is not None else None
