"""What a section may mention: its sentences, the items of its list, terms, and phrases for the encoder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.allergies import substances
from bertillon_server.coding.asides import asides
from bertillon_server.coding.assertion import AssertionRules, Tokens, tokenize
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.list_items import ProblemItem, problem_items
from bertillon_server.coding.mentions import Found, find_phrases, find_terms, sentence_numbers, words_within
from bertillon_server.coding.results import Section
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermMatch
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.way import give_way
from bertillon_server.coding.windows import Window, cut_windows
from bertillon_server.coding.words import Words, words_of

# Sections that state problems in words of the clinician's own; elsewhere only terms are read.
PHRASE_KINDS = frozenset(
    {
        SectionKind.ASSESSMENT,
        SectionKind.ASSESSMENT_AND_PLAN,
        SectionKind.DIAGNOSES,
        SectionKind.PREOPERATIVE_DIAGNOSIS,
        SectionKind.POSTOPERATIVE_DIAGNOSIS,
    }
)
# Windows of a section that the encoder sees: some 60,000 characters, far more than any section has that a person
# wrote. Bounds the work on a text without end, of which the rest is left to the term index.
MAX_WINDOWS = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """A section that has been read: what it may mention, and the windows that the encoder is to see.

    `tokens` are those of each sentence, as the rules of assertion read it; `barred` tells for each word whether it
    asserts; `seen` are the windows that hold a term, or where problems are named in words of the clinician's own, of
    all that were `cut`.
    """

    section: Section
    sentences: tuple[Span, ...]
    tokens: Mapping[Span, Tokens]
    items: tuple[ProblemItem, ...]
    words: Words
    barred: Sequence[bool]
    terms: tuple[Found, ...]
    phrases: tuple[Found, ...]
    seen: tuple[Window, ...]
    tokenize_us: int
    cut: tuple[Window, ...] = ()

    @property
    def windows(self) -> list[NDArray[np.int64]]:
        """Token ids of the windows, in order."""
        return [window.ids for window in self.seen]


def read_section(knowledge: Knowledge, assertion: AssertionRules, text: str, section: Section) -> Reading:
    """Find the sentences, terms and phrases of a section."""
    began = time.perf_counter_ns()
    sentences = tuple(split_sentences(text, section.body))
    give_way()
    items = tuple(problem_items(text, section))
    words = words_of(text, section.body.start, section.body.end)
    words = words.without(asides(text, section.body, section.kind, sentences))
    numbers = sentence_numbers(words, sentences)
    named: list[TermMatch] = []
    if section.kind is SectionKind.ALLERGIES:
        named, reactions = substances(text, words, numbers, knowledge.terms)
        words = words.without(reactions)
    give_way()
    terms = find_terms(text, words, numbers, sentences, items, knowledge.terms, named)
    give_way()
    phrases: list[Found] = []
    tokens = {sentence: tokenize(text, sentence) for sentence in sentences}
    give_way()
    cues = [cue for read in tokens.values() for cue in assertion.cues(read)]
    barred = words_within(words, cues)
    if section.kind in PHRASE_KINDS:
        phrases = find_phrases(text, words, numbers, sentences, items, terms, barred)
    give_way()
    cut = windows = cut_windows(text, section.body, section.kind, sentences, knowledge.tokenizer)
    if section.kind not in PHRASE_KINDS:
        starts = [term.span.start for term in terms]
        windows = [window for window in windows if window.holds_one_of(starts)]
    spent = (time.perf_counter_ns() - began) // 1000
    seen = tuple(windows[:MAX_WINDOWS])
    return Reading(
        section,
        sentences,
        tokens,
        items,
        words,
        barred,
        tuple(terms),
        tuple(phrases),
        seen,
        spent,
        tuple(cut),
    )
