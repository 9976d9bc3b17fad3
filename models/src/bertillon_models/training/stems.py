"""What counts as one concept: codes that differ in side and encounter only; and the axis values of a code."""

from __future__ import annotations

from collections.abc import Mapping

from bertillon_server.coding.axes import read_title
from bertillon_server.coding.heads import AXES

_SIDES = frozenset({"right", "left", "bilateral", "unilateral"})
# "acute on chronic" is two words of a title.
_ACUTE_ON_CHRONIC = ("acute", "chronic")


class Stems:
    """Numbers the concepts of a release; codes with one stem are each other's positives."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, code: str) -> int:
        """Return the number of a code's concept."""
        title = read_title(self._titles[code])
        key = (
            code[:3],
            title.asserts - _SIDES,
            title.either - _SIDES,
            title.denies,
            title.open and not title.asserts,
            title.other,
        )
        return self._numbers.setdefault(key, len(self._numbers))

    def axes(self, code: str) -> list[int]:
        """Return the value of each axis, in the order of `heads.AXES`, that a code's title asserts; 0 for none."""
        title = read_title(self._titles[code])
        words = title.asserts | title.either
        values = {
            "laterality": next((side for side in ("bilateral", "right", "left") if side in words), ""),
            "acuity": " on ".join(word for word in _ACUTE_ON_CHRONIC if word in words),
            "severity": next((word for word in ("severe", "moderate", "mild") if word in words), ""),
            "encounter": next(
                (phase for phase in AXES["encounter"][1:] if title.encounter.startswith(phase)), ""
            ),
            "trimester": next(
                (f"{word} trimester" for word in ("first", "second", "third") if word in words), ""
            )
            if "trimester" in words
            else "",
            "complication": "complication" if " with " in f" {self._titles[code].lower()} " else "",
        }
        return [AXES[axis].index(value) for axis, value in values.items()]
