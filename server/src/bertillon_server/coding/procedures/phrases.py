"""What a section says is done: names of procedures, and words for operations with the phrase around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.procedures.actions import ACTIONS, Action, compound
from bertillon_server.coding.procedures.names import Named, Names
from bertillon_server.coding.words import Words

# Words around a name in which its other words may stand, and words that may stand between them.
_REACH = 9
_BETWEEN = 4
# Words before and after that belong to the phrase of an operation.
_BEFORE, _AFTER = 6, 8
# Root operations of words for putting something in its place.
_PLACES = frozenset({"H", "2"})
# Words of a sentence that is the name of an operation rather than a statement.
_SHORT = 16
_HARD = frozenset(".;:()[]\n•|")
# Regions are read for these, not operated on.
IMAGING_WORDS = {
    "xray": "0",
    "radiograph": "0",
    "radiography": "0",
    "radiographie": "0",
    "film": "0",
    "ct": "2",
    "tc": "2",
    "tomography": "2",
    "cat": "2",
    "angioct": "2",
    "mri": "3",
    "nmr": "3",
    "mr": "3",
    "resonance": "3",
    "ultrasound": "4",
    "ultrasonography": "4",
    "sonogram": "4",
    "sonography": "4",
    "echography": "4",
    "doppler": "4",
    "fluoroscopy": "1",
    "angiography": "1",
    "angiogram": "1",
    "arteriography": "1",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """Words `[first, last)` that say what is done: by a name, by an operation, or by a kind of imaging.

    `phrase` is the range of words that may say where and how. `verb` tells that it is told as an event, such as
    "was removed".
    """

    first: int
    last: int
    phrase: tuple[int, int]
    sentence: int
    named: Named | None = None
    action: Action | None = None
    imaging: str | None = None
    stem: frozenset[str] = frozenset()
    verb: bool = False


class Phrases:
    """The words of a section as phrases: where one may not reach into the next."""

    def __init__(self, text: str, words: Words, numbers: NDArray[np.int32]) -> None:
        self.words = words
        self._numbers = numbers.tolist()
        starts, ends = words.starts.tolist(), words.ends.tolist()
        gaps = [text[end:start] for end, start in zip(ends, starts[1:], strict=False)]
        self._hard = [True, *(not _HARD.isdisjoint(gap) for gap in gaps), True]
        self._soft = [True, *("," in gap for gap in gaps), True]

    def sentence(self, at: int) -> int:
        """Return the index of the sentence of a word."""
        return int(self._numbers[at])

    def hears(self, names: Sequence[Names]) -> list[Heard]:
        """Return what is done, in the order of the text; nothing overlaps."""
        forms = self.words.forms
        found = [
            self._heard(*place, named=named)
            for entries in names
            for at, form in enumerate(forms)
            if form
            for named in entries.with_word(form)
            if (place := self._place(at, named)) is not None
        ]
        kept = _longest(found)
        taken = {at for heard in kept for at in range(heard.first, heard.last)}
        for at, form in enumerate(forms):
            if form and at not in taken and (heard := self._other(at, form)) is not None:
                kept.append(heard)
        kept.sort(key=lambda heard: heard.first)
        kept = [heard for heard, after in zip_longest(kept, kept[1:]) if not _only_places(heard, after)]
        return [self._bounded(heard, kept, number) for number, heard in enumerate(kept)]

    def widened(self, heard: Heard) -> Heard | None:
        """Return what was heard with the rest of a short sentence as its phrase, None where the sentence is long.

        An operation is often named by parts: "Open reduction and internal fixation, left ankle fracture".
        """
        first, last = self.around(heard)
        if last - first > _SHORT or (first, last) == heard.phrase:
            return None
        return replace(heard, phrase=(first, last))

    def around(self, heard: Heard) -> tuple[int, int]:
        """Return the words of the sentence of what was heard."""
        first, last = heard.first, heard.last
        while first > 0 and self._numbers[first - 1] == heard.sentence:
            first -= 1
        while last < len(self._numbers) and self._numbers[last] == heard.sentence:
            last += 1
        return first, last

    def _other(self, at: int, form: str) -> Heard | None:
        if form in IMAGING_WORDS and (len(form) > 2 or bool(self.words.upper[at])):
            return self._heard(at, at + 1, imaging=IMAGING_WORDS[form])
        action = ACTIONS.get(form)
        if action is not None:
            return self._heard(at, at + 1, action=action, verb=form.endswith(("ed", "sed")))
        built = compound(form)
        if built is not None:
            return self._heard(at, at + 1, action=built[1], stem=built[0])
        return None

    def _heard(
        self,
        first: int,
        last: int,
        *,
        named: Named | None = None,
        action: Action | None = None,
        imaging: str | None = None,
        stem: frozenset[str] = frozenset(),
        verb: bool = False,
    ) -> Heard:
        begin, end = first, last
        while begin > 0 and first - begin < _BEFORE and not (self._hard[begin] or self._soft[begin]):
            begin -= 1
        while (
            end < len(self.words.forms) and end - last < _AFTER and not (self._hard[end] or self._soft[end])
        ):
            end += 1
        return Heard(first, last, (begin, end), self._numbers[first], named, action, imaging, stem, verb)

    def _place(self, at: int, named: Named) -> tuple[int, int] | None:
        """Return where the words of a name stand around one of them, None when they do not."""
        if len(named.words) == 1:
            return None if named.capitals and not self.words.upper[at] else (at, at + 1)
        forms = self.words.forms
        low, high = at, at + 1
        while low > 0 and at - low < _REACH and not self._hard[low]:
            low -= 1
        while high < len(forms) and high - at < _REACH and not self._hard[high]:
            high += 1
        first, last = at, at + 1
        for word in named.words:
            if word == forms[at]:
                continue
            places = [place for place in range(low, high) if forms[place] == word]
            if not places:
                return None
            nearest = min(places, key=lambda place: abs(place - at))
            first, last = min(first, nearest), max(last, nearest + 1)
        between = len(named.words) - 1 if any(self._soft[first + 1 : last]) else _BETWEEN
        return (first, last) if last - first <= len(named.words) + between else None

    def _bounded(self, heard: Heard, every: Sequence[Heard], number: int) -> Heard:
        """Return what was heard with a phrase that does not reach into what stands beside it."""
        begin, end = heard.phrase
        if number > 0 and every[number - 1].last > begin:
            begin = min(every[number - 1].last, heard.first)
        if number + 1 < len(every) and every[number + 1].first < end:
            end = max(every[number + 1].first, heard.last)
        if (begin, end) == heard.phrase:
            return heard
        return replace(heard, phrase=(begin, end))


def _only_places(heard: Heard, after: Heard | None) -> bool:
    """Whether a word only says that what is named after it was put in: "insertion of a chest tube"."""
    placed = heard.action is not None and heard.action.operations in _PLACES
    return placed and after is not None and after.named is not None and after.first < heard.phrase[1]


def _longest(found: Sequence[Heard]) -> list[Heard]:
    """Return names that do not overlap: of two, the one of more words, the tighter one, the first one given."""
    kept: list[Heard] = []
    taken: set[int] = set()
    ranked = sorted(
        found,
        key=lambda heard: (
            -len(heard.named.words if heard.named else ()),
            heard.last - heard.first,
            heard.first,
        ),
    )
    for heard in ranked:
        places = range(heard.first, heard.last)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(heard)
    return kept
