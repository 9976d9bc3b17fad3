"""From a mention to billable codes: meanings of the term or neighbours of the phrase, decoded to leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.axes import UNSAID, axis_of
from bertillon_server.coding.context import Told
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
_TYPE_2 = "E11"
# Codes of the project's own lexicon that are assigned beside a disease and never stand for one: organisms,
# resistance, pneumonia in COVID-19, severe sepsis, dependence on dialysis.
_COMPANIONS = ("B95", "B96", "B97", "J12.82", "R65.2", "Z16", "Z99.2")
# A stage in words, of which "end" is the value.
_END_STAGE = frozenset({"end", "stage"})


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

    def link_term(self, found: Found, told: Told, context: Mapping[str, object], limit: int) -> list[Link]:
        """Link a term through the index; none when the text supports no leaf of any meaning.

        A term that names two things has two links: the disease, and the code that is only ever assigned beside one.
        """
        if found.match is None:
            return []
        targets = self._index.targets(found.match)
        beside = [target for target in targets if _is_companion(target)]
        targets = [target for target in targets if target not in beside] or beside
        links = []
        for group in (targets, [] if targets is beside else beside):
            candidates = [
                Candidate(leaf, weight, flags, None)
                for code, weight, flags in group[: limit + 1]
                if (leaf := self._decoder.decode(code, told.asserts, context, told.denies)) is not None
            ]
            if candidates:
                margin = group[0][1] - group[1][1] if len(group) > 1 else group[0][1]
                links.append(Link(_distinct(candidates, limit), margin))
        return links

    def link_phrase(
        self,
        rows: NDArray[np.int32],
        cosines: NDArray[np.float32],
        told: Told,
        context: Mapping[str, object],
        limit: int,
        least: float,
    ) -> Link | None:
        """Link a phrase through its nearest concept vectors; None when none is near enough.

        `rows` and `cosines` are the neighbours [k], best first; `least` is the similarity asked for.
        """
        best: dict[str, float] = {}
        said = told.asserts | context.keys()
        for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
            if cosine < least or len(best) > limit:
                break
            code = self.code_of(row)
            if self._supported(code, said):
                best.setdefault(code, cosine)
        candidates = [
            Candidate(leaf, cosine, TermFlag(0), cosine)
            for code, cosine in best.items()
            if (leaf := self._decoder.decode(code, told.asserts, context, told.denies)) is not None
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
        if asserts >= _END_STAGE and "end" not in said:
            return False
        numbered = any(form[:1].isdigit() for form in said)
        unsaid = UNSAID | _DIABETES_DEFAULT if code.startswith(_TYPE_2) and not numbered else UNSAID
        return all(form in said or axis_of(form) is None or form in unsaid for form in asserts)

    def code_of(self, row: int) -> str:
        """Return the code of a concept vector."""
        return self._index.codes[int(self._concepts[row])]


def _is_companion(target: tuple[str, float, TermFlag]) -> bool:
    code, _, flags = target
    return code.startswith(_COMPANIONS) and bool(flags & TermFlag.CURATED)


def merged(first: Link, second: Link, limit: int) -> Link:
    """Return the first link with the candidates of the second as further alternatives."""
    return Link(_distinct([*first.candidates, *second.candidates], limit), first.margin)


def _distinct(candidates: Sequence[Candidate], limit: int) -> tuple[Candidate, ...]:
    kept: dict[str, Candidate] = {}
    # A leaf that needs no detail the text lacks goes before one that does; otherwise the order stands.
    for candidate in sorted(candidates, key=lambda c: c.leaf.invented > 0):
        kept.setdefault(candidate.leaf.code, candidate)
    return tuple(list(kept.values())[: limit + 1])
