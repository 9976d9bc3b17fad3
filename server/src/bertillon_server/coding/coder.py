"""The stages of coding a note, each a plain function of its input: outline, read, code, summarise.

All of them compute and none of them waits: `coding.flow` runs them off the event loop and puts the encoder
between `read` and `code`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.assertion import AssertionRules, Judgement
from bertillon_server.coding.confidence import Place, ProfileModel, Signals, Tagging, shared
from bertillon_server.coding.context import axes_of, context_of, told_by
from bertillon_server.coding.decoding import Leaf
from bertillon_server.coding.encounter import Encounter
from bertillon_server.coding.heads import MentionReading, pooled
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.linking import Candidate, Decoded, Link, Said
from bertillon_server.coding.mention_candidates import mention_candidates
from bertillon_server.coding.mentions import Found, taken_words
from bertillon_server.coding.other_release import GONE
from bertillon_server.coding.overlaps import Tags, without_overlaps
from bertillon_server.coding.ranking import Evidence
from bertillon_server.coding.reading import Reading, read_section
from bertillon_server.coding.relinking import relinked
from bertillon_server.coding.results import (
    Alternative,
    CodeRef,
    EncounterSummary,
    Mention,
    NoteInput,
    Notice,
    Outline,
    Section,
    SectionResult,
    Timings,
    in_order,
)
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.spans import Span
from bertillon_server.coding.standing import stands
from bertillon_server.coding.terms import TermFlag, TermIndex
from bertillon_server.coding.usage import Habit, Usage, Usual
from bertillon_server.coding.vocabulary import (
    CodingProfile,
    MentionType,
    SuppressionReason,
)
from bertillon_server.coding.way import give_way
from bertillon_server.coding.windows import Encodings
from bertillon_server.coding.words import words_of

# Hard cap of a query, in tokens: a line of text.
MAX_QUERY_TOKENS = 128
# Concept vectors that are looked at for one hit of a search: several are forms of one code.
NEIGHBOURS_PER_HIT = 4

# Letter of the codes of histories, statuses and reasons to come.
_STATUS = "Z"
# Stands for the usage of annotators where it is not asked.
_NO_USAGE = Usage()
_TYPES = {"R": MentionType.SYMPTOM, "Z": MentionType.STATUS} | dict.fromkeys(
    "VWXY", MentionType.EXTERNAL_CAUSE
)


@dataclass(frozen=True, slots=True)
class Linked:
    """The candidates of a mention, what the encoder reads of it (None where it saw nothing), and how it tags it.

    `context` are the words around it that may qualify it; `habit` is what annotators usually gave for its words, None
    where that is not asked or not known.
    """

    link: Link
    read: MentionReading | None
    tagging: Tagging
    context: Mapping[str, Span]
    habit: Habit | None = None


class Coder:
    """Codes notes with one bundle and one release of the code set."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._assertion = AssertionRules()
        # A mention has several; keys are codes, of which some hundreds of notes name so many.
        self._refs = lru_cache(maxsize=6_144)(self._read_ref)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._knowledge.vectors.dimensions

    @property
    def terms(self) -> TermIndex:
        """The terms of the release."""
        return self._knowledge.terms

    def tokenize(self, text: str) -> list[NDArray[np.int64]]:
        """Return a short text as one window."""
        return self._knowledge.tokenizer.encode([text], max_tokens=MAX_QUERY_TOKENS)

    def known_as(self, text: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) of a text that as a whole is a term: an abbreviation, a lay name."""
        knowledge = self._knowledge
        match = knowledge.terms.find(words_of(text))
        codes = [] if match is None else [code for code, _, _ in knowledge.terms.targets(match)]
        return [(code, knowledge.codes.title(code)) for code in codes]

    def nearest(self, encoded: NDArray[np.floating], limit: int) -> list[tuple[str, str, float]]:
        """Return the codes nearest to an encoded query [tokens, width] as (code, title, cosine), best first."""
        knowledge = self._knowledge
        query = pooled(encoded[1:-1, : self.dimensions].astype(np.float32))
        rows, cosines = knowledge.vectors.search(query[None], NEIGHBOURS_PER_HIT * limit)
        best: dict[str, float] = {}
        for row, cosine in zip(rows[0].tolist(), cosines[0].tolist(), strict=True):
            code = knowledge.linker.code_of(row)
            if code != GONE:
                best.setdefault(code, cosine)
        return [(code, knowledge.codes.title(code), cosine) for code, cosine in list(best.items())[:limit]]

    def outline(self, note: NoteInput, notices: tuple[Notice, ...]) -> Outline:
        """Cut a note into sections."""
        sections = sections_from(note.text, note.sections)
        if note.kind is not None and len(sections) == 1:
            only = sections[0]
            sections = [Section(0, note.kind, only.span, only.title, only.body)]
        return Outline(tuple(sections), self._knowledge.versions, notices)

    def read(self, note: NoteInput, section: Section) -> Reading:
        """Find the sentences, terms and phrases of a section."""
        return read_section(self._knowledge, self._assertion, note.text, section)

    def code(
        self, note: NoteInput, reading: Reading, rows: Sequence[NDArray[np.floating]], *, codeable: bool
    ) -> SectionResult:
        """Link, assert and decode what a section mentions.

        `rows` [tokens, width] of each window of the reading; `codeable` whether codes are expected in this section of
        the note (`coding.codeable`). Of the note, nothing outside of the section is looked at.
        """
        began = time.perf_counter_ns()
        links = self._links(note, reading, Encodings(reading.seen, rows), search=codeable)
        judgements = self._judge(reading, links)
        model = self._knowledge.calibration.profiles[note.options.profile]
        mentions = without_overlaps(
            self._mention(note, reading, found, linked, judgement, model, codeable=codeable)
            for (found, linked), judgement in zip(links, judgements, strict=True)
        )
        spent = (time.perf_counter_ns() - began) // 1000
        return SectionResult(
            reading.section, mentions, Timings(tokenize_us=reading.tokenize_us, link_us=spent)
        )

    def summarise(
        self, note: NoteInput, outline: Outline, results: Sequence[SectionResult]
    ) -> EncounterSummary:
        """Bring the sections together to the codes of the encounter."""
        threshold = note.options.min_confidence
        if threshold is None:
            threshold = self._knowledge.calibration.profiles[note.options.profile].threshold
        codes, suppressed = Encounter(self._knowledge, note, threshold).codes(in_order(results))
        return EncounterSummary(codes, suppressed, outline.versions, outline.notices, Timings())

    def _links(
        self, note: NoteInput, reading: Reading, encodings: Encodings, *, search: bool
    ) -> list[tuple[Found, Linked]]:
        """Link everything that may be a mention; what overlaps is settled later, by confidence.

        `search` asks for neighbours too. Where no codes are expected terms will do: a search costs milliseconds.
        """
        limit = note.options.max_alternatives
        knowledge = self._knowledge
        taken = taken_words(reading.words, reading.terms)
        # Habits are those of the annotators of all mentions; what an encounter is given does not rest on them.
        asked = note.options.profile is CodingProfile.ALL_MENTIONS
        usage = knowledge.calibration.usage if asked else _NO_USAGE
        candidates = mention_candidates(reading, encodings, usage, self.dimensions)
        near = candidates.neighbours(knowledge.vectors, knowledge.neighbours) if search else {}
        linked = []
        tags, decoded = Tags(candidates.tagged), Decoded()
        for found in candidates.found:
            give_way()
            context = _qualifiers(note, reading, found, taken)
            said = Said(told_by(note.text, reading.words, found), context)
            tagging, seen_as = tags.of(found), candidates.read.get(found)
            links = knowledge.linker.link(found, said, limit, seen_as, near.get(found), decoded)
            links = [link for link in links if not _names_only_a_procedure(link, seen_as)]
            usual = usage.of(reading.words.plain[found.first : found.last]) if usage else None
            linked += [
                (found, Linked(link, seen_as, tagging, context, habit))
                for link, habit in self._as_usual(links, usual, said, limit)
            ]
        return sorted(linked, key=lambda pair: pair[0].span)

    def _as_usual(
        self, links: Sequence[Link], usual: Usual | None, said: Said, limit: int
    ) -> list[tuple[Link, Habit | None]]:
        """Return the links of a mention as what is usual for its words ranks them, and what they owe to it."""
        if usual is None:
            return [(link, None) for link in links]
        proposals = {code: self._proposal(code, said) for code in usual.counts}
        return [
            (link, Habit(math.exp(link.candidates[0].score), usual.notes))
            for link in relinked(links, usual, proposals, limit)
        ]

    def _proposal(self, code: str, said: Said) -> Candidate:
        """Return a code that is usual for the words of a mention and that neither term nor encoder proposes."""
        title = self._knowledge.decoder.title(code)
        evidence = Evidence(0.0, TermFlag(0), None, 0, 0, said.told.asserts, title)
        return Candidate(Leaf(code, frozenset(), 0), evidence, 0.0)

    def _judge(self, reading: Reading, links: Sequence[tuple[Found, Linked]]) -> list[Judgement]:
        found = [mention for mention, _ in links]
        by_sentence: dict[Span, list[int]] = {}
        for i, mention in enumerate(found):
            by_sentence.setdefault(mention.sentence, []).append(i)
        judgements: dict[int, Judgement] = {}
        for sentence, indices in by_sentence.items():
            spans = [found[i].span for i in indices]
            judged = self._assertion.judge(reading.tokens[sentence], spans, reading.section.kind)
            judgements.update(zip(indices, judged, strict=True))
        fusion = self._knowledge.calibration.fusion
        return fusion.judge_all(
            [judgements[i] for i in range(len(links))], [linked.read for _, linked in links]
        )

    def _mention(
        self,
        note: NoteInput,
        reading: Reading,
        found: Found,
        linked: Linked,
        judgement: Judgement,
        model: ProfileModel,
        *,
        codeable: bool,
    ) -> Mention:
        give_way()
        knowledge = self._knowledge
        link, read = linked.link, linked.read
        best = link.candidates[0]
        code, suppression = stands(knowledge, note, reading.words, found, best.leaf.code, judgement.assertion)
        outside = not codeable
        if best.leaf.invented and code == best.leaf.code:
            suppression = suppression or SuppressionReason.NO_BILLABLE_CODE
        signals = Signals(
            code=code,
            section=reading.section.kind,
            assertion=judgement.assertion,
            place=_place_of(reading, found),
            words=found.match.weight if found.match else found.last - found.first,
            weight=best.evidence.weight,
            margin=link.margin,
            lead=link.lead,
            flags=best.evidence.flags,
            cosine=best.cosine,
            invented=best.leaf.invented,
            used=len(best.leaf.used),
            codeable=None if read is None else read.codeable,
            named=None if read is None else read.named,
            similarity=best.evidence.similarity,
            tagging=linked.tagging,
            outside=outside,
            habit=linked.habit,
        )
        confidence = model.confidence(signals)
        if outside and confidence < model.threshold:
            suppression = suppression or SuppressionReason.NOT_CODEABLE_HERE
        rest = link.candidates[1 : note.options.max_alternatives + 1]
        chances = shared(confidence, [math.exp(candidate.score - best.score) for candidate in rest])
        asserted = knowledge.decoder.title(code).asserts
        return Mention(
            span=found.span,
            sentence=found.sentence,
            type=_TYPES.get(code[0], MentionType.PROBLEM),
            assertion=judgement.assertion,
            cue=judgement.cue,
            code=self._refs(code),
            confidence=confidence,
            alternatives=tuple(
                Alternative(self._refs(candidate.leaf.code), chance)
                for candidate, chance in zip(rest, chances, strict=True)
            ),
            axes=tuple(axes_of(reading.words, found, asserted, linked.context)),
            missing_axes=knowledge.decoder.missing(best.leaf) if code == best.leaf.code else (),
            suppression=suppression,
            signals=signals,
        )

    def _read_ref(self, code: str) -> CodeRef:
        knowledge = self._knowledge
        return CodeRef(knowledge.system, code, knowledge.release, knowledge.codes.title(code))


def _qualifiers(note: NoteInput, reading: Reading, found: Found, taken: Sequence[bool]) -> dict[str, Span]:
    """Return the words that may qualify a mention, the patient's sex among them where it is known."""
    context = context_of(note.text, reading.words, found, taken, reading.items)
    if note.sex is not None:
        context.setdefault(note.sex.name.lower(), found.span)
    return context


def _names_only_a_procedure(link: Link, read: MentionReading | None) -> bool:
    """Whether a term stands in the name of a procedure; having had one is a status, which has codes of its own."""
    return read is not None and read.is_procedure and link.candidates[0].leaf.code[0] != _STATUS


def _place_of(reading: Reading, found: Found) -> Place:
    """Say where in its section a mention stands: what a list of problems names, or what it says about them."""
    if found.item is not None:
        return Place.HEAD
    if reading.items and found.span.start >= reading.items[0].head.start:
        return Place.BODY
    return Place.PROSE
