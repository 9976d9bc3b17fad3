"""From a concept to a billable code: documented axes choose the leaf, and none is invented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from bertillon_server.coding.axes import Title, axis_in, axis_of, is_default, read_title
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

# A detail that the text supports outweighs one open word; an invented one outweighs any support.
_SUPPORTED, _INVENTED, _DENIED, _CONTRADICTED = 1.0, -3.0, -0.05, -1.0
# A leaf that leaves out a word of the concept: fatal for a sibling of a billable code, unwelcome below a parent,
# whose title may be the sum of its leaves ("Nausea and vomiting").
_OTHER, _OPEN, _LOST, _LOST_BELOW = -0.4, 0.02, -3.0, -0.1


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


@dataclass(frozen=True, slots=True)
class Leaf:
    """A billable code and how it was reached.

    `used` are the canonical forms of the text that chose it, `missing` the axes on which more specific codes
    exist and the text is silent, `invented` how many details of its title the text does not support (0 for
    every code that is reported).
    """

    code: str
    used: frozenset[str]
    missing: tuple[AxisKind, ...]
    invented: int


@dataclass(frozen=True, slots=True)
class _Base:
    """Billable codes that differ in the 7th character alone."""

    title: Title
    codes: tuple[tuple[str, str], ...]  # encounter part of the title, code


class Decoder:
    """Decodes concepts of one release; keeps the titles it has taken apart."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        # Bounded by the number of categories and subcategories of the release; keys are codes.
        self._bases = lru_cache(maxsize=20_000)(self._read_bases)
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
        title = read_title(self._codes.title(target))
        wanted = title.asserts | title.either
        scope = target
        billable = self._codes.is_billable(target)
        if billable or title.open:
            # What the concept leaves open, a sibling may say.
            category = target[:3]
            if self._leaf_count(category) <= MAX_SIBLINGS and (not billable or _improvable(title, target)):
                scope = category
            elif billable:
                return Leaf(target, frozenset(), (), 0)
        best: tuple[float, int, _Base] | None = None
        bases = self._bases(scope)
        said = span | context.keys()
        if not billable:
            wanted |= _shared(self._bases(target))
        for base in bases:
            score, invented = _score(base.title, wanted, said, denied, keep=scope != target)
            if best is None or score > best[0]:
                best = (score, invented, base)
        if best is None:
            return None
        _, invented, base = best
        used = frozenset(form for form in base.title.asserts if form in said and form not in wanted)
        if billable and not used and not base.title.denies & denied:
            # A sibling takes the place of a code that may be reported only for what the text says beyond it.
            invented, base = 0, next(b for b in bases if any(code == target for _, code in b.codes))
        code = _seventh(base, said)
        return Leaf(code, used, _missing(base, bases), invented)

    def title(self, code: str) -> Title:
        """Return the title of a code, taken apart."""
        return read_title(self._codes.title(code))

    def _read_bases(self, scope: str) -> tuple[_Base, ...]:
        grouped: dict[Title, list[tuple[str, str]]] = {}
        for code in self._codes.leaves(scope):
            title = read_title(self._codes.title(code))
            grouped.setdefault(replace(title, encounter=""), []).append((title.encounter, code))
        return tuple(_Base(title, tuple(codes)) for title, codes in grouped.items())


def _improvable(title: Title, code: str) -> bool:
    """Whether a billable code leaves something open that a sibling may say."""
    return title.open or bool(title.denies) or code.endswith("9") or len(code) == 3


def _shared(bases: tuple[_Base, ...]) -> frozenset[str]:
    """Return what every leaf of a concept asserts: the concept has it, and no leaf invents it.

    Values of axes are left out: they are details even where all leaves have one.
    """
    if len(bases) < 2:
        return frozenset()
    shared = frozenset.intersection(*(base.title.asserts for base in bases))
    return frozenset(form for form in shared if axis_of(form) is None)


def _score(
    title: Title, wanted: frozenset[str], said: frozenset[str], denied: frozenset[str], *, keep: bool
) -> tuple[float, int]:
    score = 0.0
    invented = 0
    score += _SUPPORTED * len((title.either - wanted) & said)
    for form in title.asserts - wanted:
        if form in said or (form == "unilateral" and ("right" in said or "left" in said)):
            score += _SUPPORTED
        elif not is_default(form, said):
            score += _INVENTED
            invented += 1
    score += (_LOST if keep else _LOST_BELOW) * len(wanted - title.asserts - title.either)
    for form in title.denies:
        if form in said and form not in wanted:
            score += _CONTRADICTED
        else:
            score += _SUPPORTED if form in denied else _DENIED
    if title.other:
        score += _OTHER
    if title.open:
        score += _OPEN
    return score, invented


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


def _missing(chosen: _Base, bases: tuple[_Base, ...]) -> tuple[AxisKind, ...]:
    """Return the axes on which a sibling says one thing more than the code that was chosen."""
    kinds: set[AxisKind] = set()
    for base in bases:
        more = base.title.asserts - chosen.title.asserts
        if base is chosen or base.title.other or not more or not chosen.title.asserts <= base.title.asserts:
            continue
        axes = {axis_in(form, base.title.asserts) for form in more}
        if len(more) <= 2 and None not in axes:
            kinds.update(axis for axis in axes if axis is not None)
    return tuple(sorted(kinds, key=lambda kind: kind.value))
