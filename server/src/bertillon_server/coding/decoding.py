"""From a concept to a billable code: documented axes choose the leaf, and none is invented."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, Protocol

from bertillon_server.coding.axes import DOMINANCE, Title, axis_in, axis_of, is_default, read_title
from bertillon_server.coding.implied import GRANTED, by_severity, granted, implied
from bertillon_server.coding.vocabulary import AxisKind

# A category with more billable codes than this is not searched for a more specific sibling.
MAX_SIBLINGS = 4000

# Forms of titles that count as documented where the text says something else.
_CONDITIONAL = DOMINANCE.keys() | GRANTED.keys()

_SEQUELA = frozenset({"sequela", "sequelae", "residual"})
# Words of routine aftercare: the 7th character for a subsequent encounter (guidelines I.C.19.a).
_SUBSEQUENT = frozenset(
    """
    healing healed recheck followup postop postoperative subsequent routine cast hardware rehab
    union aftercare follow
    """.split()
)
_OPEN_FRACTURE = frozenset({"open", "compound"})
_HEALING = ("routine healing", "delayed healing", "nonunion", "malunion")

# A detail that the text supports outweighs one open word; an invented one outweighs any support.
_SUPPORTED, _INVENTED, _DENIED, _CONTRADICTED = 1.0, -3.0, -0.05, -1.0
# A leaf that leaves out a word of the concept: fatal for a sibling of a billable code, unwelcome below a parent,
# whose title may be the sum of its leaves ("Nausea and vomiting").
_OTHER, _OPEN, _LOST, _LOST_BELOW = -0.4, 0.02, -3.0, -0.1
_NOTHING: frozenset[str] = frozenset()
# Sums of the above in another order differ by less than this; of equals the first one is chosen.
_ROUNDING = 1e-9


class Codes(Protocol):
    """What decoding asks of a release of a code system; `catalog.CodeTable` answers it."""

    def leaves(self, code: str) -> list[str]:
        """Return the billable codes at or below a code, in order."""
        ...

    def title(self, code: str) -> str:
        """Return the official title of a code."""
        ...

    def is_billable(self, code: str) -> bool:
        """Whether a code may be reported as it is."""
        ...


class Leaf(NamedTuple):
    """A billable code and how it was reached.

    `used` are the canonical forms of the text that chose it, `invented` how many details of its title the text does
    not support (0 for every code that is reported). `scope` is the category or concept whose leaves were compared,
    None where there was nothing to choose.
    """

    code: str
    used: frozenset[str]
    invented: int
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _Base:
    """Billable codes that differ in the 7th character alone.

    Sets of forms are bits of whole numbers, by the places that `_Bases` gives them: a note asks for hundreds of
    scores, and bits are an order faster to compare than sets of words.
    """

    title: Title
    codes: tuple[tuple[str, str], ...]  # encounter part of the title, code
    asserts: int
    either: int
    denies: int
    constant: float  # what the score is whatever the text says


class _Heard(NamedTuple):
    """What a text says, as bits of the forms of a scope.

    `told` are the forms that it has, `supported` those that it says, the one side of "unilateral" among them;
    `documented` are those that it need not say, `moving` what it says in any way, and `ruled_out` what it denies.
    """

    told: int
    supported: int
    documented: int
    moving: int
    ruled_out: int


class _Bases:
    """The leaves of a scope, and the places of the forms of their titles as bits."""

    def __init__(self, grouped: Mapping[Title, Sequence[tuple[str, str]]]) -> None:
        self._places: dict[str, int] = {}
        for title in grouped:
            for form in sorted(title.asserts | title.either | title.denies):
                self._places.setdefault(form, 1 << len(self._places))
        self.unilateral = self._places.get("unilateral", 0)
        self.defaults = self.bits([form for form in self._places if is_default(form, ())])
        self._conditional = _CONDITIONAL & self._places.keys()
        self.items = tuple(
            _Base(
                title=title,
                codes=tuple(codes),
                asserts=self.bits(title.asserts),
                either=self.bits(title.either),
                denies=self.bits(title.denies),
                constant=_OTHER * title.other + _OPEN * title.open,
            )
            for title, codes in grouped.items()
        )
        self._of_code = {code: base for base in self.items for _, code in base.codes}
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

    def hear(self, said: frozenset[str], denied: frozenset[str]) -> _Heard:
        """Return what a text says that has the forms `said` and denies others."""
        told, granted = self.bits(said), self.granted(said)
        supported = told
        if "right" in said or "left" in said:
            supported |= self.unilateral
        return _Heard(told, supported, self.defaults | granted, supported | granted, self.bits(denied))

    def unknown(self, forms: Iterable[str]) -> int:
        """Return how many of the forms no title of the scope has."""
        return sum(form not in self._places for form in forms)

    def _shared(self) -> frozenset[str]:
        if len(self.items) < 2:
            return frozenset()
        shared = frozenset.intersection(*(base.title.asserts for base in self.items))
        return frozenset(form for form in shared if axis_of(form) is None)

    def of_code(self, code: str) -> _Base:
        """Return the leaves among which a code is; raises KeyError for a code of another scope."""
        return self._of_code[code]


class _Option(NamedTuple):
    """Leaves that a concept may be decoded to, and what their score is made of.

    `more` are the bits that they assert beyond the concept, `either` those of which one would do, `denies` those that
    they deny. `moved` are all bits that move the score where the text says them; it is `silent` where it says none.
    """

    base: _Base
    moved: int
    silent: float
    constant: float
    more: int
    either: int
    denies: int


@dataclass(frozen=True, slots=True)
class _Aim:
    """What decoding a concept comes to before any text is looked at.

    Forms `wanted` and bits `asked` are those of the concept itself. A text that says none of the bits `moved` and
    denies none of the bits `denied` chooses as one that says nothing does: the leaves `silent`, with the number of
    details that they would invent.
    """

    scope: str
    billable: bool
    bases: _Bases
    wanted: frozenset[str]
    asked: int
    options: tuple[_Option, ...]
    moved: int
    denied: int
    silent: tuple[_Base, int]


class Decoder:
    """Decodes concepts of one release; keeps the titles it has taken apart."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        # Bounded by the number of categories and subcategories of the release; keys are codes.
        self._bases = lru_cache(maxsize=20_000)(self._read_bases)
        # Some 12 options of 250 bytes each: 50 MB at most. Of the codes that notes name, some 8,000, all fit.
        self._aims = lru_cache(maxsize=16_384)(self._read_aim)
        self._titles = lru_cache(maxsize=131_072)(self._read_title)
        self._missing = lru_cache(maxsize=20_000)(self._read_missing)
        self._leaf_count = lru_cache(maxsize=5_000)(lambda category: len(codes.leaves(category)))

    def decode(
        self,
        target: str,
        span: frozenset[str],
        context: Mapping[str, object],
        denied: frozenset[str] = frozenset(),
    ) -> Leaf | None:
        """Return the leaf of `target` that the text supports, None when every leaf would invent a detail.

        `span` holds the canonical forms of the mention itself, `context` those of the words around it that
        may qualify it, `denied` those that the mention denies ("without aura").
        """
        said = span.union(context)
        if more := implied(target, said):
            said |= more
        target = by_severity(target, said)
        aim = self._aims(target)
        if not isinstance(aim, _Aim):
            return aim
        heard = aim.bases.hear(said, denied)
        if not (heard.moving & aim.moved or heard.ruled_out & aim.denied):
            base, invented = aim.silent
            return Leaf(_seventh(base, said), _NOTHING, invented, aim.scope)
        base, invented = _best(aim.options, aim.asked, heard)
        used = frozenset([form for form in base.title.asserts - aim.wanted if _says(said, form)])
        if aim.billable and not used and not base.title.denies & denied:
            # A sibling takes the place of a code that may be reported only for what the text says beyond it.
            invented, base = 0, aim.bases.of_code(target)
        return Leaf(_seventh(base, said), used, invented, aim.scope)

    def missing(self, leaf: Leaf) -> tuple[AxisKind, ...]:
        """Return the axes on which more specific codes than a leaf exist and the text that chose it is silent."""
        return () if leaf.scope is None else self._missing(leaf.scope, leaf.code)

    def title(self, code: str) -> Title:
        """Return the title of a code, taken apart."""
        return self._titles(code)

    def _read_title(self, code: str) -> Title:
        return read_title(self._codes.title(code))

    def _read_missing(self, scope: str, code: str) -> tuple[AxisKind, ...]:
        bases = self._bases(scope)
        return _missing(bases.of_code(code), bases.items)

    def _read_aim(self, target: str) -> _Aim | Leaf | None:
        """Return what decoding a concept comes to; its leaf where nothing says more of it, None where it has none."""
        title = self.title(target)
        wanted = title.asserts | title.either
        scope = target
        billable = self._codes.is_billable(target)
        if billable or title.open:
            # What the concept leaves open, a sibling may say.
            category = target[:3]
            if self._leaf_count(category) <= MAX_SIBLINGS and (
                not billable or _improvable(title, self._codes.title(target), target)
            ):
                scope = category
            elif billable:
                return Leaf(target, _NOTHING, 0)
        bases = self._bases(scope)
        if not bases.items:
            return None
        if not billable:
            wanted |= self._bases(target).shared
        asked = bases.bits(wanted)
        options = _options(bases, wanted, asked, lost=_LOST if scope != target else _LOST_BELOW)
        moved = denied = 0
        for option in options:
            moved, denied = moved | option.moved, denied | option.denies
        base, invented = _best(options, asked, bases.hear(_NOTHING, _NOTHING))
        silent = (bases.of_code(target), 0) if billable else (base, invented)
        return _Aim(scope, billable, bases, wanted, asked, options, moved, denied, silent)

    def _read_bases(self, scope: str) -> _Bases:
        # The tuple is what a title is but for its 7th-character part; a note meets some 300 new titles.
        alike: dict[tuple[object, ...], tuple[Title, list[tuple[str, str]]]] = {}
        for code in self._codes.leaves(scope):
            title = read_title(self._codes.title(code))
            key = (title.asserts, title.either, title.denies, title.open, title.other)
            _, codes = alike.setdefault(key, (title, []))
            codes.append((title.encounter, code))
        return _Bases({replace(title, encounter=""): codes for title, codes in alike.values()})


