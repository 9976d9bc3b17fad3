"""Named procedures: the bags of words that name them, and the beginnings of codes that they can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bertillon_server.coding.procedures.name_table import NAMED
from bertillon_server.coding.words import words_of

# Words of a name that may be missing from a text and tell nothing.
_IDLE = frozenset("a an and at by for from in into of on or the to with".split())
# A name of one word so short is an abbreviation, and counts in capitals only: "BAL", "TEE".
_ABBREVIATION = 3


@dataclass(frozen=True, slots=True)
class Named:
    """A name: its words, and whether it counts in capitals only.

    `groups` are the codes that are reported together; of each, the beginnings that its code can have, best first.
    """

    words: frozenset[str]
    groups: tuple[tuple[str, ...], ...]
    capitals: bool


class Names:
    """Names by one word that each of them must have. Immutable."""

    def __init__(self, entries: Iterable[tuple[str, Sequence[Sequence[str]]]]) -> None:
        named: dict[frozenset[str], Named] = {}
        for text, groups in entries:
            forms = [form for form in words_of(text).forms if form and form not in _IDLE]
            words = frozenset(forms)
            if words and words not in named:
                short = len(forms) == 1 and len(forms[0]) <= _ABBREVIATION
                named[words] = Named(words, tuple(map(tuple, groups)), short)
        often = Counter(word for words in named for word in words)
        self._by_word: dict[str, list[Named]] = {}
        for words, entry in named.items():
            rarest = min(words, key=lambda word: (often[word], -len(word), word))
            self._by_word.setdefault(rarest, []).append(entry)

    def with_word(self, form: str) -> Sequence[Named]:
        """Return the names that are looked for at a word."""
        return self._by_word.get(form, ())


def read_table(text: str) -> list[tuple[str, list[list[str]]]]:
    """Return name and beginnings of codes, by groups, of each entry of a table such as `NAMED`."""
    entries = []
    for line in text.strip().splitlines():
        patterns, _, names = line.partition(" = ")
        groups = [group.split() for group in patterns.split(" & ")]
        entries += [(name, groups) for name in names.split(" | ")]
    return entries


@lru_cache(maxsize=1)
def own_names() -> Names:
    """Return the names of this project's table."""
    return Names(read_table(NAMED))


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression for the beginning of codes."""
    return re.compile(pattern)


def fixed_prefix(pattern: str) -> str:
    """Return the characters of a pattern before the first that may vary."""
    return re.split(r"[\[.]", pattern, maxsplit=1)[0]
