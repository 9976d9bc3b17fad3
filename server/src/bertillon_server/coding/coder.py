"""The stages of coding a note, each a plain function of its input: outline, read, code, summarise.

All of them compute and none of them waits: `coding.flow` runs them off the event loop and puts the encoder
between `read` and `code`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.assertion import AssertionRules, Judgement
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.confidence import Place, ProfileModel, Signals, shared
from bertillon_server.coding.context import axes_of, context_of, told_by
from bertillon_server.coding.encounter import Encounter
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.linking import MIN_COSINE, MIN_COSINE_IN_PROSE, Link, merged
from bertillon_server.coding.mentions import Found, taken_words
from bertillon_server.coding.reading import Reading, read_section
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
from bertillon_server.coding.vocabulary import (
    MentionType,
    SectionKind,
    SuppressionReason,
)
from bertillon_server.coding.words import words_of

# A phrase that the encoder links at this similarity or above is taken before a term that names a part of it.
PHRASE_WINS = 0.86
# Hard cap of a window that is a query, in tokens: a line of text.
MAX_QUERY_TOKENS = 128
# Concept vectors that are looked at for one hit of a search: several are forms of one code.
NEIGHBOURS_PER_HIT = 4

_TYPES = {"R": MentionType.SYMPTOM, "Z": MentionType.STATUS} | dict.fromkeys(
    "VWXY", MentionType.EXTERNAL_CAUSE
)


class Coder:
    """Codes notes with one bundle and one release of the code set."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._assertion = AssertionRules()

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._knowledge.vectors.dimensions

    def tokenize(self, text: str) -> list[NDArray[np.int64]]:
        """Return a short text as one window."""
        return self._knowledge.tokenizer.encode([text], max_tokens=MAX_QUERY_TOKENS)

    def known_as(self, text: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) of a text that as a whole is a term: an abbreviation, a lay name."""
        knowledge = self._knowledge
        match = knowledge.terms.find(words_of(text))
        codes = [] if match is None else [code for code, _, _ in knowledge.terms.targets(match)]
        return [(code, knowledge.codes.title(code)) for code in codes]

    def nearest(self, vectors: NDArray[np.float32], limit: int) -> list[tuple[str, str, float]]:
        """Return the codes nearest to a vector [1, dimensions] as (code, title, cosine), best first."""
        knowledge = self._knowledge
        rows, cosines = knowledge.vectors.search(vectors, NEIGHBOURS_PER_HIT * limit)
        best: dict[str, float] = {}
        for row, cosine in zip(rows[0].tolist(), cosines[0].tolist(), strict=True):
            best.setdefault(knowledge.linker.code_of(row), cosine)
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
        self, note: NoteInput, outline: Outline, reading: Reading, vectors: NDArray[np.float32]
    ) -> SectionResult:
        """Link, assert and decode what a section mentions; `vectors` float32 [phrases, dimensions]."""
        began = time.perf_counter_ns()
        links = self._links(note, reading, vectors)
        judgements = self._judge(note, reading, [found for found, _ in links])
        taken = taken_words(reading.words, [found for found, _ in links])
        codeable = codeable_sections(outline.sections, note.options.profile)
        model = self._knowledge.calibration.profiles[note.options.profile]
        mentions = tuple(
            self._mention(note, reading, found, taken, link, judgement, codeable, model)
            for (found, link), judgement in zip(links, judgements, strict=True)
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
        self, note: NoteInput, reading: Reading, vectors: NDArray[np.float32]
    ) -> list[tuple[Found, Link]]:
        limit = note.options.max_alternatives
        by_term: dict[Found, Link] = {}
        beside: list[tuple[Found, Link]] = []
        taken = taken_words(reading.words, reading.terms)
        for found in reading.terms:
            context = _qualifiers(note, reading, found, taken)
            links = self._knowledge.linker.link_term(
                found, told_by(note.text, reading.words, found), context, limit
            )
            if links:
                by_term[found], *more = links
                beside.extend((found, link) for link in more)
        if reading.phrases:
            rows, cosines = self._knowledge.vectors.search(vectors, self._knowledge.neighbours)
            for i, phrase in enumerate(reading.phrases):
                context = _qualifiers(note, reading, phrase, taken)
                least = MIN_COSINE if phrase.item is not None else MIN_COSINE_IN_PROSE
                link = self._knowledge.linker.link_phrase(
                    rows[i], cosines[i], told_by(note.text, reading.words, phrase), context, limit, least
                )
                if link is not None:
                    _place(by_term, phrase, link, limit)
        pairs = [*by_term.items(), *((found, link) for found, link in beside if found in by_term)]
        return sorted(pairs, key=lambda pair: pair[0].span)

    def _judge(self, note: NoteInput, reading: Reading, found: Sequence[Found]) -> list[Judgement]:
        by_sentence: dict[Span, list[int]] = {}
        for i, mention in enumerate(found):
            by_sentence.setdefault(mention.sentence, []).append(i)
        judgements: dict[int, Judgement] = {}
        for sentence, indices in by_sentence.items():
            spans = [found[i].span for i in indices]
            judged = self._assertion.judge(note.text, sentence, spans, reading.section.kind)
            judgements.update(zip(indices, judged, strict=True))
        return [judgements[i] for i in range(len(found))]

    def _mention(
        self,
        note: NoteInput,
        reading: Reading,
        found: Found,
        taken: NDArray[np.bool_],
        link: Link,
        judgement: Judgement,
        codeable: frozenset[SectionKind],
        model: ProfileModel,
    ) -> Mention:
        knowledge = self._knowledge
        best = link.candidates[0]
        code, suppression = stands(knowledge, note, reading.words, found, best.leaf.code, judgement.assertion)
        if suppression is None:
            suppression = None if reading.section.kind in codeable else SuppressionReason.NOT_CODEABLE_HERE
        if best.leaf.invented and code == best.leaf.code:
            suppression = suppression or SuppressionReason.NO_BILLABLE_CODE
        confidence = model.confidence(
            Signals(
                code=code,
                section=reading.section.kind,
                assertion=judgement.assertion,
                place=_place_of(reading, found),
                words=found.match.weight if found.match else found.last - found.first,
                weight=best.weight,
                margin=link.margin,
                flags=best.flags,
                cosine=best.cosine,
                invented=best.leaf.invented,
                used=len(best.leaf.used),
            )
        )
        rest = sorted(
            link.candidates[1 : note.options.max_alternatives + 1], key=lambda c: c.strength, reverse=True
        )
        chances = shared(confidence, [candidate.strength for candidate in rest])
        asserted = read_title(knowledge.codes.title(code)).asserts
        context = context_of(note.text, reading.words, found, taken, reading.items)
        return Mention(
            span=found.span,
            sentence=found.sentence,
            type=_TYPES.get(code[0], MentionType.PROBLEM),
            assertion=judgement.assertion,
            cue=judgement.cue,
            code=self._ref(code),
            confidence=confidence,
            alternatives=tuple(
                Alternative(self._ref(candidate.leaf.code), chance)
                for candidate, chance in zip(rest, chances, strict=True)
            ),
            axes=tuple(axes_of(reading.words, found, asserted, context)),
            missing_axes=best.leaf.missing if code == best.leaf.code else (),
            suppression=suppression,
        )

    def _ref(self, code: str) -> CodeRef:
        knowledge = self._knowledge
        return CodeRef(knowledge.system, code, knowledge.release, knowledge.codes.title(code))


def _qualifiers(note: NoteInput, reading: Reading, found: Found, taken: NDArray[np.bool_]) -> dict[str, Span]:
    """Return the words that may qualify a mention, the patient's sex among them where it is known."""
    context = context_of(note.text, reading.words, found, taken, reading.items)
    if note.sex is not None:
        context.setdefault(note.sex.name.lower(), found.span)
    return context


def _place(links: dict[Found, Link], phrase: Found, link: Link, limit: int) -> None:
    """Put a phrase beside the terms inside it: in their place when it is sure, else as their alternatives."""
    inside = [found for found in links if found.span.overlaps(phrase.span)]
    if not all(phrase.span.contains(found.span) for found in inside):
        # A term that reaches beyond the phrase knows more of the name than the phrase does.
        return
    if not inside:
        links[phrase] = link
    elif (link.candidates[0].cosine or 0.0) >= PHRASE_WINS and len(inside) == 1:
        replaced = links.pop(inside[0])
        links[phrase] = merged(link, replaced, limit)
    elif len(inside) == 1:
        links[inside[0]] = merged(links[inside[0]], link, limit)


def _place_of(reading: Reading, found: Found) -> Place:
    """Say where in its section a mention stands: what a list of problems names, or what it says about them."""
    if found.item is not None:
        return Place.HEAD
    if reading.items and found.span.start >= reading.items[0].head.start:
        return Place.BODY
    return Place.PROSE
