"""The procedures of an encounter: those of all sections brought together, and what is left out of them.

Sources: ICD-10-PCS Official Guidelines B3.1b (components), B3.2 (multiple procedures), B3.11a (inspection to reach
the objective of a procedure), and I.B.2 of those for diagnoses for the highest detail, which holds here alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bertillon_server.coding.procedures import standing
from bertillon_server.coding.procedures.structure import APPROACH, LENGTH, PART, SURGICAL, TABLE
from bertillon_server.coding.results import (
    CodeRef,
    EncounterCode,
    Mention,
    MentionRef,
    Outline,
    SectionResult,
    SuppressedCode,
)
from bertillon_server.coding.vocabulary import AxisKind, CodingProfile, SuppressionReason

PCS = "icd-10-pcs"
_INSPECTION = "J"
# General anatomical regions, as in an exploratory laparotomy.
_REGIONS = "W"
# What an operation needs and its description tells of: airway, catheters, monitoring, injections, drains.
_ON_THE_WAY = ("0BH1", "0T9B", "3E", "4A", "5A", "2W", "02HV", "30", "0HQ", "0JQ", "0W99", "0W9B")

_EXPLANATIONS = {
    SuppressionReason.NEGATED: "the note says that it was not done",
    SuppressionReason.HYPOTHETICAL: "the note speaks of it as planned or advised",
    SuppressionReason.HISTORICAL: "it was done in the past and not in this encounter",
    SuppressionReason.UNCERTAIN: "the note does not say for certain that it was done",
    SuppressionReason.FAMILY: "the note says it of a relative",
    SuppressionReason.OTHER_PERSON: "the note says it of another person",
    SuppressionReason.COMPONENT: "it is a part of another procedure (ICD-10-PCS guideline B3.1b)",
    SuppressionReason.NOT_CODEABLE_HERE: "the section does not tell of a procedure of this encounter",
    SuppressionReason.LOW_CONFIDENCE: "its confidence is below the threshold",
    SuppressionReason.NO_BILLABLE_CODE: "every code would state a side that the note does not",
}


@dataclass(slots=True)
class _Entry:
    """A code under consideration; mutable while the rules run, owned by one `ProcedureEncounter`."""

    ref: CodeRef
    confidence: float
    missing: tuple[AxisKind, ...]
    reason: SuppressionReason | None
    evidence: list[MentionRef] = field(default_factory=list)
    described: bool = True
    winner: CodeRef | None = None
    explanation: str = ""


class ProcedureEncounter:
    """Applies the rules for procedures to the mentions of one note."""

    def __init__(self, systems: Collection[str], profile: CodingProfile, threshold: float) -> None:
        self._systems = systems
        self._profile = profile
        self._threshold = threshold
        self._entries: dict[tuple[str, str], _Entry] = {}

    def codes(
        self, outline: Outline, results: Sequence[SectionResult]
    ) -> tuple[tuple[EncounterCode, ...], tuple[SuppressedCode, ...]]:
        """Return the procedures in the order of the text, and those that were considered and left out."""
        self._collect(outline, results)
        for entry in self._active():
            if entry.confidence < self._threshold:
                entry.reason = SuppressionReason.LOW_CONFIDENCE
        if self._profile is CodingProfile.ENCOUNTER:
            self._drop_less_specific()
            self._drop_components()
        active = tuple(
            EncounterCode(entry.ref, entry.confidence, tuple(entry.evidence), entry.missing)
            for entry in self._active()
        )
        left_out = tuple(
            SuppressedCode(
                entry.ref,
                entry.confidence,
                entry.reason,
                entry.winner,
                entry.explanation or _EXPLANATIONS.get(entry.reason, ""),
                tuple(entry.evidence),
            )
            for entry in sorted(self._entries.values(), key=lambda entry: (-entry.confidence, entry.ref.code))
            if entry.reason is not None
        )
        return active, left_out

    def _collect(self, outline: Outline, results: Sequence[SectionResult]) -> None:
        found = [
            (mention, mention.code, MentionRef(result.section.index, index, mention.span), result)
            for result in results
            for index, mention in enumerate(result.mentions)
            if mention.code is not None and mention.code.system in self._systems
        ]
        found.sort(key=lambda item: (item[0].suppression is not None, -item[0].confidence))
        for mention, code, ref, result in found:
            self._add(mention, code, ref, described=standing.describes(outline, result.section))

    def _add(self, mention: Mention, code: CodeRef, ref: MentionRef, *, described: bool) -> None:
        key = (code.system, code.code)
        entry = self._entries.get(key)
        if entry is None:
            entry = _Entry(code, mention.confidence, mention.missing_axes, mention.suppression)
            self._entries[key] = entry
        if entry.reason == mention.suppression:
            entry.evidence.append(ref)
            entry.described = entry.described and described
            if len(mention.missing_axes) < len(entry.missing):
                entry.missing = mention.missing_axes

    def _active(self) -> list[_Entry]:
        entries = (entry for entry in self._entries.values() if entry.reason is None)
        return sorted(
            entries,
            key=lambda entry: min(
                (ref.section_index, ref.span.start, ref.mention_index) for ref in entry.evidence
            ),
        )

    def _pcs(self) -> list[_Entry]:
        return [
            entry for entry in self._active() if entry.ref.system == PCS and len(entry.ref.code) == LENGTH
        ]

    def _drop_less_specific(self) -> None:
        """Of two codes for the same operation on the same body part, keep the one that rests on more of the text."""
        kept: dict[str, _Entry] = {}
        for entry in sorted(self._pcs(), key=lambda one: (one.described, len(one.missing), -one.confidence)):
            fuller = kept.setdefault(entry.ref.code[:PART], entry)
            if fuller is not entry and (entry.missing or entry.described):
                self._leave_out(
                    entry,
                    SuppressionReason.LESS_SPECIFIC,
                    fuller,
                    "the note tells more of the same procedure elsewhere (guidelines I.B.2)",
                )

    def _drop_components(self) -> None:
        active = self._pcs()
        operations = [
            entry for entry in active if entry.ref.code[0] in "01" and entry.ref.code[2] != _INSPECTION
        ]
        for entry in active:
            code = entry.ref.code
            if entry.described and code.startswith(_ON_THE_WAY):
                other = next((one for one in operations if one is not entry), None)
                if other is not None:
                    self._leave_out(
                        entry, SuppressionReason.COMPONENT, other, _EXPLANATIONS[SuppressionReason.COMPONENT]
                    )
            elif code[0] == SURGICAL and code[2] == _INSPECTION:
                other = next((one for one in operations if _reached_by(code, one.ref.code)), None)
                if other is not None:
                    self._leave_out(
                        entry,
                        SuppressionReason.COMPONENT,
                        other,
                        "it reached the site of another procedure (ICD-10-PCS guideline B3.11a)",
                    )
            elif entry.described and any(
                one is not entry and not one.described and one.ref.code[:TABLE] == code[:TABLE]
                for one in operations
            ):
                other = next(
                    one for one in operations if one.ref.code[:TABLE] == code[:TABLE] and not one.described
                )
                self._leave_out(
                    entry, SuppressionReason.COMPONENT, other, _EXPLANATIONS[SuppressionReason.COMPONENT]
                )

    def _leave_out(self, entry: _Entry, reason: SuppressionReason, winner: _Entry, explanation: str) -> None:
        entry.reason, entry.winner, entry.explanation = reason, winner.ref, explanation


def _reached_by(inspection: str, operation: str) -> bool:
    """Whether an inspection only reached the site of an operation: the same approach, and body system or region."""
    same_way = inspection[APPROACH] == operation[APPROACH]
    return same_way and (inspection[1] in (operation[1], _REGIONS) or operation[1] == _REGIONS)
