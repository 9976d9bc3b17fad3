"""Links what is done to codes of ICD-10-PCS: operation, body part, side, approach, device and qualifier.

A code is chosen among those of the imported release, never put together. The words of the phrase choose the body
part, those of the sentence the rest; a value that nothing speaks for costs, so that "no device" and "no qualifier"
stand where the text is silent. What the text leaves open on an axis with several values is returned as missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bertillon_server.coding.procedures.actions import DEVICES, LESIONS, MATTER, PARTIAL, WHOLE
from bertillon_server.coding.procedures.anatomy import with_official_names
from bertillon_server.coding.procedures.names import Names, compiled, fixed_prefix, own_names
from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.procedures.release import SIDES, Part, PcsRelease
from bertillon_server.coding.procedures.structure import (
    APPROACH,
    APPROACH_WORDS,
    DEVICE,
    IMAGING,
    ONLY_NEARBY,
    PART,
    SURGICAL,
)
from bertillon_server.coding.procedures.wording import as_titles_say
from bertillon_server.coding.vocabulary import AxisKind
from bertillon_server.coding.words import canonical

# What a word of the phrase weighs, and one that stands elsewhere in the sentence.
_IN_PHRASE, _IN_SENTENCE = 1.0, 0.45
# What it costs to be a later choice of a table, a word of a body part that is not said, and one of the device.
_LATER, _UNSAID_PART, _UNSAID = 0.35, 0.3, 1.1
_SAID = 1.0
_APPROACH_AGREES, _SIDE_AGREES = 3.0, 1.5
# Approaches in the order in which they are taken where nothing is said.
_CUSTOMARY = "0X38745F"
# Body parts whose codes are looked at.
_PARTS = 8
_SECTIONS_OF_APPROACH = frozenset("01")
_NO_DEVICE = "Z"
# What a repair is supplemented with.
_GRAFTS = frozenset({"mesh", "graft", "patch"})
# Approaches that belong to a name whatever the rest of the operation is: a catheter, a colonoscopy.
_BY_NAME = frozenset("78X")
# Root operations that always involve a device (B6.1): change, insertion, removal, replacement, supplement, revision.
_OF_DEVICES = frozenset("2HPRUW")


@dataclass(frozen=True, slots=True)
class PcsLink:
    """Codes that a phrase can mean, best first, as (position in the release, score); and what the text leaves open.

    `missing` are axes with other values that the text does not choose among; `invented` says that the best code
    states a side that nobody wrote; `full` that everything the body part is called is in the text.
    """

    candidates: tuple[tuple[int, float], ...]
    missing: tuple[AxisKind, ...]
    invented: bool
    full: bool


@dataclass(frozen=True, slots=True)
class _Said:
    words: Mapping[str, float]
    titles: frozenset[str]
    sides: frozenset[str]
    approach: str | None


class PcsLinker:
    """Reads and links procedures with one release; `extra` are names and body parts of an imported index."""

    def __init__(
        self,
        release: PcsRelease,
        names: Names | None = None,
        parts: Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]] | None = None,
    ) -> None:
        self.release = release
        self._names = [own_names(), *([names] if names is not None else [])]
        self._part_names = parts or {}
        self._under: dict[str, tuple[int, ...]] = {}

    def hear(self, phrases: Phrases) -> list[Heard]:
        """Return what a section says is done."""
        return phrases.hears(self._names)

    def link(self, phrases: Phrases, heard: Heard, wider: Collection[str], limit: int) -> list[PcsLink]:
        """Return the codes of what was heard, one link for each side of a bilateral operation that has no own code.

        `wider` are words of the operation's whole report, which tell the approach and the side where the sentence
        does not. Nothing is returned where no code fits.
        """
        said = self._said(phrases, heard, wider)
        if heard.named is None:
            scored = self._scored(heard, said)
            if not scored and (whole := phrases.widened(heard)) is not None:
                said = self._said(phrases, whole, wider)
                scored = self._scored(whole, said)
            return self._sided(said, scored, limit, None)
        return [
            link
            for patterns in heard.named.groups
            for link in self._sided(said, self._by_patterns(patterns, said), limit, patterns[0])
        ]

    def _sided(
        self, said: _Said, scored: Sequence[tuple[int, float]], limit: int, pattern: str | None
    ) -> list[PcsLink]:
        """Return a link for each side of a bilateral operation, else one; none where nothing was found."""
        if not scored:
            return []
        if "bilateral" in said.sides and self._side_of(scored[0][0]) in ("right", "left"):
            sides = [
                [item for item in scored if self._side_of(item[0]) == side] for side in ("right", "left")
            ]
            return [self._link(said, items, limit, pattern) for items in sides if items]
        return [self._link(said, scored, limit, pattern)]

    def _said(self, phrases: Phrases, heard: Heard, wider: Collection[str]) -> _Said:
        forms = phrases.words.forms
        begin, end = heard.phrase
        low, high = phrases.around(heard)
        near = {form: _IN_PHRASE for form in (*forms[begin:end], *heard.stem) if form}
        words = with_official_names(near, self._part_names)
        around = {form: _IN_SENTENCE for form in forms[low:high] if form}
        for form, weight in with_official_names(around, self._part_names).items():
            words.setdefault(form, min(weight, _IN_SENTENCE))
        sides = SIDES & near.keys() or SIDES & around.keys() or _one_side(wider)
        if {"right", "left"} <= sides:
            near_sides = [form for form in forms[heard.first : heard.last] if form in SIDES]
            sides = frozenset(near_sides) or frozenset({"bilateral"})
        implied = heard.action.implied if heard.action else frozenset()
        said = as_titles_say([*near, *around, *implied])
        wide = not (heard.named is not None and _has_approach(heard.named.groups[0][0]))
        approach = (
            _approach(near, nearby=True)
            or _approach(around, nearby=True)
            or (_approach(wider, nearby=False) if wide else None)
        )
        return _Said(words, said, frozenset(sides), approach)

    def _scored(self, heard: Heard, said: _Said) -> list[tuple[int, float]]:
        """Return positions with their scores, best first, of what has no name."""
        if heard.imaging is not None:
            tables = [(table, 0.0) for table in self._imaging_tables(heard.imaging)]
            return self._by_tables(tables, said)
        if heard.action is None:
            return []
        operations = _operations(heard, said)
        tables = [
            (table, rank * _LATER)
            for rank, operation in enumerate(operations)
            for table in self._surgical_tables(operation)
        ]
        return self._by_tables(tables, said)

    def _by_patterns(self, patterns: Sequence[str], said: _Said) -> list[tuple[int, float]]:
        release = self.release
        found: dict[int, float] = {}
        parts: dict[str, float | None] = {}
        told: set[str] = set()
        for rank, pattern in enumerate(patterns):
            for position in self._matching(pattern):
                prefix = release.codes[position][:PART]
                if prefix not in parts:
                    parts[prefix] = self._part_score(prefix, said, whole=False)
                    if rank and self._is_told(prefix, said):
                        told.add(prefix)
                part = parts[prefix]
                if part is not None:
                    later = 0 if prefix in told else rank
                    score = part - later * _LATER + self._leaf_score(position, said)
                    found[position] = max(score, found.get(position, score))
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))

    def _is_told(self, prefix: str, said: _Said) -> bool:
        """Whether the phrase has the official name of a body part."""
        words = self.release.part(prefix).words
        return bool(words) and all(said.words.get(word, 0.0) >= _IN_PHRASE for word in words)

    def _by_tables(self, tables: Sequence[tuple[str, float]], said: _Said) -> list[tuple[int, float]]:
        release = self.release
        possible = release.parts_with(said.words)
        ranked = []
        for table, cost in tables:
            for number in release.parts_of(table):
                if number in possible:
                    prefix = release.parts[number].prefix
                    score = self._part_score(prefix, said, whole=True)
                    if score is not None:
                        ranked.append((score - cost, prefix))
        ranked.sort(key=lambda item: (-item[0], item[1]))
        found = {}
        for score, prefix in ranked[:_PARTS]:
            for position in release.under(prefix):
                # What is put in or taken out is a part of what is done, and has to be named.
                if prefix[2] in _OF_DEVICES and not release.rest(position) & said.titles:
                    continue
                found[position] = score + self._leaf_score(position, said)
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))

    def _part_score(self, prefix: str, said: _Said, *, whole: bool) -> float | None:
        """Return how well a body part fits, None where it does not: words of its name are missing, or the side."""
        part = self.release.part(prefix)
        score = 0.0
        strong = False
        for word in part.words:
            weight = said.words.get(word, 0.0)
            if not weight:
                if whole:
                    return None
                score -= _UNSAID_PART
            score += weight
            strong = strong or weight > _IN_SENTENCE
        if whole and not (strong and part.words):
            return None
        if part.side and said.sides:
            if part.side in said.sides:
                score += _SIDE_AGREES
            elif "bilateral" not in said.sides:
                return None
        elif part.side == "bilateral":
            score -= _SIDE_AGREES
        elif part.side:
            # A side that nobody wrote is taken only where there is no code without one.
            score -= _UNSAID_PART
        return score

    def _leaf_score(self, position: int, said: _Said) -> float:
        code = self.release.codes[position]
        score = sum(_SAID if word in said.titles else -_UNSAID for word in self.release.rest(position))
        if code[0] in _SECTIONS_OF_APPROACH:
            if said.approach == code[APPROACH]:
                score += _APPROACH_AGREES
            score -= 0.02 * _CUSTOMARY.find(code[APPROACH])
        return score

    def _link(
        self, said: _Said, scored: Sequence[tuple[int, float]], limit: int, pattern: str | None
    ) -> PcsLink:
        release = self.release
        position = scored[0][0]
        code = release.codes[position]
        part = release.part(code[:PART])
        allowed = [release.codes[other] for other, _ in scored if release.codes[other][:PART] == code[:PART]]
        missing = []
        invented = part.side in ("right", "left") and not said.sides
        if invented:
            missing.append(AxisKind.LATERALITY)
        if self._site_is_guessed(part, said, scored, pattern):
            invented = True
            missing.append(AxisKind.SITE)
        approaches = {other[APPROACH] for other in allowed}
        if code[0] in _SECTIONS_OF_APPROACH and said.approach != code[APPROACH] and len(approaches) > 1:
            missing.append(AxisKind.APPROACH)
        silent = release.rest(position) - said.titles
        beside = {other[DEVICE:] for other in allowed if other[:DEVICE] == code[:DEVICE]}
        if silent and len(beside) > 1:
            missing.append(AxisKind.DEVICE if code[DEVICE] != _NO_DEVICE else AxisKind.QUALIFIER)
        full = all(said.words.get(word, 0.0) for word in part.words)
        return PcsLink(tuple(scored[: limit + 1]), tuple(missing), invented, full)

    def _site_is_guessed(
        self, part: Part, said: _Said, scored: Sequence[tuple[int, float]], pattern: str | None
    ) -> bool:
        """Whether the text does not say all that the body part is called, and others would do as well.

        A name that has one body part first, by the `pattern` of its codes, says it.
        """
        if all(word in said.words for word in part.words):
            return False
        best = scored[0][1]
        near = {position for position, score in scored if best - score < _LATER}
        first = set() if pattern is None else set(self._matching(pattern))
        if scored[0][0] in first:
            near &= first
        others = {self.release.codes[position][:PART] for position in near}
        return any(self.release.part(prefix).words != part.words for prefix in others)

    def _matching(self, pattern: str) -> tuple[int, ...]:
        known = self._under.get(pattern)
        if known is None:
            matches = compiled(pattern).match
            codes = self.release.codes
            known = tuple(at for at in self.release.under(fixed_prefix(pattern)) if matches(codes[at]))
            self._under[pattern] = known
        return known

    def _side(self, prefix: str) -> str:
        return self.release.part(prefix).side

    def _side_of(self, position: int) -> str:
        return self._side(self.release.codes[position][:PART])

    def _surgical_tables(self, operation: str) -> Iterable[str]:
        return (table for table in self.release.tables if table[0] == SURGICAL and table[2] == operation)

    def _imaging_tables(self, kind: str) -> Iterable[str]:
        return (table for table in self.release.tables if table[0] == IMAGING and table[2] == kind)


def _operations(heard: Heard, said: _Said) -> str:
    """Return the root operations of a word in its phrase, best first (B3.8, and the definitions of appendix A)."""
    operations = heard.action.operations if heard.action else ""
    near = {word for word, weight in said.words.items() if weight > _IN_SENTENCE}
    if operations in ("TB", "D") and near & MATTER:
        return "C"
    if operations in ("TB", "D") and near & DEVICES and not heard.stem:
        return "P"
    if operations == "TB":
        return _removals(near, of_whole=bool(heard.stem))
    return "UQ" if operations == "Q" and near & _GRAFTS else operations


def _removals(near: Collection[str], *, of_whole: bool) -> str:
    """Return whether a body part or a portion of it is taken out; an "-ectomy" names what it takes."""
    words = set(near)
    if words & PARTIAL or (words & LESIONS and not words & WHOLE):
        return "B"
    return "TB" if of_whole or words & WHOLE else "BT"


def _has_approach(pattern: str) -> bool:
    """Whether a name alone says by which approach: through a natural opening, or from outside."""
    prefix = fixed_prefix(pattern)
    return len(prefix) > APPROACH and prefix[APPROACH] in _BY_NAME


def _one_side(words: Collection[str]) -> frozenset[str]:
    """Return the side of a report that names one alone."""
    named = SIDES & set(words)
    return frozenset(named) if len(named) == 1 else frozenset()


_PHRASES = tuple(
    (approach, tuple(frozenset(canonical(word) for word in phrase.split()) for phrase in phrases.split("|")))
    for approach, phrases in APPROACH_WORDS
)
_NEARBY = frozenset(canonical(word) for word in ONLY_NEARBY)


def _approach(words: Collection[str], *, nearby: bool) -> str | None:
    """Return the approach that words state, None where they state none."""
    held = set(words)
    for approach, phrases in _PHRASES:
        for phrase in phrases:
            if phrase <= held and (nearby or phrase.isdisjoint(_NEARBY)):
                return approach
    return None
