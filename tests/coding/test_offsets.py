from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon.coding.v1 import types_pb2
from bertillon_server.api.offsets import OffsetMap
from bertillon_server.coding.spans import Span

POINTS = types_pb2.OFFSET_UNIT_CODE_POINTS
BYTES = types_pb2.OFFSET_UNIT_UTF8_BYTES
UNITS = types_pb2.OFFSET_UNIT_UTF16_UNITS

texts = st.text(max_size=60) | st.text(alphabet="aé\u0301שم😀\u200d\x00\r\n\u00a0", max_size=60)


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, Span]:
    text = draw(texts)
    start = draw(st.integers(0, len(text)))
    return text, Span(start, draw(st.integers(start, len(text))))


def quoted(text: str, unit: int, start: int, end: int) -> str:
    if unit == BYTES:
        return text.encode()[start:end].decode()
    if unit == UNITS:
        return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")
    return text[start:end]


@pytest.mark.parametrize("unit", [types_pb2.OFFSET_UNIT_UNSPECIFIED, POINTS, BYTES, UNITS])
@given(case=spans())
def test_the_encoded_text_at_the_converted_offsets_is_the_quote_and_converts_back(
    unit: int, case: tuple[str, Span]
) -> None:
    text, span = case
    offsets = OffsetMap(text, unit)

    start, end = offsets.from_code_points(span)

    assert quoted(text, unit, start, end) == span.of(text)
    assert offsets.to_code_points(start, end) == span


@given(text=texts)
def test_size_is_the_length_of_the_encoded_text(text: str) -> None:
    assert OffsetMap(text, POINTS).size == len(text)
    assert OffsetMap(text, BYTES).size == len(text.encode())
    assert OffsetMap(text, UNITS).size == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "unit", "inside"),
    [("né", BYTES, 2), ("😀", BYTES, 1), ("😀", BYTES, 3), ("😀", UNITS, 1), ("a€b", BYTES, 2)],
)
def test_an_offset_inside_a_character_is_refused_without_quoting_the_text(
    text: str, unit: int, inside: int
) -> None:
    offsets = OffsetMap(text, unit)

    with pytest.raises(ValueError, match="inside a character") as refused:
        offsets.to_code_points(0, inside)

    assert text not in str(refused.value)
    with pytest.raises(ValueError, match="inside a character"):
        offsets.to_code_points(inside, offsets.size)


@pytest.mark.parametrize("unit", [POINTS, BYTES, UNITS])
@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 99), (2, 1), (99, 99)])
@pytest.mark.parametrize("text", ["abc", "äöü"])
def test_offsets_out_of_range_or_out_of_order_are_refused(text: str, start: int, end: int, unit: int) -> None:
    with pytest.raises(ValueError, match="does not lie within"):
        OffsetMap(text, unit).to_code_points(start, end)


def test_a_unit_that_the_contract_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="unit"):
        OffsetMap("abc", 17)