def _improvable(title: Title, words: str, code: str) -> bool:
    """Whether a billable code, of which `words` is the title, leaves something open that a sibling may say."""
    open_ended = title.open or bool(title.denies) or "uncomplicated" in words.lower()
    return open_ended or code.endswith("9") or len(code) == 3


def _says(said: frozenset[str], form: str) -> bool:
    """Whether a text says a form: one side is said by either."""
    return form in said or (form == "unilateral" and not said.isdisjoint(("right", "left")))


def _options(bases: _Bases, wanted: frozenset[str], asked: int, lost: float) -> tuple[_Option, ...]:
    """Return the leaves of a scope as a concept that has the forms `wanted` meets them."""
    # What is wanted and no title of the scope has is lost whichever is chosen.
    always_lost = lost * bases.unknown(wanted)
    options = []
    for base in bases.items:
        more, either = base.asserts & ~asked, base.either & ~asked
        constant = base.constant + always_lost + lost * (asked & ~base.asserts & ~base.either).bit_count()
        silent = constant + _INVENTED * (more & ~bases.defaults).bit_count()
        silent += _DENIED * base.denies.bit_count()
        moved = more | either | (base.denies & ~asked)
        options.append(_Option(base, moved, silent, constant, more, either, base.denies))
    return tuple(options)


