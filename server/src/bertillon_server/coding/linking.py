"""From a mention to billable codes: meanings of the term or neighbours of the phrase, decoded to leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.axes import UNSAID, axis_of
from bertillon_server.coding.decoding import Decoder, Leaf
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.terms import TermFlag, TermIndex

# Neighbours that are asked of the vector index; several may be forms of one code.
NEIGHBOURS = 24
# Below this similarity a general encoder's neighbours are unrelated; chosen on development data.
MIN_COSINE = 0.72
# The same for a phrase of prose, which need not name a condition at all.
MIN_COSINE_IN_PROSE = 0.8
# Weight of a term of the project's own lexicon, the heaviest there is.
MAX_WEIGHT = 10.0
# Diabetes of no type said is type 2 (guidelines I.C.4.a.2), unless the text has a number of its own.
_DIABETES_DEFAULT = frozenset({"2"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A billable code for a mention, with the strength that ranked it and what is known of its term."""

    leaf: Leaf
    weight: float
    flags: TermFlag
    cosine: float | None

    @property
    def strength(self) -> float:
        """How near the candidate is, within [0, 1] for terms and phrases alike."""
        return self.weight / MAX_WEIGHT if self.cosine is None else self.cosine


@dataclass(frozen=True, slots=True)
class Link:
    """The candidates of a mention, best first; never empty. `margin` is the lead of the best meaning."""

    candidates: tuple[Candidate, ...]
    margin: float


class Linker:
    """Links mentions to the codes of one release."""

    def __init__(self, index: TermIndex, decoder: Decoder, concepts: NDArray[np.uint32]) -> None:
        self._index = index
        self._decoder = decoder
        # uint32 [rows]: the code of each concept vector, as an index into the term index's codes.
        self._concepts = concepts

    def link_term(
        self, found: Found, span: frozenset[str], context: Mapping[str, object], limit: int
    ) -> Link | None:
        """Link a term through the index; None when the text supports no leaf of any meaning."""
        if found.match is None:
            return None
        targets = self._index.targets(found.match)
        margin = targets[0][1] - targets[1][1] if len(targets) > 1 else targets[0][1]
        candidates = [
            Candidate(leaf, weight, flags, None)
            for code, weight, flags in targets[: limit + 1]
            if (leaf := self._decoder.decode(code, span, context)) is not None
        ]
        return Link(_distinct(candidates, limit), margin) if candidates else None

    def link_phrase(
        self,
        rows: NDArray[np.int32],
        cosines: NDArray[np.float32],
        span: frozenset[str],
        context: Mapping[str, object],
        limit: int,
        least: float,
    ) -> Link | None:
        """Link a phrase through its nearest concept vectors; None when none is near enough.

        `rows` and `cosines` are the neighbours [k], best first; `least` is the similarity asked for.
        """
        best: dict[str, float] = {}
        said = span | context.keys()
        for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
            if cosine < least or len(best) > limit:
                break
            code = self.code_of(row)
            if self._supported(code, said):
                best.setdefault(code, cosine)
        candidates = [
            Candidate(leaf, cosine, TermFlag(0), cosine)
            for code, cosine in best.items()
            if (leaf := self._decoder.decode(code, span, context)) is not None
        ]
        if not candidates:
            return None
        distinct = _distinct(candidates, limit)
        margin = distinct[0].weight - distinct[1].weight if len(distinct) > 1 else distinct[0].weight
        return Link(distinct, margin)

    def _supported(self, code: str, said: frozenset[str]) -> bool:
        """Whether the text names every value of an axis that a neighbour's title asserts.

        Similarity hardly tells type 1 from type 2 or acute from chronic; the words do.
        """
        asserts = self._decoder.title(code).asserts
        unsaid = UNSAID if any(form[:1].isdigit() for form in said) else UNSAID | _DIABETES_DEFAULT
        return all(form in said or axis_of(form) is None or form in unsaid for form in asserts)

    def code_of(self, row: int) -> str:
        """Return the code of a concept vector."""
        return self._index.codes[int(self._concepts[row])]


def merged(first: Link, second: Link, limit: int) -> Link:
    """Return the first link with the candidates of the second as further alternatives."""
    return Link(_distinct([*first.candidates, *second.candidates], limit), first.margin)


def _distinct(candidates: Sequence[Candidate], limit: int) -> tuple[Candidate, ...]:
    kept: dict[str, Candidate] = {}
    # A leaf that needs no detail the text lacks goes before one that does; otherwise the order stands.
    for candidate in sorted(candidates, key=lambda c: c.leaf.invented > 0):
        kept.setdefault(candidate.leaf.code, candidate)
    return tuple(list(kept.values())[: limit + 1])
