"""Finds procedures in a text by a list of their names: training tags as one what nobody annotated otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from bertillon_server.coding.spans import Span
from bertillon_server.coding.words import Words, words_of

PROCEDURES_FILE = "procedures.txt"


class Procedures:
    """Names of procedures; one in capitals matches only in capitals."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        # By first form, the longest first: all forms, what parts them, and whether they are to be in capitals.
        self._names: dict[str, list[tuple[tuple[str, ...], tuple[str, ...], bool]]] = defaultdict(list)
        for name in names:
            words = words_of(name)
            self._names[words.forms[0]].append((words.forms, _gaps(name, words), name.isupper()))
        for entries in self._names.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    @classmethod
    def read(cls, lexicon: Path) -> Procedures:
        """Read the list of a lexicon, a name a line; a lexicon without one names none.

        Raises ValueError where a line has no word.
        """
        file = lexicon / PROCEDURES_FILE
        if not file.exists():
            return cls()
        names = []
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if line and not line.startswith("#"):
                if not words_of(line).forms:
                    raise ValueError(f"{file}, line {number}: there is no word")
                names.append(line)
        return cls(names)

    def find(self, text: str) -> Iterator[Span]:
        """Yield where a text names procedures, in order and apart, the longest name of those that begin together."""
        words = words_of(text)
        gaps = _gaps(text, words)
        first = 0
        while first < len(words.forms):
            last = self._end(words, gaps, first)
            if last > first:
                yield Span(int(words.starts[first]), int(words.ends[last - 1]))
            first = max(last, first + 1)

    def _end(self, words: Words, gaps: tuple[str, ...], first: int) -> int:
        for forms, between, capitals in self._names.get(words.forms[first], ()):
            last = first + len(forms)
            if (
                words.forms[first:last] == forms
                and all(map(_may_part, between, gaps[first : last - 1], forms))
                and (not capitals or words.upper[first:last].all())
            ):
                return last
        return first


def _gaps(text: str, words: Words) -> tuple[str, ...]:
    ends, starts = words.ends.tolist(), words.starts.tolist()
    return tuple(text[end:start].strip() for end, start in zip(ends, starts[1:], strict=False))


def _may_part(named: str, written: str, before: str) -> bool:
    """Whether what parts two words of a text may stand in a name: "D&C" is a procedure and "d/c" is none."""
    return named == written if len(before) == 1 else written in {"", "-", "/"} or named == written
