"""A release on its way into the catalog, whatever its source: the entries in published order.

Readers of other code systems produce the same values and share everything after them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bertillon_server.catalog.codes import CodeKind, NoteKind, Release


@dataclass(frozen=True, slots=True)
class ListedNote:
    """A note as printed. `heading` is the open heading above it (`meningitis (in):`), if there is one."""

    kind: NoteKind
    text: str
    heading: str | None = None


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry in published order (a parent comes before its children).

    `parent` is the position of the parent in the listing. `seventh` are the values of the 7th character
    that are defined here for everything below. `extension` is the meaning of the 7th character of a code
    that was expanded from such a definition. `valid_from` and `valid_to` are dates of service of the code
    itself, for systems that state them.
    """

    code: str
    title: str
    kind: CodeKind
    parent: int | None
    billable: bool
    notes: tuple[ListedNote, ...] = ()
    seventh: tuple[tuple[str, str], ...] = ()
    extension: str | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a release was read from."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A release with its entries and sources."""

    release: Release
    entries: Sequence[ListedEntry]
    sources: tuple[Source, ...]


def subtree_ends(entries: Sequence[ListedEntry]) -> list[int]:
    """Return, for each position, the position after its last descendant."""
    ends = [position + 1 for position in range(len(entries))]
    for position in range(len(entries) - 1, -1, -1):
        parent = entries[position].parent
        if parent is not None:
            ends[parent] = max(ends[parent], ends[position])
    return ends
