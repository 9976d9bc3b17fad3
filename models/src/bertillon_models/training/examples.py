"""What is learned from: annotated notes cut into windows, short mentions in context, and terms with their codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertillon_models.corpus import Annotation, CorpusNote
from bertillon_models.mention_lines import MentionLine
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.stems import Stems
from bertillon_server.coding.heads import ASSERTIONS, KINDS, PROCEDURE_TAGS
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind
from bertillon_server.coding.windows import Window, cut_windows
from bertillon_server.inference.tokenizer import Tokenizer

# A label that is not learned from.
IGNORED = -100


@dataclass(frozen=True, slots=True)
class LearnedMention:
    """A mention in a window: its half-open token range and what is true of it.

    `codeable` is 1, 0, or `IGNORED` where nobody said.
    """

    first: int
    last: int
    code: str
    stem: int
    assertion: int
    codeable: int
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LearnedWindow:
    """Token ids of a window, the tag of each token (`IGNORED` where nobody said), and its mentions.

    `procedures` has the tags of the head for procedures.
    """

    ids: NDArray[np.int64]
    tags: NDArray[np.int64]
    mentions: tuple[LearnedMention, ...]
    procedures: NDArray[np.int64]


def kind_of(code: str, assertion: Assertion) -> str:
    """Return what a mention is about, by its code and by how it is asserted."""
    if code[0] in "VWXY":
        return "external_cause"
    if assertion is Assertion.HISTORICAL or "Z80" <= code[:3] <= "Z87":
        return "history"
    if code[0] == "Z":
        return "status"
    return "symptom" if code[0] == "R" else "problem"


def windows_of_note(
    note: CorpusNote, tokenizer: Tokenizer, stems: Stems, procedures: Procedures
) -> Iterator[LearnedWindow]:
    """Yield the windows of an annotated note."""
    named = _outside(procedures.find(note.text), note.annotations)
    for section in sections_from(note.text, ()):
        sentences = split_sentences(note.text, section.body)
        for window in cut_windows(note.text, section.body, section.kind, sentences, tokenizer):
            yield _labelled(window, note.annotations, stems, named)


def window_of_line(
    line: MentionLine, kind: SectionKind, tokenizer: Tokenizer, stems: Stems, procedures: Procedures
) -> LearnedWindow | None:
    """Return a fragment as a window of a section of some kind; None when it is longer than one."""
    whole = Span(0, len(line.text))
    windows = cut_windows(line.text, whole, kind, [whole], tokenizer)
    if len(windows) != 1:
        return None
    annotations = [
        Annotation(span, code, assertion, "")
        for (span, code), assertion in zip(line.mentions, line.assertions, strict=True)
    ]
    named = _outside(procedures.find(line.text), annotations)
    learned = _labelled(windows[0], annotations, stems, named)
    mentions = tuple(
        LearnedMention(m.first, m.last, m.code, m.stem, m.assertion, IGNORED, m.axes)
        for m in learned.mentions
    )
    # A fragment is annotated where it names what it is about, and may name more.
    tags = np.where(learned.tags > 0, learned.tags, IGNORED)
    return replace(learned, tags=tags, mentions=mentions)


def _outside(named: Iterable[Span], annotations: Sequence[Annotation]) -> list[Span]:
    """Return the procedures that no annotation touches: within one they tell what was had, as its code does."""
    taken = [annotation.span for annotation in annotations]
    return [span for span in named if not any(span.overlaps(other) for other in taken)]


def _labelled(
    window: Window, annotations: Sequence[Annotation], stems: Stems, named: Sequence[Span]
) -> LearnedWindow:
    tags = np.zeros(len(window.ids), np.int64)
    tags[[0, 1, -1]] = IGNORED
    mentions = []
    inside = Span(int(window.starts[0]), int(window.ends[-1]))
    for annotation in annotations:
        first, last = window.tokens_of(annotation.span)
        if first == last:
            continue
        if not inside.contains(annotation.span):
            # Cut by the window's end: no mention, and not nothing either.
            tags[first:last] = IGNORED
            continue
        kind = KINDS.index(kind_of(annotation.code, annotation.assertion))
        tags[first] = 1 + 2 * kind
        tags[first + 1 : last] = 2 + 2 * kind
        mentions.append(
            LearnedMention(
                first,
                last,
                annotation.code,
                stems.number(annotation.code),
                ASSERTIONS.index(annotation.assertion),
                int(not annotation.reason),
                tuple(stems.axes(annotation.code)),
            )
        )
    return LearnedWindow(window.ids, tags, tuple(mentions), _procedures(window, named))


def _procedures(window: Window, named: Sequence[Span]) -> NDArray[np.int64]:
    tags = np.zeros(len(window.ids), np.int64)
    tags[[0, 1, -1]] = IGNORED
    for span in named:
        first, last = window.tokens_of(span)
        if first < last:
            tags[first] = PROCEDURE_TAGS.index("begin")
            tags[first + 1 : last] = PROCEDURE_TAGS.index("inside")
    return tags


@dataclass(frozen=True, slots=True)
class TermBank:
    """Terms with their codes and concepts, in groups: by concept and by category.

    `stems` int64 [terms]; `of_stem` and `of_category` list places of terms.
    """

    texts: list[str]
    codes: list[str]
    stems: NDArray[np.int64]
    of_stem: dict[int, list[int]]
    of_category: dict[str, list[int]]

    def positives(self, stem: int, code: str) -> list[int]:
        """Return places of terms that mean a concept, else those of the nearest code above it."""
        found = self.of_stem.get(stem)
        if found:
            return found
        above = [place for place in self.of_category.get(code[:3], ()) if code.startswith(self.codes[place])]
        longest = max((len(self.codes[place]) for place in above), default=0)
        return [place for place in above if len(self.codes[place]) == longest]


def term_bank(terms: Iterable[tuple[str, str]], stems: Stems) -> TermBank:
    """Group (text, code) pairs."""
    texts, codes = [], []
    of_stem: dict[int, list[int]] = {}
    of_category: dict[str, list[int]] = {}
    numbers = []
    for place, (text, code) in enumerate(dict.fromkeys(terms)):
        texts.append(text)
        codes.append(code)
        numbers.append(stems.number(code))
        of_stem.setdefault(numbers[-1], []).append(place)
        of_category.setdefault(code[:3], []).append(place)
    return TermBank(texts, codes, np.array(numbers, np.int64), of_stem, of_category)
