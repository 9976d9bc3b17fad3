"""Whether the positions in a reply are right: every span of every message, found by its type."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from bertillon import Evidence, OffsetUnit, Outline

UNITS = {
    "code points": OffsetUnit.OFFSET_UNIT_CODE_POINTS,
    "UTF-8 bytes": OffsetUnit.OFFSET_UNIT_UTF8_BYTES,
    "UTF-16 units": OffsetUnit.OFFSET_UNIT_UTF16_UNITS,
}
"""The units of the contract by the name that is shown."""


class Ruler:
    """Measures one text in one unit, by encoding it: slowly, and by another way than the server's."""

    def __init__(self, text: str, unit: OffsetUnit.ValueType) -> None:
        self._codec, self._width = {
            OffsetUnit.OFFSET_UNIT_UTF8_BYTES: ("utf-8", 1),
            OffsetUnit.OFFSET_UNIT_UTF16_UNITS: ("utf-16-le", 2),
        }.get(unit, ("utf-32-le", 4))
        self._encoded = text.encode(self._codec)

    @property
    def length(self) -> int:
        """Length of the text in the unit."""
        return len(self._encoded) // self._width

    def cut(self, start: int, end: int) -> str | None:
        """Return `text[start:end]`, None where that is no piece of the text."""
        if not 0 <= start <= end <= self.length:
            return None
        try:
            return self._encoded[start * self._width : end * self._width].decode(self._codec)
        except UnicodeDecodeError:
            return None

    def is_right(self, evidence: Evidence) -> bool:
        """Whether a piece of evidence quotes what stands at its span, and something at all."""
        return evidence.quote != "" and self.cut(evidence.span.start, evidence.span.end) == evidence.quote

    def is_tiled(self, outline: Outline) -> bool:
        """Whether the sections lose no character and have none twice."""
        edges = [0, *(section.span.end for section in outline.sections)]
        starts = [section.span.start for section in outline.sections]
        return starts == edges[:-1] and edges[-1] == self.length


def evidence_in(message: Message) -> Iterator[Evidence]:
    """Yield every piece of evidence within a message, however deep."""
    if isinstance(message, Evidence):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for item in [value] if isinstance(value, Message) else value:
            yield from evidence_in(item)