def _best(options: Sequence[_Option], asked: int, heard: _Heard) -> tuple[_Base, int]:
    """Return the leaves with the highest score, the first among equals, and how many details they would invent."""
    told, supported, documented, moving, ruled_out = heard
    best, highest = options[0], -math.inf
    for option in options:
        _, moved, score, constant, more, either, denies = option
        if moved & moving or denies & ruled_out:
            score = (
                constant
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
            best, highest = option, score
    return best.base, (best.more & ~supported & ~documented).bit_count()


def _seventh(base: _Base, said: frozenset[str]) -> str:
    """Choose the 7th character: active treatment unless the text says otherwise (guidelines I.C.19.a)."""
    if len(base.codes) == 1:
        return base.codes[0][1]
    if said & _SEQUELA:
        phase = "sequela"
    elif said & _SUBSEQUENT:
        phase = "subsequent encounter"
    else:
        phase = "initial encounter"
    healing = next((h for h in _HEALING if h.split()[0] in said), _HEALING[0])

    def rank(item: tuple[str, str]) -> tuple[bool, bool, bool, bool]:
        text = item[0]
        opened = re.search(r"\bopen\b", text) is not None
        return (
            not text.startswith(phase),
            opened != bool(said & _OPEN_FRACTURE),
            any(h in text for h in _HEALING) and healing not in text,
            "without" not in text and "unspecified" not in text,
        )

    return min(base.codes, key=rank)[1]


def _missing(chosen: _Base, bases: Iterable[_Base]) -> tuple[AxisKind, ...]:
    """Return the axes on which a sibling says one thing more than the code that was chosen."""
    kinds: set[AxisKind] = set()
    for base in bases:
        more = base.asserts & ~chosen.asserts
        if not 0 < more.bit_count() <= 2 or base.title.other or chosen.asserts & ~base.asserts:
            continue
        axes = {axis_in(form, base.title.asserts) for form in base.title.asserts - chosen.title.asserts}
        if None not in axes:
            kinds.update(axis for axis in axes if axis is not None)
    return tuple(sorted(kinds, key=lambda kind: kind.value))
