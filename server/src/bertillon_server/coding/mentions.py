"""Finds what a section mentions: terms by the index, and phrases that only the encoder can make sense of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.coherence import coherent
from bertillon_server.coding.labels import is_system
from bertillon_server.coding.list_items import ProblemItem
from bertillon_server.coding.spans import Span
from bertillon_server.coding.spread import read_spread
from bertillon_server.coding.terms import TermIndex, TermMatch
from bertillon_server.coding.words import Words

# A phrase longer than this is a clause, not the name of a condition; words.
MAX_PHRASE_WORDS = 8

# Words that a number belongs to and that carry no weight in a term.
_INTRODUCES = frozenset({"type", "stage", "grade", "class"})

# What stands between most words, looked at before each of its characters is.
_PLAIN_GAPS = frozenset({" ", "", ", ", "-", "\n"})
_START = attrgetter("start")

# A phrase of shorter words only is made of abbreviations, which an encoder of general language guesses at.
MIN_PHRASE_WORD = 4

# Words that end a phrase: they belong to the sentence around a condition, not to its name.
_BREAKS = frozenset(
    """
    is are was were be been being am has have had having do does did will would can could should may might must
    he she they it we you i this that these those who which there here his her their our my your patient pt
    continue continued start started stop stopped increase decrease refill refer referred discuss discussed
    recommend recommended advise advised monitor check checked order ordered give given take taking taken get
    denies denied reports reported states stated complains presents presented noted notes found seen showed shows
    stable improved improving worsening worse better well controlled uncontrolled doing today tomorrow yesterday
    currently now daily weekly monthly year month week day hour ago since until before after during while then
    also but however because although if when where as than so no not without denying negative positive mg mcg ml
    tablet tab po bid tid qid prn qd qhs use using used follow followed followup return call see plan
    assessment likely possible probable suspected consistent given secondary due per via vs versus about over under
    out up down from at by into onto between within plus and or
    """.split()
)


class Found(NamedTuple):
    """A candidate mention: its words `[first, last)` in the section's words, its span, and what found it.

    `match` is None for a phrase that only the encoder has read. `item` is the index of the problem item whose
    head names it, None outside of heads.
    """

    first: int
    last: int
    span: Span
    sentence: Span
    match: TermMatch | None
    item: int | None


def sentence_numbers(words: Words, sentences: Sequence[Span]) -> NDArray[np.int32]:
    """Return int32 [n], the index of the sentence of each word."""
    starts = np.array([sentence.start for sentence in sentences], np.int32)
    return (np.searchsorted(starts, words.starts, "right") - 1).astype(np.int32)


def find_terms(
    text: str,
    words: Words,
    numbers: NDArray[np.int32],
    sentences: Sequence[Span],
    items: Sequence[ProblemItem],
    index: TermIndex,
    named: Sequence[TermMatch] = (),
) -> list[Found]:
    """Return the terms of a section that do not overlap, longest first choice, in the order of the text.

    `numbers` int32 [n] is the index of the sentence of each word; `named` are matches beside those of the index.
    """
    if not sentences or not words.forms:
        return []
    found = []
    taken = [False] * len(words.forms)
    matches = coherent(text, words, [*named, *index.matches(words, numbers)])
    matches = read_spread(text, words, numbers, index, matches)
    matches = [m for m in matches if not _leaves_bold(text, words, m)]
    ranked = sorted(matches, key=lambda m: (-m.weight, m.last - m.first, m.first, -m.row))
    for match in ranked:
        if True in taken[match.first : match.last]:
            continue
        first = _with_its_number(words, match.first, taken)
        taken[first : match.last] = [True] * (match.last - first)
        span = words.span(first, match.last)
        sentence = sentences[int(numbers[match.first])]
        found.append(Found(first, match.last, span, sentence, match, _item_of(span, items)))
    return sorted(found, key=lambda f: f.first)


def _with_its_number(words: Words, first: int, taken: Sequence[bool]) -> int:
    """Return where a term begins that starts with a number: at "type" in "type 2 diabetes"."""
    introduced = first > 0 and not taken[first - 1] and words.forms[first - 1] in _INTRODUCES
    return first - 1 if introduced and words.forms[first][:1].isdigit() else first


def _leaves_bold(text: str, words: Words, match: TermMatch) -> bool:
    """Whether a term begins inside bold text and ends outside: what is bold is the name."""
    return "**" in words.span(match.first, match.last).of(text)


def find_phrases(
    text: str,
    words: Words,
    numbers: NDArray[np.int32],
    sentences: Sequence[Span],
    items: Sequence[ProblemItem],
    known: Sequence[Found],
    barred: Sequence[bool],
) -> list[Found]:
    """Return what a problem list, or an assessment in prose, names and no term covers: phrases for the encoder.

    Where problems are listed, their heads are read; the text below a head tells what is done about it. A term
    found inside a phrase may name only a part of it. `barred` tells for each word whether it asserts: such a one
    ends a phrase, since inside it would be read as a part of the name ("pneumonia ruled out").
    """
    if not sentences or not words.forms:
        return []
    silent = (words.plain == 0).tolist()
    covered = [term or unsaid for term, unsaid in zip(taken_words(words, known), silent, strict=True)]
    heads: list[tuple[Span, int | None]] = [(item.head, number) for number, item in enumerate(items)]
    places = heads or [(sentence, None) for sentence in sentences]
    phrases = []
    for place, item in places:
        first, last = words.beginning_at(place.start), words.ending_after(place.end)
        for begin, end in _runs(text, words, barred, first, last):
            if all(covered[begin:end]):
                continue
            if max(map(len, words.forms[begin:end])) < MIN_PHRASE_WORD:
                continue
            span = words.span(begin, end)
            if is_system(span.of(text)):
                continue
            phrases.append(Found(begin, end, span, sentences[int(numbers[begin])], None, item))
    return phrases


def found_at(
    span: Span,
    words: Words,
    sentences: Sequence[Span],
    items: Sequence[ProblemItem],
    barred: Sequence[bool],
) -> Found | None:
    """Return a span that the encoder tagged as a candidate of whole words; None when it holds none.

    Words that assert (those that are `barred`) are no part of it at either end, and not within.
    """
    first, last = words.ending_after(span.start), words.beginning_at(span.end)
    while first < last and barred[first]:
        first += 1
    while first < last and barred[last - 1]:
        last -= 1
    if True in barred[first:last]:
        return None
    if first >= last or last - first > MAX_PHRASE_WORDS or not words.plain[first:last].any():
        return None
    if max(map(len, words.forms[first:last])) < MIN_PHRASE_WORD:
        return None
    return found_between(first, last, words, sentences, items)


def found_between(
    first: int, last: int, words: Words, sentences: Sequence[Span], items: Sequence[ProblemItem]
) -> Found | None:
    """Return the words `[first, last)` as a candidate that no term covers; None when no sentence holds them."""
    whole = words.span(first, last)
    # Sentences do not overlap: the last one that begins by then holds it, or none does.
    before = bisect_right(sentences, whole.start, key=_START) - 1
    sentence = sentences[before] if before >= 0 and sentences[before].contains(whole) else None
    return None if sentence is None else Found(first, last, whole, sentence, None, _item_of(whole, items))


def breaks_phrase(form: str) -> bool:
    """Whether a canonical form belongs to the sentence around a condition and not to its name."""
    return form in _BREAKS


def taken_words(words: Words, found: Iterable[Found]) -> list[bool]:
    """Return for each word whether it belongs to one of the mentions."""
    return _inside(words, ((mention.first, mention.last) for mention in found))


def words_within(words: Words, spans: Sequence[Span]) -> list[bool]:
    """Return for each word whether it lies in one of the spans."""
    return _inside(words, ((words.ending_after(span.start), words.beginning_at(span.end)) for span in spans))


def _inside(words: Words, ranges: Iterable[tuple[int, int]]) -> list[bool]:
    inside = [False] * len(words.forms)
    for first, last in ranges:
        inside[first:last] = [True] * (last - first)
    return inside


def _runs(text: str, words: Words, barred: Sequence[bool], first: int, last: int) -> list[tuple[int, int]]:
    """Cut the words `[first, last)` where a phrase ends: at words that break it and at punctuation."""
    runs = []
    begin = first
    for i in range(first, last + 1):
        if i == last:
            ends, skips = True, 0
        elif barred[i] or not words.forms[i] or words.forms[i] in _BREAKS:
            ends, skips = True, 1
        else:
            gap = words.gap(i, text) if i > begin else ""
            ends, skips = gap not in _PLAIN_GAPS and any(c in ";:.()[]/?*" for c in gap), 0
        if ends:
            if 0 < i - begin <= MAX_PHRASE_WORDS:
                runs.append((begin, i))
            begin = i + skips
    return runs


def _item_of(span: Span, items: Sequence[ProblemItem]) -> int | None:
    i = bisect_right(items, span.start, key=lambda item: item.head.start) - 1
    near = (n for n in (i, i + 1) if 0 <= n < len(items))
    return next((n for n in near if items[n].head.overlaps(span)), None)
