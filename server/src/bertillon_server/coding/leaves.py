"""The leaves of a category or concept, as bits of the forms in their titles; which of them a text supports best."""

from __future__ import annotations

import functools
import math
import operator
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bertillon_server.coding.axes import DOMINANCE, Title, axis_in, axis_of, is_default
from bertillon_server.coding.implied import GRANTED, granted
from bertillon_server.coding.vocabulary import AxisKind

# Forms of titles that count as documented where the text says something else.
_CONDITIONAL = DOMINANCE.keys() | GRANTED.keys()

# A detail that the text supports outweighs one open word; an invented one outweighs any support.
_SUPPORTED, _INVENTED, _DENIED, _CONTRADICTED = 1.0, -3.0, -0.05, -1.0
# A leaf that leaves out a word of the concept: fatal for a sibling of a billable code, unwelcome below a parent,
# whose title may be the sum of its leaves ("Nausea and vomiting").
_OTHER, _OPEN, _LOST, _LOST_BELOW = -0.4, 0.02, -3.0, -0.1
# Sums of the above in another order differ by less than this; of equals the first one is chosen.
_ROUNDING = 1e-9
_NOTHING: frozenset[str] = frozenset()
# What a leaf scores whatever the text says, by whether its title says "other" and whether it says "unspecified".
_CONSTANTS = {
    (other, open_): _OTHER * other + _OPEN * open_ for other in (False, True) for open_ in (False, True)
}


@dataclass(frozen=True, slots=True)
class Base:
    """Billable codes that differ in the 7th character alone, and the 7th-character part of the title of each.

    What their titles say are bits of whole numbers, by the places that `Bases` gives to forms: a note asks for
    hundreds of scores, and bits are an order faster to compare than sets of words, and smaller.
    """

    codes: tuple[str, ...]
    encounters: tuple[str, ...]
    other: bool
    asserts: int
    either: int
    denies: int
    moved: int  # all of these: what moves the score where the text says it
    constant: float  # what the score is whatever the text says


class Heard(NamedTuple):
    """What a text says, as bits of the forms of a scope.

    `told` are the forms that it has, `supported` those that it says, the one side of "unilateral" among them;
    `documented` are those that it need not say, `moving` what it says in any way, and `ruled_out` what it denies.
    """

    told: int
    supported: int
    documented: int
    moving: int
    ruled_out: int


class Bases:
    """The leaves of a category or concept (the scope), and the places of the forms of their titles as bits."""

    def __init__(self, grouped: Iterable[tuple[Title, Mapping[str, str]]]) -> None:
        """Take titles that differ in more than the 7th character, each with the 7th-character parts of its codes."""
        grouped = list(grouped)
        self._places: dict[str, int] = {}
        for title, _ in grouped:
            for form in sorted(title.asserts | title.either | title.denies):
                self._places.setdefault(form, 1 << len(self._places))
        self.unilateral = self._places.get("unilateral", 0)
        self.defaults = self.bits([form for form in self._places if is_default(form, ())])
        self._conditional = _CONDITIONAL & self._places.keys()
        self.items = tuple(self._base(title, codes) for title, codes in grouped)
        # What every leaf of a concept asserts: the concept has it, and no leaf invents it. Values of axes are left
        # out: they are details even where all leaves have one.
        self.shared = self._shared()

    def bits(self, forms: Iterable[str]) -> int:
        """Return the bits of the forms that a title of the scope has."""
        places, found = self._places, 0
        for form in forms:
            if form in places:
                found |= places[form]
        return found

    def granted(self, said: frozenset[str]) -> int:
        """Return the bits of the forms that count as documented since the text says something else."""
        if not self._conditional:
            return 0
        return self.bits(
            [form for form in self._conditional if is_default(form, said) or granted(form, said)]
        )

    def hear(self, said: frozenset[str], denied: frozenset[str]) -> Heard:
        """Return what a text says that has the forms `said` and denies others."""
        told, granted = self.bits(said), self.granted(said)
        supported = told
        if "right" in said or "left" in said:
            supported |= self.unilateral
        return Heard(told, supported, self.defaults | granted, supported | granted, self.bits(denied))

    def unknown(self, forms: Iterable[str]) -> int:
        """Return how many of the forms no title of the scope has."""
        return sum(form not in self._places for form in forms)

    def forms(self, bits: int) -> frozenset[str]:
        """Return the forms of bits."""
        return frozenset([form for form, bit in self._places.items() if bits & bit]) if bits else _NOTHING

    def of_code(self, code: str) -> Base:
        """Return the leaves among which a code is; raises KeyError for a code of another scope."""
        for base in self.items:
            if code in base.codes:
                return base
        raise KeyError(code)

    def _base(self, title: Title, codes: Mapping[str, str]) -> Base:
        asserts, either, denies = (self.bits(forms) for forms in (title.asserts, title.either, title.denies))
        return Base(
            codes=tuple(codes),
            encounters=_same_encounters(tuple(codes.values())),
            other=title.other,
            asserts=asserts,
            either=either,
            denies=denies,
            # Most titles only assert: then it is the same number, and the same object.
            moved=asserts | either | denies if either or denies else asserts,
            constant=_CONSTANTS[title.other, title.open],
        )

    def _shared(self) -> frozenset[str]:
        if len(self.items) < 2:
            return _NOTHING
        shared = functools.reduce(operator.and_, (base.asserts for base in self.items))
        return frozenset(form for form in self.forms(shared) if axis_of(form) is None)


