"""From a mention to billable codes: meanings of the term or neighbours of the phrase, decoded to leaves."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.axes import UNSAID, axis_of
from bertillon_server.coding.context import Told
from bertillon_server.coding.decoding import Decoder, Leaf
from bertillon_server.coding.heads import MentionReading
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.other_release import GONE
from bertillon_server.coding.ranking import Evidence, Ranking
from bertillon_server.coding.terms import TermFlag, TermIndex, TermMatch
from bertillon_server.inference.vectors import Neighbours

# Neighbours that are asked of the vector index; several may be forms of one code.
NEIGHBOURS = 24
# Below this similarity neighbours are unrelated: training keeps text that names nothing below it.
MIN_COSINE = 0.5
# Lead of a candidate that has no rival, in logits.
MAX_LEAD = 10.0
# Diabetes of no type said is type 2 (guidelines I.C.4.a.2), unless the text has a number of its own.
_DIABETES_DEFAULT = frozenset({"2"})
_TYPE_2 = "E11"
# Codes of the project's own lexicon that are assigned beside a disease and never stand for one: organisms,
# resistance, pneumonia in COVID-19, severe sepsis, dependence on dialysis.
_COMPANIONS = ("B95", "B96", "B97", "J12.82", "R65.2", "Z16", "Z99.2")
# A stage in words, of which "end" is the value.
_END_STAGE = frozenset({"end", "stage"})
_NO_FLAGS = TermFlag(0)
# A meaning of a mention: weight and flags of its term, and the mention's similarity to the code's nearest text.
Meaning = tuple[float, TermFlag, float | None]


class Similarity(Protocol):
    """What linking asks of the concept vectors; `inference.VectorIndex` answers it."""

    def similarity(self, query: NDArray[np.float32], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the cosines [m] of one query [dimensions] with the rows [m] named."""
        ...


class Candidate(NamedTuple):
    """A billable code for a mention, what speaks for it, and the score that ranks it, in logits.

    `cosine` is the similarity of a code that the encoder alone proposes, None where a term means it.
    """

    leaf: Leaf
    evidence: Evidence
    score: float

    @property
    def cosine(self) -> float | None:
        """The similarity of a code that no term means; None where one does."""
        return None if self.evidence.weight else self.evidence.similarity


class Link(NamedTuple):
    """The candidates of a mention, best first; never empty.

    `margin` is the lead of the best meaning of a term over the next, in the index's weights.
    """

    candidates: tuple[Candidate, ...]
    margin: float

    @property
    def lead(self) -> float:
        """The lead of the best candidate over the next, in logits."""
        return self.candidates[0].score - self.candidates[1].score if len(self.candidates) > 1 else MAX_LEAD


@dataclass(frozen=True, slots=True)
class Said:
    """What a mention says: what its own words tell, and the canonical forms around it that may qualify it."""

    told: Told
    context: Mapping[str, object]

    @property
    def everything(self) -> frozenset[str]:
        """What the mention and the words around it assert."""
        return self.told.asserts.union(self.context)


class Decoded(dict[tuple[frozenset[str], frozenset[str], frozenset[str]], dict[str, Leaf | None]]):
    """Leaves that were decoded already, by what is said (asserted, denied, around) and by the concept's code.

    It lives as long as one section is coded.
    """


