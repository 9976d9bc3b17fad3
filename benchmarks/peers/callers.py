"""How each server is called: asynchronous, one call for a note, with as little in between as can be.

All of them return the same: the codes of the note and the spans of their evidence.
"""

from __future__ import annotations

import asyncio
import json
from typing import Protocol

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from benchmarks.peers.equality import Coded, coded_from_json
from benchmarks.peers.wire import METHOD, text_of_reply, text_request
from bertillon import AsyncBertillon, EncounterSummary, Note

DATE = "2026-05-11"
"""The date of service of every note that is measured; the same as in `servers.note_job`."""
RAY_METHOD = "/bertillon.peers.Coding/Code"
HTTP_OK = 200


class CallFailedError(Exception):
    """A server answered, and not with a result; the message has the status alone."""


class Caller(Protocol):
    """A connection to a server, for the event loop it was made in; calls may overlap."""

    async def code(self, text: str) -> Coded:
        """Have a note coded."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class OurCaller:
    """Calls `CodeNote` of our server with our client."""

    def __init__(self, target: str) -> None:
        self._client = AsyncBertillon(target)

    async def code(self, text: str) -> Coded:
        """Have a note coded; every event of the stream is received, the summary is returned."""
        coded: Coded = ()
        async for event in self._client.code_note(Note(text=text, date_of_service=DATE)):
            if isinstance(event, EncounterSummary):
                coded = coded_of(event)
        return coded

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def coded_of(summary: EncounterSummary) -> Coded:
    """Return the codes and spans of a summary."""
    return tuple(
        (item.code.code, tuple((ref.evidence.span.start, ref.evidence.span.end) for ref in item.evidence))
        for item in summary.codes
    )


class HttpCaller:
    """POSTs a note over HTTP/1.1 on connections that are kept.

    `envelope` sends and expects a JSON object, as LitServe wants it; otherwise the note is the body.
    """

    def __init__(self, port: int, path: str, *, envelope: bool = False) -> None:
        self._port, self._path, self._envelope = port, path, envelope
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def code(self, text: str) -> Coded:
        """Have a note coded; raises CallFailedError for another status than 200."""
        body = json.dumps({"text": text}).encode() if self._envelope else text.encode()
        kind = "application/json" if self._envelope else "text/plain; charset=utf-8"
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(
                f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            status, reply = await _reply(reader)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        if status != HTTP_OK:
            raise CallFailedError(f"HTTP status {status}")
        return coded_from_json(json.loads(reply)["coded"] if self._envelope else reply)

    async def close(self) -> None:
        """Close the connections that are not in use."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one reply that states its length, and return its status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in head[1:])}
    return int(head[0].split()[1]), await reader.readexactly(int(fields[b"content-length"]))


class RayCaller:
    """Calls Ray Serve's gRPC proxy."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._call = self._channel.unary_unary(
            RAY_METHOD,
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )

    async def code(self, text: str) -> Coded:
        """Have a note coded."""
        reply = await self._call(StringValue(value=text), metadata=(("application", "coding"),))
        return coded_from_json(reply.value)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


class V2Caller:
    """Calls a server of the V2 inference protocol; `raw` says how it takes contents."""

    def __init__(self, port: int, *, raw: bool) -> None:
        self._raw = raw
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._call = self._channel.unary_unary(METHOD)

    async def code(self, text: str) -> Coded:
        """Have a note coded."""
        return coded_from_json(text_of_reply(await self._call(text_request(text, raw=self._raw))))

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()
