"""Which mentions each cue reaches: one sweep to the right for cues in front, one to the left for those behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bertillon_server.coding.assertion.cues import SEPARATORS, Cue, Direction, Stop
from bertillon_server.coding.assertion.lexicon import Match
from bertillon_server.coding.assertion.tokens import Tokens
from bertillon_server.coding.vocabulary import Assertion

# A cue that begins a new item ends the scopes of other cues: "no fever, possible pneumonia". One in the middle of
# an item qualifies it: "no suspected fracture".
_ITEM_STARTS = SEPARATORS | {"but", "with", ";", "who", "then", "-", ".", ":"}
# A relative or another person as the subject outlasts what is said of them: "mother with a history of stroke".
_SUBJECTS = frozenset({Assertion.FAMILY, Assertion.OTHER_PERSON})
_EVERYTHING = frozenset(Assertion)
# What a cue that begins an item ends: everything but a subject and its own list.
_ITEM_ENDS = {assertion: _EVERYTHING - _SUBJECTS - {assertion} for assertion in Assertion}
_NEGATION_ENDS = frozenset({Assertion.POSSIBLE, Assertion.HISTORICAL})
# A colon makes the words before it a heading, which the scopes of an earlier clause do not reach beyond.
_COLON_ENDS = frozenset({Assertion.NEGATED, Assertion.POSSIBLE, Assertion.HISTORICAL})
_ABBREVIATIONS = frozenset({"dr", "mr", "mrs", "ms", "st", "approx", "vs", "hx", "pt", "dx"})


class Item(NamedTuple):
    """A mention's tokens `[start, end)`."""

    start: int
    end: int


@dataclass(slots=True)
class _Scope:
    """A scope that is open during a sweep; distance to the next mention counts from `anchor`."""

    match: Match
    anchor: int
    skipping: bool = False
    taken: bool = False
    header: bool = False
    outer: _Scope | None = None
    """The scope of the same assertion inside whose item this one opened; it goes on behind that item."""

    @property
    def cue(self) -> Cue:
        return self.match.cue


def _covered(count: int, items: Sequence[Item]) -> list[bool]:
    covered = [False] * count
    until = 0
    for start, end in sorted(items):
        for at in range(max(start, until), end):
            covered[at] = True
        until = max(until, end)
    return covered


class _Inner(NamedTuple):
    """A cue among a mention's own words, and where that mention ends."""

    match: Match
    until: int


class _Sweep:
    """What both sweeps share: the open scopes, at most one for each assertion, and what they have reached."""

    def __init__(self, tokens: Tokens, matches: Sequence[Match], items: Sequence[Item]) -> None:
        self.tokens = tokens
        self.items = items
        self.reached: list[list[Match]] = [[] for _ in items]
        self.open: dict[Assertion | None, _Scope] = {}
        self.matches = matches
        # Whether a mention covers a token.
        self.covered = _covered(len(tokens.keys), items)

    def close(self, ends: frozenset[Assertion], *, only_taken: bool = False) -> None:
        for assertion in [a for a in self.open if a in ends and (self.open[a].taken or not only_taken)]:
            del self.open[assertion]

    def apply_stop(self, match: Match) -> None:
        """Close what a boundary ends, but for a cue that it stands at: "no reported fever", "no c/o pain"."""
        if match.cue.stop is Stop.NEVER:
            return
        at_cue = {a: scope for a, scope in self.open.items() if scope.match.end == match.start}
        self.close(match.cue.stops, only_taken=match.cue.stop is Stop.AFTER_ITEM)
        self.open.update(at_cue)

    def separate(self, key: str, anchor: int) -> None:
        """Carry the scopes that run across a separator on behind it, and close the others."""
        for assertion, scope in list(self.open.items()):
            if scope.skipping:
                scope.skipping = key != ","
            if key in scope.cue.chain.value:
                scope.anchor = anchor
            elif scope.outer is not None and key in scope.outer.cue.chain.value:
                scope.outer.anchor = anchor
                self.open[assertion] = scope.outer
            else:
                del self.open[assertion]

    def ends_sentence(self, at: int) -> bool:
        """Whether the full stop at a token ends a sentence, rather than an abbreviation or a number."""
        tokens = self.tokens
        if at + 1 < len(tokens.keys) and tokens.starts[at + 1] == tokens.ends[at]:
            return False
        return at == 0 or tokens.keys[at - 1] not in _ABBREVIATIONS

    def close_clause(self) -> None:
        for assertion in [a for a, scope in self.open.items() if not scope.header]:
            del self.open[assertion]


