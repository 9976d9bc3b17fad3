"""Systems that are known by their descriptors alone: HCPCS Level II, and sets of a customer's own such as CPT.

What a note says is done is compared with descriptors and terms by words, weighted by how rare they are, and by
meaning.
Either a name stands in the text with all its words, or all words of the phrase are in the descriptor and most of the
descriptor is in the phrase, or words and meaning both say so; else nothing is returned, since most descriptors share
words with any operation.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.imported import ImportedConcepts
from bertillon_server.coding.procedures.actions import compound
from bertillon_server.coding.procedures.names import Names, own_names
from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.procedures.systems import Proposed, Tagged
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.words import words_of

# Parts of a descriptor that tell how it is counted, not what is done.
_COUNTING = re.compile(
    r"\([^)]*\)|,?\s*\bper\b.*$|,?\s*\beach\b.*$|,? any number|\bnot otherwise (?:specified|classified)\b",
    re.IGNORECASE,
)
_IDLE = frozenset(
    "a an and any as at by for from in into of on or the to with without other type procedure".split()
)
# A descriptor of more words is a sentence; its words are compared, it is not looked for as a name.
_LONGEST_NAME = 7
# Descriptors that share the rarest words of a phrase and are compared.
_COMPARED = 200
# The bar: how much of a descriptor, and of the phrase, has to be in the other, by weight; and the cosines that help.
_OF_DESCRIPTOR, _OF_PHRASE = 0.6, 0.95
_SIMILAR, _OF_BOTH = 0.8, 0.35
_NAMED, _COVERED, _MEANT = 0.85, 0.65, 0.5
_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A title or term of a code: its position in the table and its words."""

    position: int
    words: frozenset[str]


