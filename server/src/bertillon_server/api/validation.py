"""Requests in, validated values out: every violation of a request is found at once.

Descriptions state the rule and never the value: a value may be a piece of a note.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bertillon.coding.v1 import catalog_service_pb2 as catalog_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api import enums, limits
from bertillon_server.api.errors import InvalidRequestError, Violation
from bertillon_server.api.limits import Limits
from bertillon_server.api.offsets import OffsetMap
from bertillon_server.coding.results import CodingOptions, NoteInput, PreCutSection
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import CodingProfile, SectionKind, Setting, Sex
from bertillon_server.inference.call import Priority

DEFAULT_SYSTEM: Final = "icd-10-cm"

# `date.fromisoformat` alone also takes week dates and dates without dashes.
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

PRIORITY: Final[Mapping[int, Priority]] = {
    types.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
    types.PRIORITY_STANDARD: Priority.STANDARD,
    types.PRIORITY_BULK: Priority.BULK,
}

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ValidNote:
    """A note that may be coded, and the caller's way of counting offsets in it."""

    note_id: str
    note: NoteInput
    offsets: OffsetMap


class Findings:
    """Collects the violations of one request."""

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def add(self, field: str, description: str) -> None:
        """Note that a field is wrong."""
        self._violations.append(Violation(field, description))

    def raise_if_any(self) -> None:
        """Raise `InvalidRequestError` if a field was wrong."""
        if self._violations:
            raise InvalidRequestError(self._violations)

    def enum(
        self,
        field: str,
        value: int,
        contract: Any,  # noqa: ANN401 - generated enum wrappers share no public type
        known: Mapping[int, Value],
        default: Value,
    ) -> Value:
        """Return the counterpart of an enum value; unspecified gives the default."""
        if value not in contract.values():
            self.add(field, "is not a value of the contract's enum")
        return known.get(value, default)

    def date(self, field: str, value: str) -> dt.date | None:
        """Return a date of service; empty gives None."""
        if not value:
            return None
        try:
            return dt.date.fromisoformat(value if _DATE.fullmatch(value) else "")
        except ValueError:
            self.add(field, "must be a date of the calendar written YYYY-MM-DD")
            return None

    def text(self, field: str, value: str, limit: int) -> None:
        """Check that a text is there and not too long."""
        if not value.strip():
            self.add(field, "must hold more than white space")
        elif len(value) > limit:
            self.add(field, f"must be at most {limit:,} code points long; it has {len(value):,}")

    def system(self, field: str, value: str, known: Collection[str]) -> str:
        """Return the code system; empty gives the default."""
        if value and value not in known:
            self.add(field, f"must be one of the code systems loaded: {', '.join(sorted(known))}")
        return value or DEFAULT_SYSTEM


@dataclass(frozen=True, slots=True)
class ValidLookup:
    """A code to look up."""

    system: str
    code: str
    date_of_service: dt.date | None


@dataclass(frozen=True, slots=True)
class ValidSearch:
    """A search; `mode` is a value of the contract's SearchMode, never unspecified."""

    system: str
    query: str
    mode: int
    limit: int
    billable_only: bool
    date_of_service: dt.date | None


def valid_lookup(request: catalog_pb.GetCodeRequest, code_systems: Collection[str]) -> ValidLookup:
    """Validate `GetCode`; raises `InvalidRequestError`."""
    findings = Findings()
    system = findings.system("system", request.system, code_systems)
    findings.text("code", request.code, limits.MAX_CODE_CHARACTERS)
    date = findings.date("date_of_service", request.date_of_service)
    findings.raise_if_any()
    return ValidLookup(system, request.code, date)


def valid_search(request: catalog_pb.SearchCodesRequest, code_systems: Collection[str]) -> ValidSearch:
    """Validate `SearchCodes`; raises `InvalidRequestError`."""
    findings = Findings()
    system = findings.system("system", request.system, code_systems)
    findings.text("query", request.query, limits.MAX_QUERY_CODE_POINTS)
    modes = {int(value): int(value) for value in catalog_pb.SearchMode.values() if value}
    mode = findings.enum("mode", request.mode, catalog_pb.SearchMode, modes, catalog_pb.SEARCH_MODE_HYBRID)
    limit = request.limit if request.HasField("limit") else limits.DEFAULT_HITS
    if not 1 <= limit <= limits.MAX_HITS:
        findings.add("limit", f"must lie in 1 to {limits.MAX_HITS}")
    date = findings.date("date_of_service", request.date_of_service)
    findings.raise_if_any()
    return ValidSearch(system, request.query, mode, limit, request.billable_only, date)