class _Forward(_Sweep):
    """The sweep to the right."""

    parenthesis = -1
    """The token that opened the parenthesis the sweep is in; -1 outside."""

    def run(self) -> None:
        starting: dict[int, list[int]] = defaultdict(list)
        for number, item in enumerate(self.items):
            starting[item.start].append(number)
        matches = {match.start: match for match in self.matches}
        inner: _Inner | None = None
        until = 0  # the end of the mentions begun so far
        keys, breaks = self.tokens.keys, self.tokens.breaks
        at, count = 0, len(keys)
        while at < count:
            if at in breaks:
                self.open.clear()
            for number in starting.get(at, ()):
                self._take(number, inner)
                until = max(until, self.items[number].end)
            match = matches.get(at)
            if self.covered[at]:
                # Words inside a mention bound nothing outside it; a cue there counts for a mention nested in it.
                if match is not None and match.cue.direction is Direction.FORWARD:
                    inner = _Inner(match, until)
                at += 1
                continue
            key = keys[at]
            if key in SEPARATORS:
                self.separate(key, at + 1)
            if match is not None:
                self._meet(match)
                at = match.end
                continue
            self._punctuate(key, at)
            at += 1

    def _take(self, number: int, inner: _Inner | None) -> None:
        item = self.items[number]
        if inner is not None and inner.match.end <= item.start and item.end <= inner.until:
            self.reached[number].append(inner.match)
        for scope in self.open.values():
            if item.start - scope.anchor > scope.cue.reach:
                continue
            if not scope.skipping:
                scope.taken = True
                self.reached[number].append(scope.match)
            scope.anchor = max(scope.anchor, item.end)

    def _meet(self, match: Match) -> None:
        cue = match.cue
        self.apply_stop(match)
        if cue.assertion is None or cue.direction not in (Direction.FORWARD, Direction.BOTH):
            return
        begins_item = match.start == 0 or self.tokens.keys[match.start - 1] in _ITEM_STARTS
        if cue.assertion in _SUBJECTS:
            self.open.clear()
        elif begins_item:
            self.close(_ITEM_ENDS[cue.assertion])
        elif cue.assertion is Assertion.NEGATED:
            self.close(_NEGATION_ENDS)
        header = self.tokens.keys[match.end - 1] == ":"
        outer = None if begins_item else self.open.get(cue.assertion)
        if outer is not None:
            outer.outer = None
        self.open[cue.assertion] = _Scope(
            match, match.end, skipping=cue.skips_item, header=header, outer=outer
        )

    def _leave_parenthesis(self, anchor: int) -> None:
        opened, self.parenthesis = self.parenthesis, -1
        for assertion, scope in list(self.open.items()):
            if not scope.match.start > opened >= 0:
                continue
            del self.open[assertion]
            if scope.outer is not None:
                scope.outer.anchor = anchor
                self.open[assertion] = scope.outer

    def _punctuate(self, key: str, at: int) -> None:
        if (key == "." and self.ends_sentence(at)) or key in "|•":
            self.open.clear()
        elif key == "(":
            self.parenthesis = at
        elif key == ")":
            self._leave_parenthesis(at + 1)
        elif key == ";":
            self.close_clause()
        elif key == ":":
            for scope in self.open.values():
                scope.header = scope.header or scope.anchor == at
            kept = {a: scope for a, scope in self.open.items() if scope.header}
            self.close(_COLON_ENDS)
            self.open.update(kept)
            for scope in kept.values():
                scope.anchor = max(scope.anchor, at + 1)


class _Backward(_Sweep):
    """The sweep to the left."""

    def run(self) -> None:
        ending: dict[int, list[int]] = defaultdict(list)
        for number, item in enumerate(self.items):
            ending[item.end].append(number)
        matches = {match.end: match for match in self.matches}
        keys, breaks = self.tokens.keys, self.tokens.breaks
        end = len(keys)
        while end > 0:
            at = end - 1
            for number in ending.get(end, ()):
                self._take(number)
            match = matches.get(end)
            if self.covered[at]:
                end -= 1
            elif match is not None:
                self._meet(match)
                if keys[match.start] in SEPARATORS and match.cue.direction is Direction.NOWHERE:
                    self.separate(keys[match.start], match.start)
                end = match.start
                at = end
            else:
                self._punctuate(keys[at], at)
                end -= 1
            if at in breaks:
                self.open.clear()

    def _take(self, number: int) -> None:
        item = self.items[number]
        for scope in self.open.values():
            if scope.anchor - item.end > scope.cue.reach:
                continue
            if scope.cue.assertion is not Assertion.HISTORICAL or not self._is_ground(item):
                scope.taken = True
                self.reached[number].append(scope.match)
            scope.anchor = min(scope.anchor, item.start)

    def _is_ground(self, item: Item) -> bool:
        """Whether an item is what another one came on top of: of "AKI on CKD, resolved" the AKI has."""
        at = item.start - 1
        return at > 0 and self.tokens.keys[at] == "on" and self.covered[at - 1]

    def _meet(self, match: Match) -> None:
        cue = match.cue
        self.apply_stop(match)
        if cue.stop is Stop.ALWAYS:
            self.open.pop(None, None)
        if cue.direction is Direction.FORWARD:
            # What stands in front of another cue belongs to another item.
            self.close(_EVERYTHING, only_taken=True)
        elif cue.direction in (Direction.BACKWARD, Direction.BOTH) and (cue.assertion or cue.current):
            self.open[cue.assertion] = _Scope(match, match.start)

    def _punctuate(self, key: str, at: int) -> None:
        if key in SEPARATORS:
            self.separate(key, at)
        elif (key == "." and self.ends_sentence(at)) or key in "|•;:":
            self.open.clear()


def reach(tokens: Tokens, matches: Sequence[Match], items: Sequence[Item]) -> list[list[Match]]:
    """Return the cues that reach each item; linear in tokens and matches, and in the items' total length."""
    if not any(match.cue.direction is not Direction.NOWHERE for match in matches):
        return [[] for _ in items]
    forward = _Forward(tokens, matches, items)
    if any(match.cue.direction in (Direction.FORWARD, Direction.BOTH) for match in matches):
        forward.run()
    if not any(match.cue.direction in (Direction.BACKWARD, Direction.BOTH) for match in matches):
        return forward.reached
    backward = _Backward(tokens, matches, items)
    backward.run()
    return [[*ahead, *behind] for ahead, behind in zip(forward.reached, backward.reached, strict=True)]