class DescriptorSystem:
    """One release of such a system. Safe to share between threads."""

    def __init__(
        self,
        system: str,
        version: str,
        table: CodeTable,
        terms: Iterable[tuple[int, str]],
        concepts: ImportedConcepts | None,
    ) -> None:
        self.system = system
        self.version = version
        self._table = table
        self._concepts = concepts
        texts = [
            (position, title)
            for position, (title, billable) in enumerate(zip(table.titles, table.billable, strict=True))
            if billable
        ]
        titled = len(texts)
        texts += [(position, text) for position, text in terms if table.billable[position]]
        self._descriptors = [Descriptor(position, _words(text)) for position, text in texts]
        often = Counter(word for descriptor in self._descriptors for word in descriptor.words)
        total = max(1, len(self._descriptors))
        self._weights = {word: math.log(1 + total / count) for word, count in often.items()}
        self._unknown = math.log(1 + total)
        self._holding: dict[str, list[int]] = {}
        for number, descriptor in enumerate(self._descriptors):
            for word in descriptor.words:
                self._holding.setdefault(word, []).append(number)
        self._names = Names(
            (" ".join(sorted(descriptor.words)), [[table.codes[descriptor.position]]])
            for number, descriptor in enumerate(self._descriptors)
            if _is_name(descriptor.words, is_term=number >= titled)
        )

    @property
    def uses_vectors(self) -> bool:
        """Whether there are vectors of the bundle's own encoder to compare with."""
        return self._concepts is not None

    def hear(self, phrases: Phrases) -> list[Heard]:
        """Return what a section says is done."""
        return phrases.hears([self._names, own_names()])

    def propose(
        self,
        phrases: Phrases,
        heard: Sequence[Heard],
        wider: Collection[str],
        limit: int,
        tagged: Sequence[Tagged],
    ) -> list[Proposed]:
        """Return codes of what a section says is done, in the order of the text."""
        del wider
        vectors = {(one.first, one.last): one.vector for one in tagged}
        places = {(one.first, one.last): one for one in heard}
        found = []
        for first, last in sorted(places.keys() | vectors.keys()):
            one = places.get((first, last))
            known = self._by_name(one)
            if known:
                codes, confidence, named = [(position, 1.0) for position in known], _NAMED, True
            else:
                phrase = one.phrase if one is not None else (first, last)
                codes, confidence = self._by_words(phrases, (first, last), phrase, vectors.get((first, last)))
                named = one is not None and one.named is not None
            if codes:
                refs = tuple((self._ref(position), score) for position, score in codes[: limit + 1])
                found.append(Proposed(first, last, refs, confidence, named))
        return found

    def known_as(self, text: str) -> list[tuple[str, str]]:
        """Return nothing: titles and terms of these systems are what is searched anyway."""
        del text
        return []

    def _by_name(self, heard: Heard | None) -> list[int]:
        if heard is None or heard.named is None:
            return []
        found = (self._table.find(pattern) for pattern in heard.named.groups[0])
        return [position for position in found if position is not None] if self._is_own(heard) else []

    def _is_own(self, heard: Heard) -> bool:
        """Whether a name is one of this system, and not of the table for ICD-10-PCS."""
        named = heard.named
        return named is not None and any(
            named is entry for word in named.words for entry in self._names.with_word(word)
        )

    def _by_words(
        self,
        phrases: Phrases,
        span: tuple[int, int],
        phrase: tuple[int, int],
        vector: np.ndarray[tuple[int], np.dtype[np.float32]] | None,
    ) -> tuple[list[tuple[int, float]], float]:
        forms = phrases.words.forms
        own = frozenset(form for form in forms[span[0] : span[1]] if form and form not in _IDLE)
        around = frozenset(form for form in forms[phrase[0] : phrase[1]] if form and form not in _IDLE) | own
        if not own:
            return [], 0.0
        near: dict[int, float] = {}
        if self._concepts is not None and vector is not None:
            near = self._concepts.similar(vector, _NEIGHBOURS)
        scored: dict[int, tuple[float, float]] = {}
        for number in self._sharing(around):
            descriptor = self._descriptors[number]
            of_descriptor = self._share(descriptor.words, around)
            of_phrase = self._share(own, descriptor.words)
            cosine = near.get(descriptor.position, 0.0)
            covered = of_phrase >= _OF_PHRASE and of_descriptor >= _OF_DESCRIPTOR
            meant = cosine >= _SIMILAR and of_phrase * of_descriptor >= _OF_BOTH
            if covered or meant:
                score = of_phrase * of_descriptor + max(0.0, cosine - 0.5)
                confidence = _COVERED if covered else _MEANT
                if score > scored.get(descriptor.position, (0.0, 0.0))[0]:
                    scored[descriptor.position] = (score, confidence)
        if not scored:
            return [], 0.0
        ranked = sorted(scored.items(), key=lambda item: (-item[1][0], item[0]))
        return [(position, score) for position, (score, _) in ranked], ranked[0][1][1]

    def _sharing(self, words: Collection[str]) -> list[int]:
        """Return the descriptors that share the rarest of the words."""
        found: dict[int, None] = {}
        for word in sorted(words & self._holding.keys(), key=lambda word: (len(self._holding[word]), word)):
            for number in self._holding[word]:
                found[number] = None
                if len(found) >= _COMPARED:
                    return list(found)
        return list(found)

    def _share(self, words: Collection[str], held: Collection[str]) -> float:
        """Return how much of the words, by weight, is among those held."""
        total = sum(self._weights.get(word, self._unknown) for word in words)
        return sum(self._weights.get(word, self._unknown) for word in words if word in held) / total

    def _ref(self, position: int) -> CodeRef:
        return CodeRef(self.system, self._table.codes[position], self.version, self._table.titles[position])


def _is_name(words: frozenset[str], *, is_term: bool) -> bool:
    """Whether words are looked for in a text.

    A single one of a title has to name an operation; a term was given as a name.
    """
    if len(words) != 1 or is_term:
        return 0 < len(words) <= _LONGEST_NAME
    (word,) = words
    return compound(word) is not None or any(len(named.words) == 1 for named in own_names().with_word(word))


def _words(text: str) -> frozenset[str]:
    return frozenset(form for form in words_of(_COUNTING.sub(" ", text)).forms if form and form not in _IDLE)
