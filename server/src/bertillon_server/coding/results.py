"""What coding a note yields: frozen values, offsets in code points of the caller's text."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from bertillon_server.coding.confidence import Signals
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import (
    Assertion,
    AxisKind,
    CodingProfile,
    MentionType,
    SectionKind,
    Setting,
    Sex,
    SuppressionReason,
)


@dataclass(frozen=True, slots=True)
class PreCutSection:
    """A section that the caller has cut."""

    span: Span
    kind: SectionKind
    title: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodingOptions:
    """How to code; `None` leaves a choice to the profile."""

    code_systems: tuple[str, ...] = ("icd-10-cm",)
    """Systems to code with; empty for those of the setting that are loaded."""
    profile: CodingProfile = CodingProfile.ENCOUNTER
    min_confidence: float | None = None
    max_alternatives: int = 3


@dataclass(frozen=True, slots=True)
class NoteInput:
    """A validated note. `kind` is set for a lone section whose kind the caller named."""

    text: str = field(repr=False)
    setting: Setting = Setting.OUTPATIENT
    date_of_service: dt.date | None = None
    age_years: int | None = None
    sex: Sex | None = None
    sections: tuple[PreCutSection, ...] = ()
    kind: SectionKind | None = None
    options: CodingOptions = CodingOptions()


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a note. Sections tile the text; `title` is None for text under no header."""

    index: int
    kind: SectionKind
    span: Span
    title: Span | None
    body: Span


@dataclass(frozen=True, slots=True)
class CodeRef:
    """A code of one release of a code system, with its official title."""

    system: str
    code: str
    version: str
    title: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another code that a mention could mean, with its probability."""

    code: CodeRef
    confidence: float


@dataclass(frozen=True, slots=True)
class AxisValue:
    """A value of an axis and where the text says so."""

    kind: AxisKind
    value: str
    span: Span

    def shifted(self, by: int) -> AxisValue:
        """Return the value as the same words state it, a number of code points further on."""
        return AxisValue(self.kind, self.value, self.span.shifted(by))


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that the note mentions, asserted and linked.

    `signals` are what its confidence rests on, for those who fit it; text that is copied forward has none.
    """

    span: Span
    sentence: Span
    type: MentionType
    assertion: Assertion
    cue: Span | None
    code: CodeRef | None
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    axes: tuple[AxisValue, ...] = ()
    missing_axes: tuple[AxisKind, ...] = ()
    suppression: SuppressionReason | None = None
    signals: Signals | None = field(default=None, compare=False)

    def shifted(self, by: int) -> Mention:
        """Return the mention as the same words make it, a number of code points further on."""
        return dataclasses.replace(
            self,
            span=self.span.shifted(by),
            sentence=self.sentence.shifted(by),
            cue=None if self.cue is None else self.cue.shifted(by),
            axes=tuple(axis.shifted(by) for axis in self.axes),
        )


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in microseconds."""

    queue_us: int = 0
    tokenize_us: int = 0
    infer_us: int = 0
    link_us: int = 0
    total_us: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know; `kind` is a member of the contract's NoticeKind, without prefix."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Versions:
    """What produced a reply; `code_sets` pairs a system with its release."""

    model: str
    rules: str
    code_sets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The sections found, before any is coded."""

    sections: tuple[Section, ...]
    versions: Versions
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class SectionResult:
    """One section, coded; mentions in the order of the text."""

    section: Section
    mentions: tuple[Mention, ...]
    timings: Timings


@dataclass(frozen=True, slots=True)
class MentionRef:
    """Points at a mention of a section result."""

    section_index: int
    mention_index: int
    span: Span


@dataclass(frozen=True, slots=True)
class EncounterCode:
    """A code of the encounter and the mentions that support it, best first."""

    code: CodeRef
    confidence: float
    evidence: tuple[MentionRef, ...]
    missing_axes: tuple[AxisKind, ...] = ()


@dataclass(frozen=True, slots=True)
class SuppressedCode:
    """A code that was considered and left out, and why."""

    code: CodeRef
    confidence: float
    reason: SuppressionReason
    in_favour_of: CodeRef | None
    explanation: str
    evidence: tuple[MentionRef, ...]


@dataclass(frozen=True, slots=True)
class EncounterSummary:
    """The encounter as a whole; procedures stand apart from the diagnoses."""

    codes: tuple[EncounterCode, ...]
    suppressed: tuple[SuppressedCode, ...]
    versions: Versions
    notices: tuple[Notice, ...]
    timings: Timings
    procedures: tuple[EncounterCode, ...] = ()
    suppressed_procedures: tuple[SuppressedCode, ...] = ()


Event = Outline | SectionResult | EncounterSummary


def in_order(results: Sequence[SectionResult]) -> list[SectionResult]:
    """Return section results in the order of the text, whatever order they finished in."""
    return sorted(results, key=lambda result: result.section.index)
