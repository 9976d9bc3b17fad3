"""Ranks the codes that a given mention may mean, as coding does once it has found one.

The caller says where the mention is; its context is read, its window is encoded by the caller, and the meanings of
its terms and the neighbours of its vector are decoded with the words of mention and context.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.context import context_of, told_by
from bertillon_server.coding.heads import MentionReading
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.linking import Candidate, Said
from bertillon_server.coding.list_items import problem_items
from bertillon_server.coding.mentions import Found, find_terms, sentence_numbers, taken_words
from bertillon_server.coding.results import Section
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.windows import Window, cut_windows
from bertillon_server.coding.words import words_of

# Concept vectors that are looked at for one code of the list: several are forms of one code.
NEIGHBOURS_PER_CODE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A mention in its section.

    `mention` carries the term that is all of it, where there is one; `terms` are those that are a part of it.
    `windows` are the section's, for the encoder.
    """

    mention: Found
    terms: tuple[Found, ...]
    said: Said
    windows: tuple[Window, ...]


def place_of(knowledge: Knowledge, text: str, span: Span, *, alone: bool = False) -> Place | None:
    """Read the section around a mention; None when the mention holds no word.

    `alone` takes the text for a lone fragment of no known kind of section, and looks for no headers in it.
    """
    section = _section(text, span, alone=alone)
    sentences = split_sentences(text, section.body)
    items = problem_items(text, section)
    words = words_of(text, section.body.start, section.body.end)
    first = int(np.searchsorted(words.ends, span.start, "right"))
    last = int(np.searchsorted(words.starts, span.end, "left"))
    sentence = next((s for s in sentences if s.start <= span.start < s.end), section.body)
    if first >= last:
        return None
    around = find_terms(text, words, sentence_numbers(words, sentences), sentences, items, knowledge.terms)
    taken = taken_words(words, [term for term in around if not term.span.overlaps(span)])
    item = next((number for number, entry in enumerate(items) if entry.head.overlaps(span)), None)
    inner = words_of(text, span.start, span.end)
    terms = find_terms(text, inner, sentence_numbers(inner, [span]), [span], (), knowledge.terms)
    counted = int((inner.plain != 0).sum())
    whole = next((term.match for term in terms if term.match and term.match.weight == counted), None)
    mention = Found(first, last, span, sentence, whole, item)
    return Place(
        mention=mention,
        terms=() if whole else tuple(terms),
        said=Said(told_by(text, words, mention), context_of(text, words, mention, taken, items)),
        windows=tuple(cut_windows(text, section.body, section.kind, sentences, knowledge.tokenizer)),
    )


def by_vectors(knowledge: Knowledge, place: Place, read: MentionReading, limit: int) -> tuple[Candidate, ...]:
    """Return at most `limit` candidates, best first, that the encoder alone proposes."""
    alone = place.mention._replace(match=None)
    links = knowledge.linker.link(alone, place.said, limit, read, _near(knowledge, read, limit))
    return links[0].candidates[:limit] if links else ()


def ranked(
    knowledge: Knowledge, place: Place, read: MentionReading | None, limit: int
) -> tuple[Candidate, ...]:
    """Return at most `limit` candidates, best first: what the mention and its terms mean, and what is near to it."""
    near = None if read is None else _near(knowledge, read, limit)
    links = knowledge.linker.link(place.mention, place.said, limit, read, near)
    for term in place.terms:
        links += knowledge.linker.link(term, place.said, limit, read, None)
    candidates = [candidate for link in links for candidate in link.candidates]
    best: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: -candidate.score):
        best.setdefault(candidate.leaf.code, candidate)
    return tuple(best.values())[:limit]


def _near(
    knowledge: Knowledge, read: MentionReading, limit: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rows, cosines = knowledge.vectors.search(read.vector[None], NEIGHBOURS_PER_CODE * limit)
    return rows[0], cosines[0]


def _section(text: str, span: Span, *, alone: bool) -> Section:
    whole = Span(0, len(text))
    sections = [] if alone else sections_from(text, ())
    return next(
        (section for section in sections if section.body.contains(span)),
        Section(0, SectionKind.UNSPECIFIED, whole, None, whole),
    )