class RequestValidator:
    """Validates coding requests against limits and the code systems that are loaded at the time."""

    def __init__(self, limits: Limits, code_systems: Callable[[], Collection[str]]) -> None:
        self._limits = limits
        self._systems = code_systems

    def note_request(self, request: pb.CodeNoteRequest) -> tuple[ValidNote, Priority]:
        """Validate `CodeNote`; raises `InvalidRequestError`."""
        findings = Findings()
        priority = findings.enum("priority", request.priority, types.Priority, PRIORITY, Priority.STANDARD)
        return self._note(findings, request.note, request.options), priority

    def bulk_request(self, request: pb.CodeNotesRequest, in_flight: Collection[str]) -> ValidNote:
        """Validate a note of `CodeNotes` beside the ids in flight; raises `InvalidRequestError`."""
        findings = Findings()
        if not request.note.note_id:
            findings.add("note.note_id", "must not be empty on a bulk stream")
        elif request.note.note_id in in_flight:
            findings.add("note.note_id", "is that of a note still in flight on this stream")
        return self._note(findings, request.note, request.options)

    def section_request(self, request: pb.CodeSectionRequest) -> ValidNote:
        """Validate `CodeSection`; raises `InvalidRequestError`."""
        findings = Findings()
        findings.text("text", request.text, self._limits.section_code_points)
        kind = findings.enum(
            "kind", request.kind, types.SectionKind, enums.SECTION_KIND, SectionKind.UNSPECIFIED
        )
        options = self._options(findings, request.options)
        setting = findings.enum("setting", request.setting, types.Setting, enums.SETTING, Setting.OUTPATIENT)
        date = findings.date("date_of_service", request.date_of_service)
        age, sex = valid_patient(findings, "patient", request.patient)
        findings.raise_if_any()
        note = NoteInput(
            text=request.text,
            setting=setting,
            date_of_service=date,
            age_years=age,
            sex=sex,
            # One section whatever its text looks like: the reply has room for one.
            sections=(PreCutSection(Span(0, len(request.text)), kind, ""),),
            kind=None if kind is SectionKind.UNSPECIFIED else kind,
            options=options,
        )
        return ValidNote("", note, OffsetMap(request.text, request.options.offset_unit))

    def _note(self, findings: Findings, note: pb.Note, options: pb.CodingOptions) -> ValidNote:
        if len(note.note_id.encode()) > limits.MAX_NOTE_ID_BYTES:
            findings.add("note.note_id", f"must be at most {limits.MAX_NOTE_ID_BYTES} bytes of UTF-8")
        findings.text("note.text", note.text, self._limits.note_code_points)
        setting = findings.enum(
            "note.setting", note.setting, types.Setting, enums.SETTING, Setting.OUTPATIENT
        )
        date = findings.date("note.date_of_service", note.date_of_service)
        age, sex = valid_patient(findings, "note.patient", note.patient)
        valid_options = self._options(findings, options)
        # Offsets into a text that is over the limit, or in no known unit, mean nothing and may be costly.
        countable = len(note.text) <= self._limits.note_code_points
        unit = options.offset_unit if options.offset_unit in types.OffsetUnit.values() else 0
        offsets = OffsetMap(note.text if countable else "", unit)
        sections = _sections(findings, note, offsets) if countable else ()
        findings.raise_if_any()
        valid = NoteInput(
            text=note.text,
            setting=setting,
            date_of_service=date,
            age_years=age,
            sex=sex,
            sections=sections,
            options=valid_options,
        )
        return ValidNote(note.note_id, valid, offsets)

    def _options(self, findings: Findings, options: pb.CodingOptions) -> CodingOptions:
        loaded = self._systems()
        systems = [
            findings.system(f"options.code_systems[{index}]", system, loaded)
            for index, system in enumerate(options.code_systems)
        ]
        profile = findings.enum(
            "options.profile",
            options.profile,
            types.CodingProfile,
            enums.PROFILE,
            CodingProfile.ENCOUNTER,
        )
        if options.offset_unit not in types.OffsetUnit.values():
            findings.add("options.offset_unit", "is not a value of the contract's enum")
        confidence = options.min_confidence if options.HasField("min_confidence") else None
        if confidence is not None and (math.isnan(confidence) or not 0.0 <= confidence <= 1.0):
            findings.add("options.min_confidence", "must lie in [0, 1]")
        alternatives = limits.DEFAULT_ALTERNATIVES
        if options.HasField("max_alternatives"):
            alternatives = options.max_alternatives
        if not 0 <= alternatives <= limits.MAX_ALTERNATIVES:
            findings.add("options.max_alternatives", f"must lie in 0 to {limits.MAX_ALTERNATIVES}")
        return CodingOptions(
            code_systems=tuple(dict.fromkeys(systems)),
            profile=profile,
            min_confidence=confidence,
            max_alternatives=alternatives,
        )


def valid_patient(findings: Findings, field: str, patient: pb.Patient) -> tuple[int | None, Sex | None]:
    """Return age and sex; None for what is not said."""
    age = patient.age_years if patient.HasField("age_years") else None
    if age is not None and not 0 <= age <= limits.MAX_AGE_YEARS:
        findings.add(f"{field}.age_years", f"must lie in 0 to {limits.MAX_AGE_YEARS}")
    known: Mapping[int, Sex | None] = enums.SEX
    return age, findings.enum(f"{field}.sex", patient.sex, types.Sex, known, None)


def _sections(findings: Findings, note: pb.Note, offsets: OffsetMap) -> tuple[PreCutSection, ...]:
    found: list[PreCutSection] = []
    frontier = 0
    if len(note.sections) > limits.MAX_PRE_CUT_SECTIONS:
        findings.add("note.sections", f"must be at most {limits.MAX_PRE_CUT_SECTIONS:,}")
        return ()
    for index, section in enumerate(note.sections):
        field = f"note.sections[{index}]"
        kind = findings.enum(
            f"{field}.kind", section.kind, types.SectionKind, enums.SECTION_KIND, SectionKind.UNSPECIFIED
        )
        if len(section.title) > limits.MAX_TITLE_CODE_POINTS:
            findings.add(f"{field}.title", f"must be at most {limits.MAX_TITLE_CODE_POINTS} code points long")
        start, end = section.span.start, section.span.end
        if start >= end:
            findings.add(f"{field}.span", "must not be empty: its start must lie before its end")
        elif start < frontier:
            findings.add(f"{field}.span", "must not begin before the end of the section before it")
        elif (span := _code_points(offsets, start, end)) is None:
            findings.add(
                f"{field}.span",
                "must lie within the text and on the boundaries of characters, in options.offset_unit",
            )
        else:
            found.append(PreCutSection(span, kind, section.title))
            frontier = end
    return tuple(found)


def _code_points(offsets: OffsetMap, start: int, end: int) -> Span | None:
    try:
        return offsets.to_code_points(start, end)
    except ValueError:
        return None
