"""How two codes of one category stand to each other, by their titles."""

from __future__ import annotations

from enum import Enum, auto

from bertillon_server.coding.axes import DEFAULTS, Title, axis_of, read_title
from bertillon_server.coding.detail import says_more
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import AxisKind

SIDES = frozenset({"right", "left", "bilateral"})


class Relation(Enum):
    """What another code says, beside the one at hand."""

    SAME = auto()
    PHASE = auto()
    """The same but for the 7th character."""
    OTHER_SIDE = auto()
    MORE = auto()
    LESS = auto()
    SIBLING = auto()
    UNRELATED = auto()


def relation(code: CodeRef, other: CodeRef) -> Relation:  # noqa: PLR0911 - one for each relation
    """Return what `other` says beside `code`."""
    if code.code == other.code:
        return Relation.SAME
    if code.code[:3] != other.code[:3]:
        return Relation.UNRELATED
    one, two = read_title(code.title), read_title(other.title)
    if (one.asserts, one.denies, one.either) == (two.asserts, two.denies, two.either):
        return Relation.PHASE if one.encounter != two.encounter else Relation.SIBLING
    sides, others = one.asserts & SIDES, two.asserts & SIDES
    if sides and others and sides != others and without_side(one.asserts) == without_side(two.asserts):
        return Relation.OTHER_SIDE
    if says_more(code.title, other.title) or _divides(one, two):
        return Relation.MORE
    if says_more(other.title, code.title) or _divides(two, one):
        return Relation.LESS
    return Relation.SIBLING


def _divides(one: Title, two: Title) -> bool:
    """Whether a title leaves open how a numbered stage divides (stage 3 unspecified) that the other states (3a)."""
    numbers, rest = one.asserts - two.asserts, two.asserts - one.asserts
    return (
        one.open
        and not two.open
        and bool(numbers)
        and all(number.isdigit() and any(form.startswith(number) for form in rest) for number in numbers)
    )


def without_side(asserts: frozenset[str]) -> frozenset[str]:
    """Return what a title asserts but its side; "right eye" and "bilateral" say the same then."""
    return asserts - SIDES - DEFAULTS


def added(less: CodeRef, more: CodeRef) -> frozenset[str]:
    """Return the forms that the title of `more` asserts and that of `less` does not."""
    return read_title(more.title).asserts - read_title(less.title).asserts


def axes_between(less: CodeRef, more: CodeRef) -> tuple[AxisKind, ...]:
    """Return the axes of what `more` adds."""
    kinds = {kind for form in added(less, more) if (kind := axis_of(form)) is not None}
    return tuple(sorted(kinds, key=lambda kind: kind.value))