class Linker:
    """Links mentions to the codes of one release."""

    def __init__(
        self,
        index: TermIndex,
        decoder: Decoder,
        concepts: NDArray[np.uint32],
        vectors: Similarity,
        ranking: Ranking,
    ) -> None:
        self._index = index
        self._ranking = ranking
        self._decoder = decoder
        self._vectors = vectors
        # Rows of the concept vectors by code: `_order[_bounds[i]:_bounds[i + 1]]` are those of code i.
        self._order = np.argsort(concepts, kind="stable")
        self._bounds = np.searchsorted(concepts[self._order], np.arange(len(index.codes) + 1)).tolist()
        self._numbers = {code: number for number, code in enumerate(index.codes)}
        # uint32 [rows]: the code of each concept vector, as an index into the term index's codes.
        self._concepts = concepts
        # Keys are codes, of which some hundreds of notes come near to so many.
        self._details = lru_cache(maxsize=8_192)(self._read_details)

    def with_ranking(self, ranking: Ranking) -> Linker:
        """Return a linker that shares all that is loaded and ranks by other weights."""
        twin = copy.copy(self)
        twin._ranking = ranking  # noqa: SLF001 - its own class
        return twin

    def link(
        self,
        found: Found,
        said: Said,
        limit: int,
        read: MentionReading | None,
        near: Neighbours | None,
        decoded: Decoded | None = None,
    ) -> list[Link]:
        """Link a mention; none when no code means it, or the text supports no leaf of any that does.

        `near` are the concept vectors nearest to the mention; `decoded` is shared by the mentions of a section. A
        term that names two things has two links: the disease, and the code that is only ever assigned beside one.
        """
        meant = {} if found.match is None else self._meant(found.match, read, limit)
        beside = {code: meaning for code, meaning in meant.items() if _is_companion(code, meaning[1])}
        if len(beside) < len(meant):
            meant = {code: meaning for code, meaning in meant.items() if code not in beside}
        else:
            beside = {}
        proposed = {} if near is None or not len(near[0]) else self._proposed(*near, said, limit)
        decoded = Decoded() if decoded is None else decoded
        named = [{**proposed, **meant}] + ([beside] if beside else [])
        links = [self._link(meanings, said, limit, decoded) for meanings in named]
        return [link for link in links if link is not None]

    def _link(self, meanings: Mapping[str, Meaning], said: Said, limit: int, decoded: Decoded) -> Link | None:
        candidates = []
        asserts, denies = said.told.asserts, said.told.denies
        around = frozenset(said.context)
        leaves = decoded.setdefault((asserts, denies, around), {})
        for code, (weight, flags, similarity) in meanings.items():
            if code not in leaves:
                leaves[code] = self._decoder.decode(code, asserts, said.context, denies)
            leaf = leaves[code]
            if leaf is None:
                continue
            evidence = Evidence(
                weight,
                flags,
                similarity,
                leaf.invented,
                len(leaf.used),
                asserts,
                self._decoder.title(leaf.code),
            )
            candidates.append(Candidate(leaf, evidence, self._ranking.score(evidence)))
        if not candidates:
            return None
        # Codes that the encoder alone proposes weigh nothing.
        weights = sorted((weight for weight, _, _ in meanings.values() if weight), reverse=True)
        margin = weights[0] - weights[1] if len(weights) > 1 else sum(weights)
        return Link(_distinct(candidates, limit), margin)

    def _meant(self, match: TermMatch, read: MentionReading | None, limit: int) -> dict[str, Meaning]:
        return {
            code: (weight, flags, self._similarity(code, read))
            for code, weight, flags in self._index.targets(match)[: limit + 1]
        }

    def _proposed(
        self, rows: NDArray[np.int32], cosines: NDArray[np.float32], said: Said, limit: int
    ) -> dict[str, Meaning]:
        best: dict[str, Meaning] = {}
        everything = said.everything
        numbered = any(form[:1].isdigit() for form in everything)
        numbers, codes = self._concepts[rows].tolist(), self._index.codes
        for number, cosine in zip(numbers, cosines.tolist(), strict=True):
            if cosine < MIN_COSINE or len(best) > limit:
                break
            code = codes[number]
            if code != GONE and code not in best and self._details(code, numbered) <= everything:
                best[code] = (0.0, _NO_FLAGS, cosine)
        return best

    def _read_details(self, code: str, numbered: bool) -> frozenset[str]:  # noqa: FBT001 - a key of a cache
        """Return the values of axes that a code's title asserts and a text has to say, for it to be a neighbour.

        Similarity hardly tells type 1 from type 2 or acute from chronic; the words do. `numbered` tells whether the
        text has a number of its own.
        """
        asserts = self._decoder.title(code).asserts
        unsaid = UNSAID | _DIABETES_DEFAULT if code.startswith(_TYPE_2) and not numbered else UNSAID
        details = {form for form in asserts if axis_of(form) is not None and form not in unsaid}
        return frozenset(details | {"end"}) if asserts >= _END_STAGE else frozenset(details)

    def _similarity(self, code: str, read: MentionReading | None) -> float | None:
        """Return the cosine of a mention with the nearest text of a code; None where there is nothing to compare."""
        number = self._numbers.get(code)
        if read is None or number is None:
            return None
        rows = self._order[self._bounds[number] : self._bounds[number + 1]]
        return max(self._vectors.similarity(read.vector, rows).tolist()) if len(rows) else None

    def code_of(self, row: int) -> str:
        """Return the code of a concept vector; `GONE` for one of another release that this one has nothing of."""
        return self._index.codes[int(self._concepts[row])]


def _is_companion(code: str, flags: TermFlag) -> bool:
    return code.startswith(_COMPANIONS) and bool(flags & TermFlag.CURATED)


def _distinct(candidates: Sequence[Candidate], limit: int) -> tuple[Candidate, ...]:
    kept: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda c: -c.score):
        kept.setdefault(candidate.leaf.code, candidate)
    return tuple(list(kept.values())[: limit + 1])
