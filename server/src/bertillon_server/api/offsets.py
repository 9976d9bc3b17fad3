"""Offsets in the unit that a caller counts in, to and from code points.

Prepared once per text in linear time. ASCII text, where all units agree, needs no table; other text gets one of
`n + 1` offsets, indexed one way and searched the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bertillon.coding.v1.types_pb2 import (
    OFFSET_UNIT_CODE_POINTS,
    OFFSET_UNIT_UNSPECIFIED,
    OFFSET_UNIT_UTF8_BYTES,
    OFFSET_UNIT_UTF16_UNITS,
)
from bertillon_server.coding.spans import Span


class OffsetMap:
    """Converts spans of one text between code points and a caller's unit.

    `unit` is a value of the contract's OffsetUnit; an unspecified one means code points. Raises
    ValueError for a unit that the contract does not have, as an open enum may carry one.
    Holds no reference to the text.
    """

    def __init__(self, text: str, unit: int) -> None:
        if unit not in (
            OFFSET_UNIT_UNSPECIFIED,
            OFFSET_UNIT_CODE_POINTS,
            OFFSET_UNIT_UTF8_BYTES,
            OFFSET_UNIT_UTF16_UNITS,
        ):
            raise ValueError("the offset unit is not one of the contract's")
        counts_points = unit in (OFFSET_UNIT_UNSPECIFIED, OFFSET_UNIT_CODE_POINTS)
        self._length = len(text)
        self._starts: npt.NDArray[np.int64] | None = None
        if not counts_points and not text.isascii():
            self._starts = _starts(text, utf8=unit == OFFSET_UNIT_UTF8_BYTES)

    @property
    def size(self) -> int:
        """Length of the text in the caller's unit."""
        return self._length if self._starts is None else int(self._starts[-1])

    def from_code_points(self, span: Span) -> tuple[int, int]:
        """Return `(start, end)` of a span of the text in the caller's unit."""
        if self._starts is None:
            return span.start, span.end
        return int(self._starts[span.start]), int(self._starts[span.end])

    def to_code_points(self, start: int, end: int) -> Span:
        """Return the span that `[start, end)` in the caller's unit means.

        Raises ValueError when an offset is outside the text or inside a character, or when the end comes before
        the start.
        """
        if not 0 <= start <= end <= self.size:
            raise ValueError(f"the span [{start}, {end}) does not lie within the text of {self.size} units")
        if self._starts is None:
            return Span(start, end)
        return Span(self._point(self._starts, start), self._point(self._starts, end))

    @staticmethod
    def _point(starts: npt.NDArray[np.int64], offset: int) -> int:
        point = int(np.searchsorted(starts, offset))
        if int(starts[point]) != offset:
            raise ValueError(f"the offset {offset} lies inside a character")
        return point


def _starts(text: str, *, utf8: bool) -> npt.NDArray[np.int64]:
    """Return where each code point starts, and the length: shape `[n + 1]`, in bytes or UTF-16 units."""
    # An encoding error would carry the text; a protobuf string has no surrogates, so that nothing is let pass.
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    widths = np.ones(len(points), dtype=np.int64)
    widths += points > 0xFFFF
    if utf8:
        widths += points > 0x7F
        widths += points > 0x7FF
    starts = np.zeros(len(points) + 1, dtype=np.int64)
    np.cumsum(widths, out=starts[1:])
    return starts
