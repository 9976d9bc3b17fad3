"""The encounter: what the sections found, brought together to the codes a coder would list, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bertillon_server.coding.combinations import combinations
from bertillon_server.coding.detail import adds_only_axes, says_more
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.results import (
    CodeRef,
    EncounterCode,
    Mention,
    MentionRef,
    NoteInput,
    SectionResult,
    SuppressedCode,
)
from bertillon_server.coding.symptoms import diseases_with
from bertillon_server.coding.vocabulary import Assertion, AxisKind, CodingProfile, SuppressionReason

# Chapters listed after the diseases: status and external causes are never first by default (I.C.20.a.6, I.C.21).
_LAST = {"Z": 1, "V": 2, "W": 2, "X": 2, "Y": 2}

_EXPLANATIONS = {
    SuppressionReason.NEGATED: "the note says that the patient does not have it",
    SuppressionReason.HYPOTHETICAL: "the note speaks of it as something that may come",
    SuppressionReason.FAMILY: "the note says it of a relative",
    SuppressionReason.OTHER_PERSON: "the note says it of another person",
    SuppressionReason.HISTORICAL: "it is past and has no history code (guidelines I.C.21.c.4)",
    SuppressionReason.UNCERTAIN: "uncertain diagnoses are not coded in the outpatient setting (guidelines IV.H)",
    SuppressionReason.NOT_CODEABLE_HERE: "the note does not evaluate or manage it in this encounter (IV.J, III)",
    SuppressionReason.LOW_CONFIDENCE: "its confidence is below the threshold",
    SuppressionReason.NO_BILLABLE_CODE: "every billable code would state a detail that the note does not",
}


@dataclass(slots=True)
class _Entry:
    """A code under consideration; mutable while the rules run, owned by one `Encounter`."""

    ref: CodeRef
    confidence: float
    evidence: list[MentionRef] = field(default_factory=list)
    missing: tuple[AxisKind, ...] = ()
    reason: SuppressionReason | None = None
    winner: CodeRef | None = None
    explanation: str = ""

    @property
    def code(self) -> str:
        return self.ref.code


def _says_more(less: CodeRef, more: CodeRef) -> bool:
    """Whether a code of the same category says all that another says, and values of axes beside it."""
    return less.code[:3] == more.code[:3] and adds_only_axes(less.title, more.title)


class Encounter:
    """Applies the rules of the encounter to the mentions of one note."""

    def __init__(self, knowledge: Knowledge, note: NoteInput, threshold: float) -> None:
        self._knowledge = knowledge
        self._profile = note.options.profile
        self._threshold = threshold
        self._entries: dict[str, _Entry] = {}

    def codes(
        self, results: Sequence[SectionResult]
    ) -> tuple[tuple[EncounterCode, ...], tuple[SuppressedCode, ...]]:
        """Return the codes of the encounter in order, and those that were considered and left out."""
        self._collect(results)
        self._drop_uncertain_links()
        if self._profile is CodingProfile.ENCOUNTER:
            self._specify(results)
            self._combine()
            self._drop_less_specific()
            self._drop_integral_symptoms()
        self._drop_excluded()
        active = [entry for entry in self._entries.values() if entry.reason is None]
        left_out = [entry for entry in self._entries.values() if entry.reason is not None]
        codes = tuple(
            EncounterCode(entry.ref, entry.confidence, tuple(entry.evidence), entry.missing)
            for entry in sorted(active, key=self._rank)
        )
        suppressed = tuple(
            SuppressedCode(
                entry.ref,
                entry.confidence,
                entry.reason,
                entry.winner,
                entry.explanation or _EXPLANATIONS.get(entry.reason, ""),
                tuple(entry.evidence),
            )
            for entry in sorted(left_out, key=lambda e: (-e.confidence, e.code))
            if entry.reason is not None
        )
        return codes, suppressed

    def _rank(self, entry: _Entry) -> tuple[float, ...]:
        if self._profile is CodingProfile.ALL_MENTIONS:
            return (-entry.confidence,)
        first = min((ref.section_index, ref.span.start, ref.mention_index) for ref in entry.evidence)
        return (_LAST.get(entry.code[0], 0), *first)

    def _collect(self, results: Sequence[SectionResult]) -> None:
        found = [
            (mention, MentionRef(result.section.index, index, mention.span))
            for result in results
            for index, mention in enumerate(result.mentions)
            if mention.code is not None and mention.code.system == self._knowledge.system
        ]
        # Mentions that count come first, so that a code's reason is that of a mention only if none counts.
        for mention, ref in sorted(
            found, key=lambda pair: (pair[0].suppression is not None, -pair[0].confidence)
        ):
            self._add(mention, ref)

    def _add(self, mention: Mention, ref: MentionRef) -> None:
        if mention.code is None:
            return
        entry = self._entries.get(mention.code.code)
        if entry is None:
            entry = _Entry(mention.code, mention.confidence, missing=mention.missing_axes)
            entry.reason = mention.suppression
            self._entries[mention.code.code] = entry
        if entry.reason == mention.suppression:
            entry.evidence.append(ref)

    def _active(self) -> list[_Entry]:
        entries = (entry for entry in self._entries.values() if entry.reason is None)
        return sorted(entries, key=lambda entry: (-entry.confidence, entry.code))

    def _drop_uncertain_links(self) -> None:
        for entry in self._active():
            if entry.confidence < self._threshold:
                entry.reason = SuppressionReason.LOW_CONFIDENCE

    def _specify(self, results: Sequence[SectionResult]) -> None:
        """Fill in axes that the note states elsewhere: the side of a problem is often in the history alone (I.B.2).

        Only if all mentions of the note that say more of it agree.
        """
        told = [
            mention.code
            for result in results
            for mention in result.mentions
            if mention.assertion is Assertion.PRESENT
            and mention.code is not None
            and mention.code.system == self._knowledge.system
        ]
        for entry in self._active():
            fuller = {code.code: code for code in told if entry.missing and _says_more(entry.ref, code)}
            if len(fuller) != 1:
                continue
            (code,) = fuller.values()
            known = self._entries.get(code.code)
            if known is not None and known.reason is None:
                continue
            specified = _Entry(code, entry.confidence, evidence=list(entry.evidence))
            self._entries[code.code] = specified
            self._leave_out(
                entry,
                SuppressionReason.LESS_SPECIFIC,
                specified,
                "the note states elsewhere what this code leaves open (guidelines I.B.2)",
            )

    def _combine(self) -> None:
        active = {entry.code: entry for entry in self._active()}
        for combination in combinations(active.keys()):
            if not self._knowledge.codes.is_billable(combination.code):
                continue
            parts = [active[part] for part in combination.parts]
            entry = self._entries.get(combination.code)
            if entry is None or entry.reason is not None:
                entry = _Entry(self._ref(combination.code), min(part.confidence for part in parts))
                self._entries[combination.code] = entry
            entry.evidence.extend(ref for part in parts for ref in part.evidence if ref not in entry.evidence)
            for gone in combination.replaced:
                self._leave_out(
                    active[gone],
                    SuppressionReason.LESS_SPECIFIC,
                    entry,
                    f"{combination.code}: {combination.source}",
                )

    def _drop_less_specific(self) -> None:
        """Leave out a code when another of its category says all that it says and more."""
        by_category: dict[str, list[_Entry]] = {}
        for entry in self._active():
            by_category.setdefault(entry.code[:3], []).append(entry)
        for entries in by_category.values():
            for entry in entries:
                for other in entries:
                    if other.reason is None and says_more(entry.ref.title, other.ref.title):
                        self._leave_out(
                            entry,
                            SuppressionReason.LESS_SPECIFIC,
                            other,
                            "a more specific code of the same category is documented (guidelines I.B.2)",
                        )
                        break

    def _drop_integral_symptoms(self) -> None:
        active = self._active()
        diseases = [entry for entry in active if entry.code[0] not in "RZ"]
        for entry in active:
            wholes = diseases_with(entry.code)
            disease = next((d for d in diseases if d is not entry and d.code.startswith(wholes)), None)
            if disease is not None:
                self._leave_out(
                    entry,
                    SuppressionReason.INTEGRAL_SYMPTOM,
                    disease,
                    "the symptom belongs to a disease that is coded (guidelines I.B.5)",
                )

    def _drop_excluded(self) -> None:
        """Of two codes that an Excludes1 note keeps apart, leave out the less certain one (I.A.12.a)."""
        kept: list[_Entry] = []
        for entry in self._active():
            for other in kept:
                note = self._knowledge.exclusions(entry.code, other.code)
                if note is not None:
                    self._leave_out(entry, SuppressionReason.EXCLUDES1, other, note)
                    break
            else:
                kept.append(entry)

    def _leave_out(self, entry: _Entry, reason: SuppressionReason, winner: _Entry, explanation: str) -> None:
        entry.reason, entry.winner, entry.explanation = reason, winner.ref, explanation

    def _ref(self, code: str) -> CodeRef:
        knowledge = self._knowledge
        return CodeRef(knowledge.system, code, knowledge.release, knowledge.codes.title(code))
