"""Reads the codes that an instructional note prints, as in `(E08-E13 with .51-.52)` or `from category E11`.

Codes stand in parentheses as a rule: `(E10.-)`, `(F32.0-F32.9)`, `(A15, J65)`, `(A00-R94 and T80-T88.6)`. A
parenthesis that says anything beside codes and a known condition is prose and yields nothing. Only a note
without codes in parentheses is searched for bare ones, and only where its words announce a list (`from
category`, `classified to`) or it ends in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bertillon_server.catalog.codes import CodeRange

KeyTest = Callable[[str, str], bool]

_CODE = r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{0,4})?"
# The dash says "and all below"; it also joins a range, and both may stand together: `I70.2--I70.7-`,
# `P28.3- - P28.4-`. Some notes print it after a point (`D29.2.-`).
_TAIL = r"(?:\.?-)?"
_CONDITION = (
    r"with\s+(?:\.\d+-?(?:-\.?\d+)?"
    r"|(?:fif?th|5th|six(?:th)?|seventh|7th)(?:\s+(?:or|to)\s+six(?:th)?)?[\s-]+characters?"
    r"(?:\s+to\s+indicate\s+intent|\s+\.?[0-9A-Z]+(?:-[0-9A-Z]+)?)"
    r"|final\s+characters?\s+-?\d+"
    r"|open\s+fracture\s+7th\s+character)"
)
_TO = r"\.?-?\s*(?:-|\bto\b)\s*"
_ITEM = rf"(?:{_CODE}{_TO}{_CODE}{_TAIL}|{_CODE}{_TAIL})"
_LIST = rf"{_ITEM}(?:\s*(?:,\s*and\b|,\s*or\b|,|;|\band\b|\bor\b)\s*{_ITEM})*"
_ONE = re.compile(rf"(?P<first>{_CODE}){_TO}(?P<last>{_CODE}){_TAIL}|(?P<only>{_CODE}){_TAIL}")
_WHOLE = re.compile(rf"\s*(?P<list>{_LIST})\s*,?(?:\s*(?P<condition>{_CONDITION}))?\s*")
_PARENTHESIS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_ANNOUNCED = re.compile(
    rf"\b(?:(?:sub)?categor(?:y|ies)|from|(?:classified|classifiable|specified)\s+(?:to|in))\s+"
    rf"(?P<list>{_LIST})(?!\w)(?P<rest>\s+with\b)?"
)
_AT_END = re.compile(rf"(?<![\w(])\(?(?P<list>{_LIST})(?:\s*(?P<condition>{_CONDITION}))?\s*\.?$")

_ORDINALS = {"fifth": 4, "5th": 4, "sixth": 5, "six": 5, "seventh": 6, "7th": 6}


def read_targets(text: str) -> tuple[CodeRange, ...]:
    """Return the codes that a note prints, in order; empty for a note that only speaks in words."""
    found: list[CodeRange] = []
    for groups in _PARENTHESIS.findall(text):
        match = _WHOLE.fullmatch(groups[0] or groups[1])
        if match is not None:
            found.extend(_ranges(match["list"], match["condition"]))
    return tuple(found) or tuple(_bare(_PARENTHESIS.sub(" ", text)))


def _bare(text: str) -> Iterator[CodeRange]:
    match = _AT_END.search(text)
    if match is not None:
        yield from _ranges(match["list"], match["condition"])
        return
    for announced in _ANNOUNCED.finditer(text):
        # "see categories E08-E13 with ketoacidosis": the codes alone would say more than the note does.
        if announced["rest"] is None:
            yield from _ranges(announced["list"], None)


def _ranges(items: str, condition: str | None) -> Iterator[CodeRange]:
    words = " ".join(condition.split()) if condition is not None else None
    for match in _ONE.finditer(items):
        first, last = match["first"] or match["only"], match["last"] or match["only"]
        yield CodeRange(first.rstrip("."), last.rstrip("."), words)


@dataclass(frozen=True, slots=True)
class _Window:
    """Values `low` to `high` at `place` of a key without its point."""

    place: int
    low: str
    high: str

    def __call__(self, key: str, title: str) -> bool:  # noqa: ARG002 (one signature for all tests)
        part = key[self.place : self.place + len(self.low)]
        return len(part) == len(self.low) and self.low <= part <= self.high


def _intent(low: str, high: str) -> KeyTest:
    """Test the character for the intent in T36-T65: the 6th, or the 5th where the 6th is a placeholder."""

    def test(key: str, title: str) -> bool:  # noqa: ARG001
        significant = key[:6].rstrip("X")
        return len(significant) >= 5 and low <= significant[-1] <= high

    return test


def condition_test(condition: str) -> KeyTest:
    """Return what a condition of `read_targets` asks of a code, given as its key and its title."""
    if "open fracture" in condition:
        return lambda key, title: len(key) == 7 and "open fracture" in title
    if "intent" in condition:
        return _intent("1", "6")
    values = re.findall(r"[0-9A-Z]+", condition.rpartition("character")[2].lstrip("s"))
    if "final" in condition:
        return lambda key, title: key[3:].endswith(values[-1])  # noqa: ARG005
    if condition.startswith("with ."):
        values = re.findall(r"\d+", condition)
        return _Window(3, values[0], values[-1])
    words = [word for word in re.split(r"[\s-]+", condition) if word in _ORDINALS or word == "fith"]
    if " or " in condition:
        return _intent(values[0], values[-1])
    return _Window(_ORDINALS.get(words[0], 4), values[0], values[-1])
