"""What has been taken out: "after thyroidectomy for thyroid cancer" tells of a cancer that was (I.C.21.c.4)."""

from __future__ import annotations

from collections.abc import Sequence

from bertillon_server.coding.assertion.scope import Item
from bertillon_server.coding.assertion.tokens import Tokens
from bertillon_server.coding.spans import Span

_REMOVES = ("ectomy", "ectomies", "resection", "excision")
_DONE = frozenset(
    {"after", "following", "post", "underwent", "had", "has", "prior", "previous", "hx", "since", "p"}
)
# What is only planned has not been done.
_PLANNED = frozenset({"for", "to", "before", "pending", "scheduled", "planned", "consider", "if", "awaiting"})
# Words between what says that it was done and the operation ("after total"), and between "for" and the mention.
_REACH = 4
_BEFORE_NAME = 2


def removed(tokens: Tokens, items: Sequence[Item]) -> dict[int, Span]:
    """Return the items that an operation done in the past removed, by index, with the words that say so."""
    if not any(key.endswith(_REMOVES) for key in tokens.keys):
        return {}
    found: dict[int, Span] = {}
    for number, item in enumerate(items):
        operation = _operation(tokens, item.start)
        done = None if operation is None else _done(tokens, operation)
        if operation is not None and done is not None:
            found[number] = Span(tokens.starts[done], tokens.ends[operation])
    return found


def _operation(tokens: Tokens, start: int) -> int | None:
    """Return the token of the operation "for" which the words at `start` are the reason."""
    for at in range(start - 1, max(0, start - 2 - _BEFORE_NAME), -1):
        if tokens.keys[at] == "for" and tokens.keys[at - 1].endswith(_REMOVES):
            return at - 1
    return None


def _done(tokens: Tokens, operation: int) -> int | None:
    for at in range(operation - 1, max(-1, operation - 1 - _REACH), -1):
        key = tokens.keys[at]
        if key in _PLANNED or key in ",;.":
            return None
        if key in _DONE:
            return at
    return None
