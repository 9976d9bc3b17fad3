"""Learns from a customer's coded notes: where somebody marked the evidence of a code, and else where its terms stand.

Coded notes say what was coded and little of the rest. So nothing is learned of stretches that nobody marked, of how a
mention is asserted, or, where the place of a code is only guessed from its terms, of whether that mention was the
one that counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bertillon_models.corpus import Annotation, CorpusNote
from bertillon_models.evaluation.note_sets import CodedNote
from bertillon_models.training.examples import IGNORED, LearnedWindow, windows_of_note
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.stems import Stems
from bertillon_server.coding.mentions import sentence_numbers
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.vocabulary import Assertion
from bertillon_server.coding.words import words_of
from bertillon_server.inference.tokenizer import Tokenizer


@dataclass(slots=True)
class OwnWindows:
    """The windows of a customer's notes that name something, and what became of the codes.

    `marked` and `aligned` count mentions by how they were found; `unbillable` counts, by code, the notes that have a
    code which is not billable; `unplaced` counts codes of notes that stand nowhere in them.
    """

    windows: list[LearnedWindow] = field(default_factory=list)
    marked: int = 0
    aligned: int = 0
    unplaced: int = 0
    unbillable: Counter[str] = field(default_factory=Counter)


def read_own(
    notes: Iterable[CodedNote],
    billable: Collection[str],
    index: TermIndex,
    tokenizer: Tokenizer,
    stems: Stems,
    procedures: Procedures,
) -> OwnWindows:
    """Cut notes into windows and label what their codes are about."""
    own = OwnWindows()
    for note in notes:
        evidence = note.evidence or ()
        coded = note.codes | {entry.code for entry in evidence}
        own.unbillable.update(code for code in coded if code not in billable)
        marked = [
            Annotation(entry.span, entry.code, Assertion.PRESENT, "")
            for entry in evidence
            if entry.code in billable
        ]
        shown = {annotation.code for annotation in marked}
        wanted = {code for code in coded if code in billable} - shown
        taken = [annotation.span for annotation in marked]
        guessed = list(aligned(note.text, wanted, index, taken))
        own.marked += len(marked)
        own.aligned += len(guessed)
        own.unplaced += len(wanted - {annotation.code for annotation in guessed})
        whole = CorpusNote({}, note.text, (*marked, *guessed))
        for window in windows_of_note(whole, tokenizer, stems, procedures):
            if window.mentions:
                own.windows.append(_as_far_as_known(window, shown))
    return own


def aligned(
    text: str, codes: Collection[str], index: TermIndex, taken: Sequence[Span] = ()
) -> Iterator[Annotation]:
    """Yield where a text has terms of codes, longest first, apart from each other and from the spans taken.

    A term counts for the one code that it means, or that alone lies below what it means.
    """
    sentences = [
        sentence for section in sections_from(text, ()) for sentence in split_sentences(text, section.body)
    ]
    words = words_of(text)
    if not codes or not sentences or not len(words.starts):
        return
    held = list(taken)
    matches = index.matches(words, sentence_numbers(words, sentences))
    for match in sorted(matches, key=lambda found: (-found.weight, found.last - found.first, found.first)):
        meant = {
            code
            for target, _, _ in index.targets(match)
            for code in codes
            if code == target or code.startswith(target)
        }
        span = Span(int(words.starts[match.first]), int(words.ends[match.last - 1]))
        if len(meant) == 1 and not any(span.start < other.end and other.start < span.end for other in held):
            held.append(span)
            yield Annotation(span, meant.pop(), Assertion.PRESENT, "")


def _as_far_as_known(window: LearnedWindow, shown: Collection[str]) -> LearnedWindow:
    mentions = tuple(
        replace(mention, assertion=IGNORED, codeable=1 if mention.code in shown else IGNORED)
        for mention in window.mentions
    )
    return replace(window, tags=np.where(window.tags > 0, window.tags, IGNORED), mentions=mentions)


def mixed(own: Sequence[LearnedWindow], others: Sequence[LearnedWindow]) -> list[LearnedWindow]:
    """Return own windows among others, each own one so often that they make up about half; at most eight times."""
    times = min(_MOST_OFTEN, max(1, round(len(others) / max(1, len(own)))))
    return [*others, *(window for window in own for _ in range(times))]


# Seen oftener in a pass than this, few notes would be learned by heart.
_MOST_OFTEN = 8
