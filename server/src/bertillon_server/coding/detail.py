"""Whether one code of a category says more than another (Official Guidelines I.B.2).

The encounter summary and the audit ask the same questions of titles; they are answered here.
"""

from __future__ import annotations

from bertillon_server.coding.axes import axis_of, read_title


def says_more(less: str, more: str) -> bool:
    """Whether a title says all that another one of its category says, and more or less openly."""
    one, other = read_title(less), read_title(more)
    adds = one.asserts < other.asserts or (one.open and not other.open)
    return adds and one.asserts <= other.asserts


def adds_only_axes(less: str, more: str) -> bool:
    """Whether a title says all that another one of its category says, and values of axes beside it."""
    one, other = read_title(less), read_title(more)
    added = other.asserts - one.asserts
    return bool(added) and one.asserts <= other.asserts and all(axis_of(form) is not None for form in added)
