"""How each server is called: bytes out, bytes in, so that whoever calls computes little and the same for all.

Requests are made before they are due, and replies are read only where answers are compared.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from benchmarks.load.outcomes import Outcome
from benchmarks.peers.equality import Coded, coded_from_json
from benchmarks.peers.wire import METHOD, text_of_reply, text_request
from bertillon import Note
from bertillon.coding.v1.coding_service_pb2 import CodeNoteRequest, CodeNoteResponse

DATE = "2026-05-11"
"""The date of service of every note that is measured; the same as in `servers.note_job`."""
TIMEOUT_S = 60.0
"""Long against what any note takes with as many under way as are, on a busy machine too."""
OFFERED_TIMEOUT_S = 10.0
"""Long against any objective, short against a run: of what is offered, what takes longer is given up."""
CONNECTIONS = 4
"""Channels of gRPC, since one carries a limited number of calls at a time. HTTP opens one for each call under way."""
_OUR_METHOD = "/bertillon.coding.v1.CodingService/CodeNote"
_RAY_METHOD = "/bertillon.peers.Coding/Code"
_RAY_APPLICATION = (("application", "coding"),)
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
]
_HTTP_OK = 200


class CallFailedError(Exception):
    """A server answered, and not with a result; the message has the status alone."""


FAILURES = (OSError, asyncio.IncompleteReadError, grpc.RpcError, CallFailedError, TimeoutError)
"""What a call may raise."""


class Caller(ABC):
    """Connections to a server, for the event loop they were made in; calls may overlap."""

    @abstractmethod
    def request(self, text: str) -> bytes:
        """Return the request to code a note."""

    @abstractmethod
    async def send(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Sequence[bytes]:
        """Send a request and return the messages of the reply; raises one of FAILURES."""

    @abstractmethod
    def coded(self, reply: Sequence[bytes]) -> Coded:
        """Read a reply."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def code(self, text: str) -> Coded:
        """Have a note coded and read the reply."""
        return self.coded(await self.send(self.request(text)))

    async def outcome(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Send a request and say how it ended, as the load generator counts it."""
        try:
            await asyncio.wait_for(self.send(request, timeout_s), timeout_s)
        except TimeoutError:
            return Outcome.DEADLINE
        except FAILURES:
            return Outcome.ERROR
        return Outcome.OK


class GrpcCaller(Caller):
    """Calls over a few channels in turn."""

    def __init__(self, target: str) -> None:
        self._channels = [grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(CONNECTIONS)]
        self._calls: Iterator[Any] = itertools.cycle([self._method(channel) for channel in self._channels])

    @abstractmethod
    def _method(self, channel: grpc.aio.Channel) -> Any:  # noqa: ANN401 - grpcio's callables share no type
        """Return the method that is called."""

    async def send(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Sequence[bytes]:
        """Send a request and return the one message of the reply."""
        return [await next(self._calls)(request, timeout=timeout_s)]

    async def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            await channel.close()


class OurCaller(GrpcCaller):
    """Calls `CodeNote` of our server."""

    def _method(self, channel: grpc.aio.Channel) -> Any:  # noqa: ANN401
        return channel.unary_stream(_OUR_METHOD)

    def request(self, text: str) -> bytes:
        """Return the request to code a note."""
        return CodeNoteRequest(note=Note(text=text, date_of_service=DATE)).SerializeToString()

    async def send(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Sequence[bytes]:
        """Send a request and return every event of the stream."""
        return [event async for event in next(self._calls)(request, timeout=timeout_s)]

    def coded(self, reply: Sequence[bytes]) -> Coded:
        """Read the summary, which is the last event."""
        summary = CodeNoteResponse.FromString(reply[-1]).summary
        return tuple(
            (item.code.code, tuple((ref.evidence.span.start, ref.evidence.span.end) for ref in item.evidence))
            for item in summary.codes
        )


class RayCaller(GrpcCaller):
    """Calls Ray Serve's gRPC proxy."""

    def __init__(self, port: int) -> None:
        super().__init__(f"127.0.0.1:{port}")

    def _method(self, channel: grpc.aio.Channel) -> Any:  # noqa: ANN401
        return channel.unary_unary(_RAY_METHOD)

    def request(self, text: str) -> bytes:
        """Return the request to code a note."""
        return StringValue(value=text).SerializeToString()

    async def send(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Sequence[bytes]:
        """Send a request and return the one message of the reply."""
        return [await next(self._calls)(request, timeout=timeout_s, metadata=_RAY_APPLICATION)]

    def coded(self, reply: Sequence[bytes]) -> Coded:
        """Read a reply."""
        return coded_from_json(StringValue.FromString(reply[0]).value)


class V2Caller(GrpcCaller):
    """Calls a server of the V2 inference protocol; `raw` says how it takes contents."""

    def __init__(self, port: int, *, raw: bool) -> None:
        self._raw = raw
        super().__init__(f"127.0.0.1:{port}")

    def _method(self, channel: grpc.aio.Channel) -> Any:  # noqa: ANN401
        return channel.unary_unary(METHOD)

    def request(self, text: str) -> bytes:
        """Return the request to code a note."""
        return text_request(text, raw=self._raw)

    def coded(self, reply: Sequence[bytes]) -> Coded:
        """Read a reply."""
        return coded_from_json(text_of_reply(reply[0]))


class HttpCaller(Caller):
    """POSTs a note over HTTP/1.1 on connections that are kept, the one that has been idle for longest first.

    A connection stays with the process of the server that took it: were the last one used again, a caller who is
    alone would always meet the same process. `envelope` sends and expects a JSON object, as LitServe wants it;
    otherwise the note is the body.
    """

    def __init__(self, port: int, path: str, *, envelope: bool = False) -> None:
        self._port, self._path, self._envelope = port, path, envelope
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    def request(self, text: str) -> bytes:
        """Return the request to code a note."""
        body = json.dumps({"text": text}).encode() if self._envelope else text.encode()
        kind = "application/json" if self._envelope else "text/plain; charset=utf-8"
        head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def send(self, request: bytes, timeout_s: float = TIMEOUT_S) -> Sequence[bytes]:  # noqa: ARG002
        """Send a request and return the body of the reply; raises CallFailedError for a status other than 200.

        HTTP tells a server no deadline.
        """
        while self._idle:
            try:
                return await self._exchange(*self._idle.popleft(), request)
            except (ConnectionError, asyncio.IncompleteReadError):
                continue  # closed by the server after it was idle for long, as any client must expect
        return await self._exchange(*await asyncio.open_connection("127.0.0.1", self._port), request)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> Sequence[bytes]:
        try:
            writer.write(request)
            status, body = await _reply(reader)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        if status != _HTTP_OK:
            raise CallFailedError(f"HTTP status {status}")
        return [body]

    def coded(self, reply: Sequence[bytes]) -> Coded:
        """Read a reply."""
        return coded_from_json(json.loads(reply[0])["coded"] if self._envelope else reply[0])

    async def close(self) -> None:
        """Close the connections, none of which is in use."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one reply that states its length, and return its status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in head[1:])}
    return int(head[0].split()[1]), await reader.readexactly(int(fields[b"content-length"]))
