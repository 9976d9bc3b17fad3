"""Signs that deny: "-fever +cough", "fever (-)", "[ ] diabetes [x] hypertension"."""

from __future__ import annotations

from collections.abc import Sequence

from bertillon_server.coding.assertion.scope import Item
from bertillon_server.coding.assertion.tokens import Tokens
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind

# Templates of these sections are lists of findings with signs; elsewhere a hyphen that starts a line is a bullet.
_SIGNED_SECTIONS = frozenset({SectionKind.REVIEW_OF_SYSTEMS, SectionKind.PHYSICAL_EXAM})
_MARKS = (("(", "-", ")"), ("[", "]"), ("☐",))
_SIGN_KEYS = frozenset({"-", "[", "☐"})


def denied(tokens: Tokens, items: Sequence[Item], section: SectionKind) -> dict[int, Span]:
    """Return the items that a sign denies, by index, with the sign's place in the text; linear."""
    if _SIGN_KEYS.isdisjoint(tokens.keys):
        return {}
    marks = _marks(tokens)
    # A note writes its marks on one side: behind the findings if the last one, plus and cross included, is.
    trailing = _trailing(tokens)
    ends = {end: start for start, end in marks.items()}
    signed = section in _SIGNED_SECTIONS or bool(marks) or _plus(tokens)
    found: dict[int, Span] = {}
    for number, item in enumerate(items):
        if trailing and item.end in marks:
            found[number] = _span(tokens, item.end, marks[item.end])
        elif not trailing and item.start in ends:
            found[number] = _span(tokens, ends[item.start], item.start)
        elif _minus(tokens, item.start - 1, signed=signed):
            found[number] = _span(tokens, item.start - 1, item.start)
    return found


def _marks(tokens: Tokens) -> dict[int, int]:
    """Return where the marks "(-)", "[ ]" and "☐" stand: first token to end."""
    keys = tokens.keys
    found: dict[int, int] = {}
    for at, key in enumerate(keys):
        for mark in _MARKS:
            if key == mark[0] and tuple(keys[at : at + len(mark)]) == mark:
                found[at] = at + len(mark)
    return found


def _trailing(tokens: Tokens) -> bool:
    keys = tokens.keys
    for at in range(len(keys) - 1, 0, -1):
        if keys[at] in ")]" and keys[at - 1] in "-+[x":
            return at + 1 == len(keys) or keys[at + 1] in ",;."
    return False


def _plus(tokens: Tokens) -> bool:
    return any(key == "+" and _prefixes(tokens, at) for at, key in enumerate(tokens.keys))


def _minus(tokens: Tokens, at: int, *, signed: bool) -> bool:
    """Whether the token is a minus that denies what follows, not a bullet or a hyphen."""
    if at < 0 or tokens.keys[at] != "-" or not _prefixes(tokens, at):
        return False
    return signed or not (at == 0 or at in tokens.breaks)


def _prefixes(tokens: Tokens, at: int) -> bool:
    """Whether a sign is written onto the word behind it and apart from the one before."""
    if at + 1 >= len(tokens.keys) or tokens.starts[at + 1] != tokens.ends[at]:
        return False
    return at == 0 or tokens.starts[at] > tokens.ends[at - 1] or tokens.keys[at - 1] in "(,;"


def _span(tokens: Tokens, start: int, end: int) -> Span:
    return Span(tokens.starts[start], tokens.ends[end - 1])