@functools.lru_cache(maxsize=1_024)
def _same_encounters(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return one object for all 7th-character parts that are equal: a release has a few dozen sets of them."""
    return parts


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept among the leaves of a scope, by the bits `asked` of its forms, and what is known before any text is.

    `lost` is the price of each of its forms that a leaf leaves out, `always_lost` that of the forms that no title of
    the scope has. `silent` are the scores of the leaves, in order, where a text says nothing that moves them. A
    concept may have hundreds of leaves and notes name thousands of concepts: what can be told from leaf and concept
    while a text is read is not kept for each.
    """

    asked: int
    lost: float
    always_lost: float
    silent: array[float]


def concept_among(bases: Bases, wanted: frozenset[str], *, is_below: bool) -> Concept:
    """Return a concept of the forms `wanted` among the leaves of a scope.

    `is_below` tells that the leaves are the concept's own, not those of its whole category.
    """
    asked = bases.bits(wanted)
    lost = _LOST_BELOW if is_below else _LOST
    # What is wanted and no title of the scope has is lost whichever is chosen.
    always_lost = lost * bases.unknown(wanted)
    silent = array("d")
    for base in bases.items:
        constant = base.constant + always_lost + lost * (asked & ~base.asserts & ~base.either).bit_count()
        constant += _INVENTED * (base.asserts & ~asked & ~bases.defaults).bit_count()
        silent.append(constant + _DENIED * base.denies.bit_count())
    return Concept(asked, lost, always_lost, silent)


def best_of(bases: Bases, concept: Concept, heard: Heard) -> tuple[Base, int]:
    """Return the leaves with the highest score, the first among equals, and how many details they would invent."""
    told, supported, documented, moving, ruled_out = heard
    asked, lost, always_lost = concept.asked, concept.lost, concept.always_lost
    moving &= ~asked
    best, highest = bases.items[0], -math.inf
    for base, silent in zip(bases.items, concept.silent, strict=True):
        score, denies = silent, base.denies
        if base.moved & moving or denies & ruled_out:
            more, either = base.asserts & ~asked, base.either & ~asked
            score = (
                base.constant
                + always_lost
                + lost * (asked & ~base.asserts & ~base.either).bit_count()
                + _SUPPORTED * ((more & supported).bit_count() + (either & told).bit_count())
                + _INVENTED * (more & ~supported & ~documented).bit_count()
            )
            if denies:
                contradicted = denies & told & ~asked
                left = denies & ~contradicted
                confirmed = (left & ruled_out).bit_count()
                score += _CONTRADICTED * contradicted.bit_count() + _SUPPORTED * confirmed
                score += _DENIED * (left.bit_count() - confirmed)
        if score > highest + _ROUNDING:
            best, highest = base, score
    return best, (best.asserts & ~asked & ~supported & ~documented).bit_count()


def missing_axes(bases: Bases, chosen: Base) -> tuple[AxisKind, ...]:
    """Return the axes on which a sibling says one thing more than the code that was chosen."""
    kinds: set[AxisKind] = set()
    for base in bases.items:
        more = base.asserts & ~chosen.asserts
        if not 0 < more.bit_count() <= 2 or base.other or chosen.asserts & ~base.asserts:
            continue
        title = bases.forms(base.asserts)
        axes = {axis_in(form, title) for form in bases.forms(more)}
        if None not in axes:
            kinds.update(axis for axis in axes if axis is not None)
    return tuple(sorted(kinds, key=lambda kind: kind.value))
