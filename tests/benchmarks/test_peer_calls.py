"""What goes over the wire to peers, against servers of a few lines."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from benchmarks.load.outcomes import Outcome
from benchmarks.peers.callers import CallFailedError, HttpCaller
from benchmarks.peers.wire import text_of_reply, text_request
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

CODED = [["E11.9", [[0, 8]]]]
# The tags of length-delimited fields 5, 6, 7 and 8.
OUTPUTS, RAW_OUTPUT, RAW_INPUT, BYTES = b"\x2a", b"\x32", b"\x3a", b"\x42"


@asynccontextmanager
async def http_server(status: int, reply: object) -> AsyncIterator[tuple[int, list[bytes], list[object]]]:
    """Answer every POST alike; yields the port, the bodies that came and the connections that they came on."""
    bodies: list[bytes] = []
    connections: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            bodies.append(await reader.readexactly(length))
            connections.append(writer.get_extra_info("peername"))
            body = json.dumps(reply).encode()
            writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(until_closed, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], bodies, connections


async def test_a_note_goes_as_the_body_and_connections_are_kept() -> None:
    async with http_server(200, CODED) as (port, bodies, _):
        caller = HttpCaller(port, "/code")
        assert await caller.code("Diabetes – typ 2") == (("E11.9", ((0, 8),)),)
        assert await caller.outcome(caller.request("again")) is Outcome.OK
        assert bodies == ["Diabetes – typ 2".encode(), b"again"]
        await caller.close()


async def test_connections_take_turns_so_that_none_has_all_calls_of_a_caller_who_is_alone() -> None:
    async with http_server(200, CODED) as (port, _, connections):
        caller = HttpCaller(port, "/code")
        request = caller.request("Diabetes")
        await asyncio.gather(*(caller.send(request) for _ in range(2)))
        for _ in range(4):
            await caller.send(request)
        await caller.close()
    assert len(set(connections)) == 2
    assert connections[2:4] == connections[4:6]
    assert connections[2] != connections[3]


async def test_an_envelope_carries_a_note_and_its_codes() -> None:
    async with http_server(200, {"coded": json.dumps(CODED)}) as (port, bodies, _):
        caller = HttpCaller(port, "/predict", envelope=True)
        assert await caller.code("Diabetes") == (("E11.9", ((0, 8),)),)
        assert json.loads(bodies[0]) == {"text": "Diabetes"}
        await caller.close()


async def test_a_refusal_is_no_answer() -> None:
    async with http_server(503, {}) as (port, _, _):
        caller = HttpCaller(port, "/code")
        with pytest.raises(CallFailedError, match="503"):
            await caller.code("Diabetes")
        assert await caller.outcome(caller.request("Diabetes")) is Outcome.ERROR
        await caller.close()


@given(st.text(min_size=1))
def test_the_v2_protocol_carries_any_text_in_both_forms(text: str) -> None:
    content = text.encode("utf-8", errors="replace")
    text = content.decode()
    raw = struct.pack("<I", len(content)) + content
    assert text_request(text, raw=True).endswith(_field(RAW_INPUT, raw))
    assert _field(BYTES, content) in text_request(text, raw=False)
    assert text_of_reply(_field(RAW_OUTPUT, raw)) == content
    assert text_of_reply(_field(OUTPUTS, _field(b"\x2a", _field(BYTES, content)))) == content


def _field(tag: bytes, content: bytes) -> bytes:
    """Return a length-delimited field, its length borrowed from a message that has one such field."""
    length = len(content)
    varint = bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return tag + bytes([*varint, length]) + content


def test_the_fields_of_this_test_are_those_of_protobuf() -> None:
    assert _field(b"\x0a", b"x" * 300) == StringValue(value="x" * 300).SerializeToString()
