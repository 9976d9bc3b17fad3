"""What the words around an operation say of it: where, on which side, by which approach, with what.

Sources: ICD-10-PCS Official Guidelines B3.8 (a part or all of a body part), B4 (body part), B5 (approach), and the
definitions of root operations in appendix A.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bertillon_server.coding.procedures.actions import DEVICES, LESIONS, MATTER, PARTIAL, WHOLE
from bertillon_server.coding.procedures.anatomy import with_official_names
from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.procedures.release import SIDES
from bertillon_server.coding.procedures.structure import APPROACH, APPROACH_WORDS, ONLY_NEARBY
from bertillon_server.coding.procedures.wording import as_titles_say
from bertillon_server.coding.words import canonical

# Everyday names of body parts, by their first word; see `anatomy`.
PartNames = Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]]

# What a word of the phrase weighs, and one that stands elsewhere in the sentence.
IN_PHRASE, IN_SENTENCE = 1.0, 0.45
# Approaches that belong to a name whatever the rest of the operation is: a catheter, a colonoscopy, a total hip.
_BY_NAME = frozenset("078X")
_OPEN, _PERCUTANEOUS = "0", "3"
# What a repair is supplemented with.
_GRAFTS = frozenset({"mesh", "graft", "patch"})


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says of an operation.

    `words` are weighted by how near they stand, with official names beside everyday ones; `titles` are words as
    titles have them for devices and qualifiers; `approach` is a fifth character. `implied` are words of a title that
    the name of the operation stands for.
    """

    words: Mapping[str, float]
    titles: frozenset[str]
    sides: frozenset[str]
    approach: str | None
    implied: frozenset[str] = frozenset()


def said_of(phrases: Phrases, heard: Heard, wider: Collection[str], part_names: PartNames) -> Said:
    """Return what is said of what was heard; `wider` are words of the whole report."""
    forms = phrases.words.forms
    begin, end = heard.phrase
    low, high = phrases.around(heard)
    near = {form: IN_PHRASE for form in (*forms[begin:end], *heard.stem) if form}
    words = with_official_names(near, part_names)
    around = {form: IN_SENTENCE for form in forms[low:high] if form}
    for form, weight in with_official_names(around, part_names).items():
        words.setdefault(form, min(weight, IN_SENTENCE))
    sides = SIDES & near.keys() or SIDES & around.keys() or _one_side(wider)
    if {"right", "left"} <= sides:
        near_sides = [form for form in forms[heard.first : heard.last] if form in SIDES]
        sides = frozenset(near_sides) or frozenset({"bilateral"})
    implied = heard.action.implied if heard.action else frozenset()
    said = as_titles_say([*near, *around, *implied])
    by_name = None if heard.named is None else _approach_by_name(heard.named.groups[0][0])
    approach = _approach(near) or _approach(around)
    if by_name is not None and approach in (None, _PERCUTANEOUS):
        # The needle or wire beside it belongs to something else.
        approach = by_name
    approach = approach or _approach_of_report(wider)
    return Said(words, said, frozenset(sides), approach)


def operations_of(heard: Heard, said: Said) -> str:
    """Return the root operations of a word in its phrase, best first (B3.8, and the definitions of appendix A)."""
    operations = heard.action.operations if heard.action else ""
    near = {word for word, weight in said.words.items() if weight > IN_SENTENCE}
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


def _approach_by_name(pattern: str) -> str | None:
    """Return the approach that a name alone states: open, through a natural opening, or from outside."""
    characters = re.sub(r"\[[^\]]*\]", "-", pattern)
    return characters[APPROACH] if len(characters) > APPROACH and characters[APPROACH] in _BY_NAME else None


def _one_side(words: Collection[str]) -> frozenset[str]:
    """Return the side of a report that names one alone."""
    named = SIDES & set(words)
    return frozenset(named) if len(named) == 1 else frozenset()


_PHRASES = tuple(
    (approach, tuple(frozenset(canonical(word) for word in phrase.split()) for phrase in phrases.split("|")))
    for approach, phrases in APPROACH_WORDS
)
_OPENED = _PHRASES[-2][1]
_NEARBY = frozenset(canonical(word) for word in ONLY_NEARBY)


def _approach(words: Collection[str]) -> str | None:
    """Return the approach that words state, None where they state none."""
    held = set(words)
    return next(
        (approach for approach, phrases in _PHRASES if any(phrase <= held for phrase in phrases)), None
    )


def _approach_of_report(words: Collection[str]) -> str | None:
    """Return the approach that a report tells of, None where it tells of none, or of an opened and a closed one."""
    told = _approach(set(words) - _NEARBY)
    opened = any(phrase <= set(words) for phrase in _OPENED if phrase.isdisjoint(_NEARBY))
    return None if told not in (None, _OPEN) and opened else told
