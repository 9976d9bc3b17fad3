"""Values of an audit: what is proposed, what a rule is, what it finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from bertillon_server.coding.results import CodeRef, Notice, Timings, Versions
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, AxisKind, Setting, Sex

if TYPE_CHECKING:
    from bertillon_server.audit.case import Case


class Kind(Enum):
    """What a finding says; see the contract's FindingKind."""

    CONFIRMED = auto()
    UNSUPPORTED = auto()
    MISSED = auto()
    SPECIFICITY = auto()
    CONFLICT = auto()
    QUERY = auto()


class Severity(Enum):
    """How much a finding weighs; see the contract's FindingSeverity."""

    INFO = auto()
    WARNING = auto()
    ERROR = auto()


class Poa(Enum):
    """Present on admission, as reported; see the contract's PoaIndicator."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()
    CLINICALLY_UNDETERMINED = auto()
    EXEMPT = auto()


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposed code as sent; `code` may be anything a caller types."""

    code: str
    system: str = "icd-10-cm"
    position: int | None = None
    poa: Poa | None = None
    date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class AuditedText:
    """A note of the encounter."""

    note_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditInput:
    """A validated request. `rules_off` and `rules_on` are ids; `min_confidence` None is the auditor's own."""

    notes: tuple[AuditedText, ...]
    codes: tuple[Proposed, ...]
    setting: Setting = Setting.OUTPATIENT
    date_of_service: dt.date | None = None
    age_years: int | None = None
    sex: Sex | None = None
    rules_off: frozenset[str] = frozenset()
    rules_on: frozenset[str] = frozenset()
    auditor_view: bool = False
    min_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in a note; `code` is what the words there stand for."""

    note: int
    span: Span
    sentence: Span
    assertion: Assertion | None = None
    code: CodeRef | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the clinician; `options` without "other" and "unable to determine", which are always offered."""

    topic: str
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found. `proposed` are indexes of proposed codes, `codes` the codes it is about, in that order."""

    kind: Kind
    severity: Severity
    rule: str
    source: str
    explanation: str
    proposed: tuple[int, ...] = ()
    codes: tuple[CodeRef, ...] = ()
    suggestions: tuple[CodeRef, ...] = ()
    confidence: float = 1.0
    evidence: tuple[Evidence, ...] = ()
    looked_in: str = ""
    would_support: str = ""
    axes: tuple[AxisKind, ...] = ()
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the registry lists it; `severity` is the gravest that it gives."""

    id: str
    title: str
    source: str
    severity: Severity
    check: Callable[[Case], Iterable[Finding]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flags:
    """What payment and edits know of a code; `poa_exempt` is None where the list of exempt codes is not at hand."""

    hcc: tuple[str, ...] = ()
    cc: bool = False
    mcc: bool = False
    poa_exempt: bool | None = None
    unacceptable_principal: bool = False
    ages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a proposed code; `findings` are indexes of the report's findings."""

    proposed: Proposed
    code: CodeRef | None
    kind: Kind
    confidence: float
    findings: tuple[int, ...]
    flags: Flags | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The audit of one encounter."""

    codes: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    versions: Versions
    notices: tuple[Notice, ...]
    timings: Timings
