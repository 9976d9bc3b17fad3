"""Codes the procedures of a note: what its sections say was done, and which of it counts for the encounter.

Its stages run beside those of `coding.coder`, on the same reading of a section, and take nothing from the
diagnoses: with procedures or without, these are the same.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.confidence import shared
from bertillon_server.coding.heads import PLACES, pooled
from bertillon_server.coding.mentions import sentence_numbers
from bertillon_server.coding.procedures import standing
from bertillon_server.coding.procedures.asserted import judged
from bertillon_server.coding.procedures.encounter import ProcedureEncounter
from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.procedures.systems import ProcedureSystem, Proposed, Tagged
from bertillon_server.coding.reading import Reading
from bertillon_server.coding.results import (
    Alternative,
    EncounterSummary,
    Mention,
    NoteInput,
    Outline,
    SectionResult,
    in_order,
)
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import CodingProfile, MentionType, SuppressionReason
from bertillon_server.coding.windows import Encodings, Window
from bertillon_server.coding.words import Words, words_of

# Least confidence of a procedure that is listed, where the caller names none.
THRESHOLD = 0.3
# Steps of an operation below it are told in words for anything ("was removed", "was placed"): nobody is helped by
# them.
_LEAST_OF_COMPONENT = 0.25
# Most windows that the encoder is shown for procedures alone, and most spans of a section that are searched for.
_MAX_WINDOWS = 16
_MAX_TAGGED = 12
# Studies outside of operative sections are not coded for an encounter: facilities do not report them from there.
_STUDIES = frozenset("BCDF4")


@dataclass(frozen=True, slots=True)
class ProcedurePlan:
    """What a section says is done, before it is linked, and the windows that the encoder is to see for it alone."""

    phrases: Phrases | None = None
    heard: tuple[tuple[Heard, ...], ...] = ()
    words: Words | None = field(default=None, repr=False)
    windows: tuple[Window, ...] = ()
    spent_us: int = 0


class ProcedureCoder:
    """Codes procedures with the systems chosen for a note. Safe to share between threads."""

    def __init__(
        self, systems: Sequence[ProcedureSystem], assertion: AssertionRules, dimensions: int
    ) -> None:
        self._systems = tuple(systems)
        self._dimensions = dimensions
        self._assertion = assertion
        self._uses_vectors = any(system.uses_vectors for system in systems)

    @property
    def code_sets(self) -> tuple[tuple[str, str], ...]:
        """Systems and their releases."""
        return tuple((system.system, system.version) for system in self._systems)

    def read(self, note: NoteInput, outline: Outline, reading: Reading) -> ProcedurePlan:
        """Find what a section says is done."""
        section = reading.section
        everything = note.options.profile is CodingProfile.ALL_MENTIONS
        if not reading.sentences or (section.kind in standing.SILENT and not everything):
            return ProcedurePlan()
        began = time.perf_counter_ns()
        # Not those of the reading: what is an aside to a diagnosis may tell of a procedure.
        words = words_of(note.text, section.body.start, section.body.end)
        phrases = Phrases(note.text, words, sentence_numbers(words, reading.sentences))
        heard = tuple(tuple(system.hear(phrases)) for system in self._systems)
        windows: list[Window] = []
        if self._uses_vectors and (standing.is_operative(section) or len(outline.sections) == 1):
            known = {id(window) for window in reading.seen}
            starts = sorted({int(words.starts[one.first]) for many in heard for one in many})
            windows = [
                window
                for window in reading.cut
                if id(window) not in known and (window.holds_one_of(starts) or not windows)
            ][:_MAX_WINDOWS]
        spent = (time.perf_counter_ns() - began) // 1000
        return ProcedurePlan(phrases, heard, words, tuple(windows), spent)

    def add(
        self,
        note: NoteInput,
        outline: Outline,
        reading: Reading,
        plan: ProcedurePlan,
        rows: Sequence[NDArray[np.floating]],
        result: SectionResult,
    ) -> SectionResult:
        """Return a section's result with its procedures; `rows` [tokens, width] of its windows and of the plan's."""
        if plan.phrases is None or plan.words is None:
            return result
        began = time.perf_counter_ns()
        tagged: list[Tagged] = []
        if self._uses_vectors:
            windows = sorted([*reading.seen, *plan.windows], key=lambda window: window.starts[0])
            by_window = {
                id(window): row for window, row in zip((*reading.seen, *plan.windows), rows, strict=True)
            }
            tagged = self._tagged(plan, Encodings(windows, [by_window[id(window)] for window in windows]))
        wider = self._wider(note, outline, reading, plan)
        limit = note.options.max_alternatives
        proposals = [
            proposal
            for system, heard in zip(self._systems, plan.heard, strict=True)
            for proposal in system.propose(plan.phrases, heard, wider, limit, tagged)
        ]
        found = self._mentions(note, outline, reading, plan.words, proposals)
        mentions = tuple(sorted((*result.mentions, *found), key=lambda mention: mention.span))
        spent = (time.perf_counter_ns() - began) // 1000 + plan.spent_us
        timings = dataclasses.replace(result.timings, link_us=result.timings.link_us + spent)
        return SectionResult(result.section, mentions, timings)

    def summarise(
        self, note: NoteInput, outline: Outline, results: Sequence[SectionResult], summary: EncounterSummary
    ) -> EncounterSummary:
        """Return the summary with the procedures of the encounter."""
        threshold = THRESHOLD if note.options.min_confidence is None else note.options.min_confidence
        systems = {system for system, _ in self.code_sets}
        encounter = ProcedureEncounter(systems, note.options.profile, threshold)
        procedures, suppressed = encounter.codes(outline, in_order(results))
        return dataclasses.replace(summary, procedures=procedures, suppressed_procedures=suppressed)

    def _wider(
        self, note: NoteInput, outline: Outline, reading: Reading, plan: ProcedurePlan
    ) -> frozenset[str]:
        """Return the words of the report of the operation, for a section that is a part of it."""
        if not any(plan.heard) or not standing.is_operative(reading.section):
            return frozenset()
        return frozenset(
            form
            for span in standing.operative_spans(outline)
            for form in words_of(note.text, span.start, span.end).forms
            if form
        )

    def _tagged(self, plan: ProcedurePlan, encodings: Encodings) -> list[Tagged]:
        """Return what is heard and what the encoder takes for a procedure, with the vectors of their words."""
        words = plan.words
        if words is None:
            return []
        places = {(one.first, one.last) for heard in plan.heard for one in heard}
        for window, rows in zip(encodings.windows, encodings.rows, strict=True):
            for first, last in _tagged_tokens(rows, self._dimensions):
                begin, end = window.starts[first], window.ends[last - 1]
                low = int(np.searchsorted(words.ends, begin, "right"))
                high = int(np.searchsorted(words.starts, end, "left"))
                if low < high and not any(one < high and low < other for one, other in places):
                    places.add((low, high))
        found = []
        for first, last in sorted(places):
            at = encodings.at(Span(int(words.starts[first]), int(words.ends[last - 1])))
            if at is not None and len(at):
                vector = pooled(at[:, : self._dimensions].astype(np.float32))
                found.append(Tagged(first, last, vector))
        return found[:_MAX_TAGGED]

    def _mentions(
        self, note: NoteInput, outline: Outline, reading: Reading, words: Words, proposals: Sequence[Proposed]
    ) -> list[Mention]:
        section = reading.section
        spans = [Span(int(words.starts[one.first]), int(words.ends[one.last - 1])) for one in proposals]
        by_sentence: dict[Span, list[int]] = {}
        numbers = sentence_numbers(words, reading.sentences)
        for number, proposal in enumerate(proposals):
            by_sentence.setdefault(reading.sentences[int(numbers[proposal.first])], []).append(number)
        found = []
        for sentence, chosen in by_sentence.items():
            tokens = reading.tokens[sentence]
            judgements = self._assertion.judge(tokens, [spans[i] for i in chosen], section.kind)
            for i, rules in zip(chosen, judgements, strict=True):
                judgement = judged(note.text, section, sentence, spans[i], rules)
                proposal = proposals[i]
                code = proposal.codes[0][0]
                if self._is_study_elsewhere(note, outline, reading, code.code):
                    continue
                reason = standing.suppression(
                    note, outline, section, judgement.assertion, named=proposal.named
                )
                if reason is SuppressionReason.COMPONENT and proposal.confidence < _LEAST_OF_COMPONENT:
                    continue
                if proposal.invented:
                    reason = reason or SuppressionReason.NO_BILLABLE_CODE
                rest = proposal.codes[1 : note.options.max_alternatives + 1]
                chances = shared(
                    proposal.confidence, [2.0 ** (score - proposal.codes[0][1]) for _, score in rest]
                )
                found.append(
                    Mention(
                        span=spans[i],
                        sentence=sentence,
                        type=MentionType.PROCEDURE,
                        assertion=judgement.assertion,
                        cue=judgement.cue,
                        code=code,
                        confidence=proposal.confidence,
                        alternatives=tuple(
                            Alternative(other, chance)
                            for (other, _), chance in zip(rest, chances, strict=True)
                        ),
                        missing_axes=proposal.missing,
                        suppression=reason,
                    )
                )
        return found

    def _is_study_elsewhere(self, note: NoteInput, outline: Outline, reading: Reading, code: str) -> bool:
        if note.options.profile is CodingProfile.ALL_MENTIONS or len(outline.sections) == 1:
            return False
        return code[0] in _STUDIES and len(code) == 7 and not standing.is_operative(reading.section)


def _tagged_tokens(rows: NDArray[np.floating], dimensions: int) -> list[tuple[int, int]]:
    """Return the half-open token ranges that the encoder tags as procedures; none where its bundle cannot."""
    logits = rows[:, dimensions:]
    if logits.shape[1] < PLACES["procedure"].stop:
        return []
    ranges: list[tuple[int, int]] = []
    begun: int | None = None
    for place, tag in enumerate([*logits[:, PLACES["procedure"]].argmax(axis=1).tolist(), 0]):
        if begun is not None and tag != 2:
            ranges.append((begun, place))
            begun = None
        if tag and begun is None:
            begun = place
    return ranges
