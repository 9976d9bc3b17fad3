"""What a section may mention: its sentences, the items of its list, terms, and phrases for the encoder."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.allergies import substances
from bertillon_server.coding.asides import asides
from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.list_items import ProblemItem, problem_items
from bertillon_server.coding.mentions import Found, find_phrases, find_terms, sentence_numbers
from bertillon_server.coding.results import Section
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermMatch
from bertillon_server.coding.vocabulary import SectionKind
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
# Hard cap of a window, in tokens: a phrase of eight words has some 25.
MAX_PHRASE_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Reading:
    """A section that has been read: what it may mention, and the windows that the encoder is to see.

    `windows` are token ids, one array a phrase, in the order of `phrases`.
    """

    section: Section
    sentences: tuple[Span, ...]
    items: tuple[ProblemItem, ...]
    words: Words
    terms: tuple[Found, ...]
    phrases: tuple[Found, ...]
    windows: tuple[NDArray[np.int64], ...]
    tokenize_us: int


def read_section(knowledge: Knowledge, assertion: AssertionRules, text: str, section: Section) -> Reading:
    """Find the sentences, terms and phrases of a section."""
    began = time.perf_counter_ns()
    sentences = tuple(split_sentences(text, section.body))
    items = tuple(problem_items(text, section))
    words = words_of(text, section.body.start, section.body.end)
    words = words.without(asides(text, section.body, section.kind, sentences))
    numbers = sentence_numbers(words, sentences)
    named: list[TermMatch] = []
    if section.kind is SectionKind.ALLERGIES:
        named, reactions = substances(text, words, numbers, knowledge.terms)
        words = words.without(reactions)
    terms = find_terms(text, words, numbers, sentences, items, knowledge.terms, named)
    phrases: list[Found] = []
    if section.kind in PHRASE_KINDS:
        cues = [cue for sentence in sentences for cue in assertion.cues(text, sentence)]
        phrases = find_phrases(text, words, numbers, sentences, items, terms, cues)
    windows = knowledge.tokenizer.encode(
        [phrase.span.of(text) for phrase in phrases], max_tokens=MAX_PHRASE_TOKENS
    )
    spent = (time.perf_counter_ns() - began) // 1000
    return Reading(section, sentences, items, words, tuple(terms), tuple(phrases), tuple(windows), spent)
