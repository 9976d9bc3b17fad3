"""A release of ICD-10-PCS as it is read: its body parts with their words, and what each code says beside them.

Everything comes from the codes and official titles of the release that was imported. So only its codes are ever
reached, and no file of another year can contradict it. Titles follow one form: operation, body part, then after
"with", "using", "to", "from" or a comma the device, the qualifier and the approach.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.procedures.structure import (
    APPROACH,
    APPROACHES,
    IMAGING,
    LENGTH,
    OPERATIONS,
    PART,
    TABLE,
    WITH_APPROACH,
)
from bertillon_server.coding.words import canonical

SIDES = frozenset({"right", "left", "bilateral"})
# Words of titles that name nothing.
_IDLE = frozenset("a an and at by for from in into of on or the to using via with approach".split())
_WORD = re.compile(r"[^\W_]+")
# Where the body part begins: behind the operation, or behind what is put in, taken out or looked after.
_OPERATION = "|".join(sorted(OPERATIONS.values(), key=len, reverse=True))
_DEVICE_IN = re.compile(
    r"^(?:Insertion of|Removal of|Revision of|Change) (?P<device>.+?) (?:in|into|from|on) (?P<part>.+)$"
)
_BEGIN = re.compile(rf"^(?:{_OPERATION})(?: Bleeding)?(?: of| in| at| Matter from| of Matter from)? ")
_MATTER = re.compile(r"^Extirpation of Matter from ")
# What the other sections do: "Computerized Tomography (CT Scan) of", "Measurement of".
_OF = re.compile(r"^[^,]*? of (?=[A-Z])")
_END = re.compile(r",| with | using | to | from | into | for ")
_END_OF_LIST = re.compile(r" using ")
_CORONARY = re.compile(r"(Coronary Artery), (\w+)")
# Heart and great vessels, by section and body system.
_OF_NO_SIDE = frozenset({"02", "X2", "B2"})
# Codes remembered with what their titles say; a note asks for a few hundred.
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """A body part in a table: the first four characters, the canonical words of its name, and its side or ''."""

    prefix: str
    words: frozenset[str]
    side: str


@lru_cache(maxsize=_REMEMBERED)
def forms_of(text: str) -> tuple[str, ...]:
    """Return the canonical words of a title that name something, in order."""
    return tuple(form for word in _WORD.findall(text) if (form := canonical(word)) and form not in _IDLE)


class PcsRelease:
    """The codes of one release that may be reported. Immutable but for what it remembers; safe to share."""

    def __init__(self, table: CodeTable) -> None:
        found = sorted(
            (code, title)
            for code, title, billable in zip(table.codes, table.titles, table.billable, strict=True)
            if billable and len(code) == LENGTH
        )
        self.codes = tuple(code for code, _ in found)
        self._titles = tuple(title for _, title in found)
        self.parts = tuple(self._read_parts())
        by_word: dict[str, list[int]] = {}
        by_table: dict[str, list[int]] = {}
        for number, part in enumerate(self.parts):
            by_table.setdefault(part.prefix[:TABLE], []).append(number)
            for word in part.words:
                by_word.setdefault(word, []).append(number)
        self._by_word = {word: tuple(numbers) for word, numbers in by_word.items()}
        self._by_table = {table_: tuple(numbers) for table_, numbers in by_table.items()}
        self._rest: dict[int, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def title(self, position: int) -> str:
        """Return the official title of the code at a position."""
        return self._titles[position]

    def position(self, code: str) -> int | None:
        """Return the position of a code, None where the release has no such code."""
        at = bisect_left(self.codes, code)
        return at if at < len(self.codes) and self.codes[at] == code else None

    def under(self, prefix: str) -> range:
        """Return the positions of the codes that begin with a prefix."""
        return range(bisect_left(self.codes, prefix), bisect_left(self.codes, prefix + "~"))

    @property
    def tables(self) -> Sequence[str]:
        """The tables (three characters), in order."""
        return tuple(self._by_table)

    def part(self, prefix: str) -> Part:
        """Return the body part of four characters that some code begins with."""
        return self.parts[bisect_left(self.parts, prefix, key=lambda part: part.prefix)]

    def parts_of(self, table: str) -> Sequence[int]:
        """Return the numbers of the body parts of a table (three characters)."""
        return self._by_table.get(table, ())

    def parts_with(self, words: Iterable[str]) -> set[int]:
        """Return the numbers of the body parts that have one of the words in their name."""
        return {number for word in words for number in self._by_word.get(word, ())}

    def rest(self, position: int) -> frozenset[str]:
        """Return the words of a title for device and qualifier: those of neither operation, part nor approach."""
        known = self._rest.get(position)
        if known is None:
            code, title = self.codes[position], self._titles[position]
            left = title
            if code[0] in WITH_APPROACH:
                name = APPROACHES.get(code[APPROACH], "")
                left = re.sub(re.escape(name), "", left, flags=re.IGNORECASE)
            part = self.part(code[:PART])
            skipped = part.words | SIDES | _operation_words(title)
            known = frozenset(form for form in forms_of(left) if form not in skipped)
            self._rest[position] = known
        return known

    def _read_parts(self) -> Iterable[Part]:
        at = 0
        while at < len(self.codes):
            prefix = self.codes[at][:PART]
            end = bisect_left(self.codes, prefix + "~")
            forms = forms_of(_part_name(self._titles[at], imaging=prefix[0] == IMAGING))
            sides = SIDES & set(forms)
            # "Right and Left Heart" is of no side, and the right atrium is not the right one of two.
            side = next(iter(sides)) if len(sides) == 1 and prefix[:2] not in _OF_NO_SIDE else ""
            yield Part(prefix, frozenset(forms) - (SIDES if side else frozenset()), side)
            at = end


def _part_name(title: str, *, imaging: bool) -> str:
    """Return what a title calls the body part, device and qualifier left out."""
    title = title.replace("1 to 2 Rib", "Rib")
    placed = _DEVICE_IN.match(title)
    if placed is not None:
        rest = placed["part"]
    else:
        rest = _MATTER.sub("", title)
        rest = _BEGIN.sub("", rest) if rest == title else rest
        rest = _OF.sub("", rest) if rest == title else rest
    number = _CORONARY.match(rest)
    if number is not None:
        return f"{number[1]} {number[2]}"
    # Regions of imaging are lists: "Chest, Abdomen and Pelvis".
    end = (_END_OF_LIST if imaging else _END).search(rest)
    return rest if end is None else rest[: end.start()]


@lru_cache(maxsize=64)
def _operation_of(first: str) -> frozenset[str]:
    return frozenset(forms_of(first))


def _operation_words(title: str) -> frozenset[str]:
    return _operation_of(title.split(" ", 1)[0])
