"""What a cue is, and the pattern language that the cue tables are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import product

from bertillon_server.coding.vocabulary import Assertion

_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")


class Direction(Enum):
    """Which side of a cue its scope is on."""

    FORWARD = auto()
    BACKWARD = auto()
    BOTH = auto()
    NOWHERE = auto()


class Chain(Enum):
    """Which separators a scope runs across: the next item of a list is still governed by the cue."""

    ALONE = frozenset[str]()
    OR = frozenset({"or", "nor", "/", "vs", "versus"})
    AND = frozenset({"or", "nor", "/", "vs", "versus", "and", "&"})
    LIST = frozenset({"or", "nor", "/", "vs", "versus", "and", "&", ","})


SEPARATORS = Chain.LIST.value


class Stop(Enum):
    """What a cue does to scopes that are open when it is met."""

    NEVER = auto()
    """It leaves them open."""
    AFTER_ITEM = auto()
    """It closes those that have already reached a mention: "no rash with fever", but "no problems with sleep"."""
    ALWAYS = auto()
    """It closes them."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that say how something is asserted, or that bound the scope of other words.

    `reach` is the greatest number of tokens between the cue, or the last item of its list, and a mention.
    `assertion` is None for a cue that asserts nothing itself (a pseudo-cue or a boundary). `stop` and
    `stops` say which open scopes it closes. A `closed` cue counts only at the end of its clause ("fever:
    no"). One that `skips_item` starts behind the first item of its list ("no change in vision, diplopia").
    A `soft` one yields to a `current`
    one, which says that the disease is still there ("history of gout, currently on allopurinol").
    """

    assertion: Assertion | None
    direction: Direction
    reach: int = 0
    chain: Chain = Chain.ALONE
    stop: Stop = Stop.NEVER
    stops: frozenset[Assertion] = frozenset()
    closed: bool = False
    skips_item: bool = False
    soft: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class CueTable:
    """Patterns that share one cue's behaviour.

    A pattern is a phrase in lower case; `{a|b c|}` stands for any of its alternatives, the empty one
    included. `#` stands for a number, `#year` for a year, `@kin` for a blood relative, `@other` for
    another person, `@month` for a month, `@while` for hours to weeks, `@long` for months and more.
    """

    cue: Cue
    patterns: tuple[str, ...]

    def phrases(self) -> Iterator[str]:
        """Yield every phrase that the patterns stand for."""
        for pattern in self.patterns:
            yield from _expand(pattern)


def _expand(pattern: str) -> Iterable[str]:
    pieces = _ALTERNATIVES.split(pattern)
    choices = [piece.split("|") if at % 2 else [piece] for at, piece in enumerate(pieces)]
    for choice in product(*choices):
        yield " ".join("".join(choice).split())
