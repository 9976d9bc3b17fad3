"""All codes of one release in memory, for work that looks up thousands of them: linking and decoding."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterable, Mapping
from itertools import accumulate, compress, islice

from bertillon_server.catalog.codes import Period, key_of

TableRow = tuple[str, str, int, int, int, int, int]

NO_POSITION = -1  # stands for the parent of a chapter
_ROWS_AT_A_TIME = 4096
_BEFORE_POINT = 3  # characters of ICD-10-CM before the point; other systems print none


class CodeTable:
    """A release as parallel sequences in published order; a code's position is its index in each.

    `rows` are, in order: code, title, position of the parent, end of the subtree, and 0 or 1 for billable,
    for a chapter or block, and for a code that extends another one by a 7th character.

    Immutable and safe to share between threads. `parents` and `chapters` hold positions (-1 for the parent
    of a chapter), `periods` the dates of codes that have their own. The descendants of a position are those from
    the next one up to its end, which `span` gives. Methods take a code in any spelling and raise KeyError for one
    that the release has not.
    """

    __slots__ = (
        "_categories",
        "_ends",
        "_extended",
        "_leaf_rank",
        "_leaves",
        "_positions",
        "billable",
        "chapters",
        "codes",
        "parents",
        "periods",
        "titles",
    )

    def __init__(self, rows: Iterable[TableRow], periods: Mapping[int, Period] | None = None) -> None:
        codes: list[str] = []
        titles: list[str] = []
        billable, above, extended = bytearray(), bytearray(), bytearray()
        self.parents = array("i")
        self._ends = array("i")
        remaining = iter(rows)
        # By columns, a block of rows at a time: three times as fast as row by row, at no memory to speak of.
        while block := list(islice(remaining, _ROWS_AT_A_TIME)):
            columns = tuple(zip(*block, strict=True))
            codes.extend(columns[0])
            titles.extend(columns[1])
            self.parents.extend(columns[2])
            self._ends.extend(columns[3])
            billable.extend(columns[4])
            above.extend(columns[5])
            extended.extend(columns[6])
        self.periods = dict(periods or {})
        self.codes = tuple(codes)
        self.titles = tuple(titles)
        self.billable = bytes(billable)
        self.chapters = array("i")
        while (chapter := len(self.chapters)) < len(codes):
            self.chapters.extend([chapter] * (self._ends[chapter] - chapter))
        self._categories = array("i")
        while (position := len(self._categories)) < len(codes):
            size = 1 if above[position] else self._ends[position] - position
            self._categories.extend([NO_POSITION if above[position] else position] * size)
        self._extended = bytes(extended)
        self._positions = dict(zip(codes, range(len(codes)), strict=True))
        # Billable codes before each position, so that the leaves below a code are one slice.
        self._leaf_rank = array("i", accumulate(billable, initial=0))
        self._leaves = tuple(compress(codes, billable))

    def __len__(self) -> int:
        return len(self.codes)

    def __contains__(self, code: str) -> bool:
        return self.find(code) is not None

    def find(self, code: str) -> int | None:
        """Return the position of a code, None where the release has no such code."""
        position = self._positions.get(code)
        if position is None:  # some other spelling than the published one
            key = key_of(code)
            position = self._positions.get(key)
            if position is None:
                position = self._positions.get(f"{key[:_BEFORE_POINT]}.{key[_BEFORE_POINT:]}")
        return position

    def position(self, code: str) -> int:
        """Return the position of a code."""
        position = self.find(code)
        if position is None:
            raise KeyError(code)
        return position

    def span(self, code: str) -> tuple[int, int]:
        """Return the half-open range of positions of a code and all below it."""
        position = self.position(code)
        return position, self._ends[position]

    def title(self, code: str) -> str:
        """Return the official title of a code."""
        return self.titles[self.position(code)]

    def is_billable(self, code: str) -> bool:
        """Whether a code may be reported as it is; False for one that the release has not."""
        position = self.find(code)
        return position is not None and bool(self.billable[position])

    def is_billable_in(self, code: str, first: dt.date, last: dt.date | None) -> bool:
        """Whether a code may be reported on some date of service from `first` to `last`; an open end is None."""
        position = self.find(code)
        if position is None or not self.billable[position]:
            return False
        period = self.periods.get(position)
        return period is None or period.overlaps(first, last)

    def leaves(self, code: str) -> list[str]:
        """Return the billable codes among a code and all below it, in order."""
        low, high = self.span(code)
        return list(self._leaves[self._leaf_rank[low] : self._leaf_rank[high]])

    def category(self, code: str) -> str:
        """Return the category of a code (three characters in ICD-10-CM); a block or chapter has none."""
        category = self._categories[self.position(code)]
        if category == NO_POSITION:
            raise KeyError(code)
        return self.codes[category]

    def chapter(self, code: str) -> str:
        """Return the id of the chapter of a code."""
        return self.codes[self.chapters[self.position(code)]]

    def extensions(self, position: int) -> range:
        """Return the positions of the codes that extend one by a 7th character; empty where none do."""
        end = self._ends[position]
        extended = end > position + 1 and bool(self._extended[position + 1])
        return range(position + 1, end if extended else position + 1)

    def ancestors(self, position: int) -> list[int]:
        """Return the positions above one, the parent first."""
        found = []
        while (position := self.parents[position]) != NO_POSITION:
            found.append(position)
        return found

    def related(self, one: int, other: int) -> bool:
        """Whether two positions are the same, or one lies below the other."""
        return other < self._ends[one] if one <= other else one < self._ends[other]
