"""All cues in one trie of tokens, found in a single pass over a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bertillon_server.coding.assertion.cues import Cue, CueTable
from bertillon_server.coding.assertion.tokens import Tokens, phrase_keys


class Match(NamedTuple):
    """A cue and the tokens `[start, end)` that it covers."""

    start: int
    end: int
    cue: Cue


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    cues: tuple[Cue, ...] = ()


# What may follow a cue that ends its clause.
_CLOSERS = frozenset({",", ";", ".", ")", "|", "]", "and", "but"})


class Lexicon:
    """The cues of all tables. Where two tables hold the same phrase the first that is met here counts."""

    def __init__(self, tables: Iterable[CueTable]) -> None:
        self._root = _Node()
        for table in tables:
            for phrase in table.phrases():
                self._add(phrase_keys(phrase), table.cue)

    def _add(self, keys: tuple[str, ...], cue: Cue) -> None:
        node = self._root
        for key in keys:
            node = node.children.setdefault(key, _Node())
        if cue not in node.cues:
            node.cues = (*node.cues, cue)

    def find(self, tokens: Tokens, edges: frozenset[int]) -> list[Match]:
        """Return the longest cues from left to right, none overlapping another.

        `edges` are token positions that no cue may run across: where a mention starts or ends. The pass is
        linear: the longest phrase of the tables bounds the look-ahead.
        """
        keys = tokens.keys
        found: list[Match] = []
        count, root = len(keys), self._root.children
        if root.keys().isdisjoint(keys):
            return found
        free = 0  # the end of the last cue
        for at in [at for at, key in enumerate(keys) if key in root]:
            if at < free:
                continue
            node: _Node | None = root[keys[at]]
            best: Match | None = None
            end = at
            while node is not None:
                end += 1
                for cue in node.cues:
                    if not cue.closed or _closes(tokens, end):
                        best = Match(at, end, cue)
                        break
                node = node.children.get(keys[end]) if end < count and end not in edges else None
            if best is not None:
                found.append(best)
                free = best.end
        return found


def _closes(tokens: Tokens, end: int) -> bool:
    return end == len(tokens.keys) or end in tokens.breaks or tokens.keys[end] in _CLOSERS
