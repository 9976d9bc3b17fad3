"""The case that the rules are given: what is proposed, and what the notes of the encounter document."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.places import Finder
from bertillon_server.audit.values import AuditedText, AuditInput, Evidence, Proposed
from bertillon_server.coding.results import (
    CodeRef,
    EncounterCode,
    EncounterSummary,
    Mention,
    Section,
    SectionResult,
    SuppressedCode,
)
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.vocabulary import Assertion, Setting, Sex, SuppressionReason
from bertillon_server.coding.words import words_of

if TYPE_CHECKING:
    from bertillon_server.audit.standing import Support

# Reasons for which a mention does not count that say nothing against the condition itself.
_STILL_PRESENT = frozenset({None, SuppressionReason.NOT_CODEABLE_HERE, SuppressionReason.NO_BILLABLE_CODE})
_CLAUSE = re.compile(r"[^.;\n]+(?:\.(?=\d)[^.;\n]+)*")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A proposed code and what the release knows of it; `ref` is None where it has no such code."""

    index: int
    proposed: Proposed
    ref: CodeRef | None
    billable: bool

    @property
    def code(self) -> str:
        """The code as published; as sent where the release has none such."""
        return self.proposed.code if self.ref is None else self.ref.code


@dataclass(frozen=True, slots=True)
class Documented:
    """A mention that stands for a code; `section` counts through all notes of the encounter."""

    note: int
    section: int
    index: int
    mention: Mention
    ref: CodeRef

    @property
    def code(self) -> str:
        """Its code."""
        return self.ref.code

    @property
    def counts(self) -> bool:
        """Whether the note says that the patient has it, wherever it says so."""
        return self.mention.suppression in _STILL_PRESENT

    @property
    def is_own(self) -> bool:
        """Whether the condition that it names is the patient's: a family history counts, and is a relative's."""
        return self.counts and self.mention.assertion is not Assertion.FAMILY

    @property
    def evidence(self) -> Evidence:
        """Where it stands."""
        mention = self.mention
        return Evidence(self.note, mention.span, mention.sentence, mention.assertion, self.ref)


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a note between full stops, semicolons and line ends, with its canonical forms in order."""

    note: int
    span: Span
    forms: tuple[str, ...]

    @property
    def evidence(self) -> Evidence:
        """Where it stands."""
        return Evidence(self.note, self.span, self.span)


@dataclass(frozen=True, slots=True)
class CodedText:
    """A note with its sections as coded, in the order of the text."""

    text: AuditedText
    results: tuple[SectionResult, ...]


def joined(notes: Sequence[CodedText]) -> list[SectionResult]:
    """Return the sections of all notes as if they were of one: numbered through."""
    numbered: list[SectionResult] = []
    for note in notes:
        for result in note.results:
            section = dataclasses.replace(result.section, index=len(numbered))
            numbered.append(dataclasses.replace(result, section=section))
    return numbered


@dataclass(frozen=True)
class Case:
    """One encounter under audit; immutable, with what several rules ask computed once.

    `expected` and `left_out` are what coding all notes together gives, by code.
    """

    book: CodeBook
    claims: tuple[Claimed, ...]
    texts: tuple[AuditedText, ...] = field(repr=False)
    sections: tuple[tuple[int, Section], ...]
    documented: tuple[Documented, ...] = field(repr=False)
    expected: Mapping[str, EncounterCode]
    left_out: Mapping[str, SuppressedCode]
    setting: Setting
    age_years: int | None
    sex: Sex | None
    min_confidence: float
    judge: Callable[[Case, Claimed], Support] = field(repr=False)
    finder: Finder = field(repr=False)

    @cached_property
    def supports(self) -> tuple[Support, ...]:
        """What the notes say of each proposed code, in the order of `claims`."""
        return tuple(self.judge(self, claim) for claim in self.claims)

    @cached_property
    def codes(self) -> frozenset[str]:
        """The proposed codes that the release has."""
        return frozenset(claim.ref.code for claim in self.claims if claim.ref is not None)

    @cached_property
    def valid(self) -> tuple[Claimed, ...]:
        """The proposed codes that may be reported, each once."""
        kept: dict[str, Claimed] = {}
        for claim in self.claims:
            if claim.billable:
                kept.setdefault(claim.code, claim)
        return tuple(kept.values())

    @cached_property
    def sequence(self) -> tuple[Claimed, ...]:
        """The valid proposed codes that have a position, in sequence."""
        placed = [claim for claim in self.valid if claim.proposed.position is not None]
        return tuple(sorted(placed, key=lambda claim: (claim.proposed.position or 0, claim.index)))

    @property
    def principal(self) -> Claimed | None:
        """The principal or first-listed code; None where the codes are in no sequence."""
        first = self.sequence[:1]
        return first[0] if first and first[0].proposed.position == 1 else None

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """All notes in pieces."""
        return tuple(
            Clause(number, Span(*match.span()), tuple(words_of(match.group()).forms))
            for number, note in enumerate(self.texts)
            for match in _CLAUSE.finditer(note.text)
            if match.group().strip()
        )

    @cached_property
    def forms(self) -> frozenset[str]:
        """The canonical forms of all words of all notes."""
        return frozenset(form for clause in self.clauses for form in clause.forms)

    @cached_property
    def by_code(self) -> Mapping[str, tuple[Documented, ...]]:
        """The mentions of each code."""
        return _grouped(self.documented, 0)

    @cached_property
    def by_category(self) -> Mapping[str, tuple[Documented, ...]]:
        """The mentions of each category."""
        return _grouped(self.documented, 3)

    @property
    def looked_in(self) -> str:
        """A sentence that says where was looked."""
        notes, sections = len(self.texts), len(self.sections)
        where = "the note" if notes == 1 else f"all {notes} notes"
        return f"{where}: {sections} section{'' if sections == 1 else 's'}, {len(self.documented)} mentions"


def make_case(
    book: CodeBook,
    request: AuditInput,
    notes: Sequence[CodedText],
    summary: EncounterSummary,
    min_confidence: float,
    judge: Callable[[Case, Claimed], Support],
    terms: TermIndex | None = None,
) -> Case:
    """Bring a request and its coded notes together; `summary` is of the sections of all notes, `joined`."""
    sections: list[tuple[int, Section]] = []
    documented: list[Documented] = []
    for number, note in enumerate(notes):
        for result in note.results:
            for index, mention in enumerate(result.mentions):
                if mention.code is not None:
                    documented.append(Documented(number, len(sections), index, mention, mention.code))
            sections.append((number, result.section))
    claims = []
    for index, proposed in enumerate(request.codes):
        ref = book.ref(proposed.code)
        claims.append(Claimed(index, proposed, ref, ref is not None and book.is_billable(ref.code)))
    return Case(
        book=book,
        claims=tuple(claims),
        texts=request.notes,
        sections=tuple(sections),
        documented=tuple(documented),
        expected={item.code.code: item for item in summary.codes},
        left_out={item.code.code: item for item in summary.suppressed},
        setting=request.setting,
        age_years=request.age_years,
        sex=request.sex,
        min_confidence=min_confidence,
        judge=judge,
        finder=Finder(book, terms, request.notes, sections),
    )


def _grouped(documented: Sequence[Documented], length: int) -> dict[str, tuple[Documented, ...]]:
    groups: dict[str, list[Documented]] = {}
    for item in documented:
        groups.setdefault(item.code[:length] if length else item.code, []).append(item)
    return {key: tuple(items) for key, items in groups.items()}
