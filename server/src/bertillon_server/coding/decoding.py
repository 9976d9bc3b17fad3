"""From a concept to a billable code: documented axes choose the leaf, and none is invented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from bertillon_server.coding.axes import Title, read_title
from bertillon_server.coding.implied import by_severity, implied
from bertillon_server.coding.leaves import Base, Bases, Concept, best_of, concept_among, missing_axes
from bertillon_server.coding.vocabulary import AxisKind

# A category with more billable codes than this is not searched for a more specific sibling.
MAX_SIBLINGS = 4000

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

_NOTHING: frozenset[str] = frozenset()


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
class _Aim:
    """What decoding a concept comes to before any text is looked at.

    A text that says none of the bits `moved` and denies none of the bits `denied` chooses as one that says nothing
    does: the leaves `silent`, with the number of details that they would invent.
    """

    scope: str
    billable: bool
    bases: Bases
    concept: Concept
    moved: int
    denied: int
    silent: tuple[Base, int]


class Decoder:
    """Decodes concepts of one release; keeps the titles it has taken apart."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        # Keys are codes. A process keeps what its first 300 to 500 notes name, so that it is soon as large as it will
        # be. What is rarer costs a note some tens of microseconds, a category of 25 leaves a third of a millisecond.
        self._bases = lru_cache(maxsize=3_072)(self._read_bases)
        self._aims = lru_cache(maxsize=6_144)(self._read_aim)
        self._titles = lru_cache(maxsize=8_192)(self._read_title)
        self._missing = lru_cache(maxsize=1_536)(self._read_missing)
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
        base, invented = best_of(aim.bases, aim.concept, heard)
        used = base.asserts & ~aim.concept.asked & heard.supported
        if aim.billable and not used and not base.denies & heard.ruled_out:
            # A sibling takes the place of a code that may be reported only for what the text says beyond it.
            invented, base = 0, aim.bases.of_code(target)
        return Leaf(_seventh(base, said), aim.bases.forms(used), invented, aim.scope)

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
        return missing_axes(bases, bases.of_code(code))

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
        concept = concept_among(bases, wanted, is_below=scope == target)
        moved = denied = 0
        for base in bases.items:
            moved, denied = moved | base.moved, denied | base.denies
        base, invented = best_of(bases, concept, bases.hear(_NOTHING, _NOTHING))
        silent = (bases.of_code(target), 0) if billable else (base, invented)
        return _Aim(scope, billable, bases, concept, moved & ~concept.asked, denied, silent)

    def _read_bases(self, scope: str) -> Bases:
        # The tuple is what a title is but for its 7th-character part; a note meets some 300 new titles.
        alike: dict[tuple[object, ...], tuple[Title, dict[str, str]]] = {}
        for code in self._codes.leaves(scope):
            title = read_title(self._codes.title(code))
            key = (title.asserts, title.either, title.denies, title.open, title.other)
            alike.setdefault(key, (title, {}))[1][code] = title.encounter
        return Bases(alike.values())


def _improvable(title: Title, words: str, code: str) -> bool:
    """Whether a billable code, of which `words` is the title, leaves something open that a sibling may say."""
    open_ended = title.open or bool(title.denies) or "uncomplicated" in words.lower()
    return open_ended or code.endswith("9") or len(code) == 3


def _seventh(base: Base, said: frozenset[str]) -> str:
    """Choose the 7th character: active treatment unless the text says otherwise (guidelines I.C.19.a)."""
    if len(base.codes) == 1:
        return base.codes[0]
    if said & _SEQUELA:
        phase = "sequela"
    elif said & _SUBSEQUENT:
        phase = "subsequent encounter"
    else:
        phase = "initial encounter"
    healing = next((h for h in _HEALING if h.split()[0] in said), _HEALING[0])

    def rank(at: int) -> tuple[bool, bool, bool, bool]:
        text = base.encounters[at]
        opened = re.search(r"\bopen\b", text) is not None
        return (
            not text.startswith(phase),
            opened != bool(said & _OPEN_FRACTURE),
            any(h in text for h in _HEALING) and healing not in text,
            "without" not in text and "unspecified" not in text,
        )

    return base.codes[min(range(len(base.codes)), key=rank)]
