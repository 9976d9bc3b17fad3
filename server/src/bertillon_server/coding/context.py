"""The words around a mention that may qualify it: its clause, and for a problem's head the item it heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bertillon_server.coding.axes import axis_in, axis_of
from bertillon_server.coding.list_items import ProblemItem
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.results import AxisValue
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import AxisKind
from bertillon_server.coding.words import Words

# How far a qualifier may stand from what it qualifies, in words; measured within the clause.
REACH = 6
# How much of a problem's text may still state the axes of its head, in words.
ITEM_REACH = 30

_NUMBERED = frozenset({"stage", "grade", "class", "type", "gravida", "group"})
_DENIALS = frozenset({"without", "no", "not"})
_WITH = frozenset({"with", "w"})
# Words from "with" to what a mention is with, itself included: "with mild acute exacerbation".
_QUALIFIED = 3
_SIDES = frozenset({"right", "left", "bilateral"})


def context_of(
    text: str, words: Words, found: Found, taken: Sequence[bool], items: Sequence[ProblemItem]
) -> dict[str, Span]:
    """Return the canonical forms that may qualify a mention, each with where it stands.

    The clause ends at a full stop, a semicolon, a denial ("without") or another mention, unless that is what the
    mention is "with": of "asthma with status asthmaticus" one code tells both. A number counts only right after the
    mention ("CKD 3a") or after a word such as "stage": doses and dates are never taken for one. Of two sides the
    nearer one counts, and none where the mention names its own. `taken` tells for each word whether it is in one.
    """
    near: dict[str, Span] = {}
    sided = not _SIDES.isdisjoint(words.forms[found.first : found.last])
    before = _walk(text, words, found, range(found.first - 1, found.first - 1 - REACH, -1), taken)
    after = _walk(text, words, found, range(found.last, found.last + REACH), taken)
    for i in _nearest(found, before, after):
        form = words.forms[i]
        if form in _SIDES and (sided or not _SIDES.isdisjoint(near)):
            continue
        if form[:1].isdigit() and i != found.last and words.forms[i - 1] not in _NUMBERED:
            continue
        if form not in near:
            near[form] = Span(*words.places[i])
    if found.item is not None:
        _add_item(words, items[found.item], taken, near, sided=sided)
    return near


class Told(NamedTuple):
    """The canonical forms that a mention asserts, and those that it denies."""

    asserts: frozenset[str]
    denies: frozenset[str]


def told_by(text: str, words: Words, found: Found) -> Told:
    """Return what the words of a mention tell.

    "Without" or "no" denies up to a comma or "with": "without aura, intractable" denies the aura only.
    """
    asserts: set[str] = set()
    denies: set[str] = set()
    denying = False
    for i in range(found.first, found.last):
        form = words.forms[i]
        if denying and ("," in words.gap(i, text) or form == "with"):
            denying = False
        denying = denying or form in _DENIALS
        (denies if denying else asserts).add(form)
    return Told(frozenset(asserts), frozenset(denies - _DENIALS))


def axes_of(
    words: Words, found: Found, asserted: Iterable[str], context: Mapping[str, Span]
) -> list[AxisValue]:
    """Return the axes of a code that the text documents, with where it says so."""
    wanted = frozenset(asserted)
    places = {words.forms[i]: words.places[i] for i in range(found.last - 1, found.first - 1, -1)}
    values = []
    for form, place in {**context, **places}.items():
        if form not in wanted or form in _NUMBERED:
            continue
        kind = axis_in(form, wanted)
        if kind is not None:
            values.append(AxisValue(kind, form, Span(*place)))
    return sorted(values, key=lambda value: value.span.start)


def _walk(text: str, words: Words, found: Found, path: range, taken: Sequence[bool]) -> list[int]:
    reached: list[int] = []
    joined = False
    count, (begins, ends) = len(words.forms), found.sentence
    for i in path:
        if not 0 <= i < count:
            break
        if taken[i] and not joined:
            joined = path.step > 0 and any(words.forms[at] in _WITH for at in reached[-_QUALIFIED:])
            if not joined:
                break
        elif joined and not taken[i]:
            break
        if not begins <= words.places[i][0] < ends:
            break
        gap = words.gap(i if path.step > 0 else i + 1, text)
        if gap != " " and (";" in gap or "." in gap or "\n" in gap):
            break
        if words.forms[i] in _DENIALS:
            break
        reached.append(i)
    return reached


def _nearest(found: Found, before: list[int], after: list[int]) -> list[int]:
    return sorted([*before, *after], key=lambda i: found.first - i if i < found.first else i - found.last + 1)


def _add_item(
    words: Words, item: ProblemItem, taken: Sequence[bool], near: dict[str, Span], *, sided: bool
) -> None:
    """Add the axes that the rest of a problem's text states for its head."""
    first = words.beginning_at(item.head.start)
    last = words.beginning_at(max(item.body.end, item.head.end))
    for i in range(first, min(last, first + ITEM_REACH)):
        if taken[i]:
            continue
        form = words.forms[i]
        kind = axis_of(form)
        if kind is None or (form[:1].isdigit() and (i == 0 or words.forms[i - 1] not in _NUMBERED)):
            continue
        if kind is AxisKind.LATERALITY and (sided or not _SIDES.isdisjoint(near)):
            continue
        if form not in near:
            near[form] = Span(*words.places[i])
