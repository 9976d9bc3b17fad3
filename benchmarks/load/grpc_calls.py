"""Requests to a Bertillon as the generator sends them: bytes out, bytes in, so that the generator computes little.

Messages are serialised before they are due and replies are not parsed; a call counts as answered when its stream
ended with OK. Several connections are used, since a connection carries a limited number of calls at a time and a call
that waits for its turn in the client is none that the server saw.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc

from benchmarks.load.outcomes import Outcome, outcome_of
from bertillon.coding.v1.coding_service_pb2 import CodeNoteRequest, CodeNotesRequest, CodeSectionRequest, Note

CONNECTIONS = 4
TIMEOUT_S = 10.0
"""Long against any objective, short against a run: what takes longer counts as not answered."""
DATE = "2026-05-11"
"""Within the release that is served, so that no reply carries a notice."""

_SERVICE = "/bertillon.coding.v1.CodingService/"
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
]


def note_requests(texts: Sequence[str]) -> list[bytes]:
    """Return the serialised requests of CodeNote for texts."""
    return [
        CodeNoteRequest(note=Note(note_id=str(n), text=text, date_of_service=DATE)).SerializeToString()
        for n, text in enumerate(texts)
    ]


def bulk_requests(texts: Iterable[str]) -> Iterator[bytes]:
    """Yield the serialised requests of one stream of CodeNotes; each is made when it is asked for."""
    for n, text in enumerate(texts):
        note = Note(note_id=str(n), text=text, date_of_service=DATE)
        yield CodeNotesRequest(note=note).SerializeToString()


def section_requests(texts: Sequence[str]) -> list[bytes]:
    """Return the serialised requests of CodeSection for texts."""
    return [CodeSectionRequest(text=text, date_of_service=DATE).SerializeToString() for text in texts]


class Caller:
    """Makes calls over a few connections in turn."""

    def __init__(self, channels: Sequence[grpc.aio.Channel], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._notes: Iterator[Any] = itertools.cycle(
            [channel.unary_stream(f"{_SERVICE}CodeNote") for channel in channels]
        )
        self._bulk: Iterator[Any] = itertools.cycle(
            [channel.stream_stream(f"{_SERVICE}CodeNotes") for channel in channels]
        )
        self._sections: Iterator[Any] = itertools.cycle(
            [channel.unary_unary(f"{_SERVICE}CodeSection") for channel in channels]
        )

    async def note(self, request: bytes) -> Outcome:
        """Code a note, read the reply to its end and return how it ended."""
        try:
            await self.note_or_raise(request)
        except grpc.RpcError as error:
            return outcome_of(error)
        return Outcome.OK

    async def note_or_raise(self, request: bytes) -> None:
        """Code a note and read the reply to its end. Raises the call's error."""
        async for _ in next(self._notes)(request, timeout=self._timeout_s):
            pass

    async def bulk(self, requests: Iterable[bytes]) -> None:
        """Code notes on one stream of CodeNotes, read to its end. Raises the call's error."""
        async for _ in next(self._bulk)(_sent(requests)):
            pass

    async def section(self, request: bytes) -> Outcome:
        """Code a section."""
        try:
            await next(self._sections)(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            return outcome_of(error)
        return Outcome.OK


@asynccontextmanager
async def calling(
    target: str, *, connections: int = CONNECTIONS, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[Caller]:
    """Connect to a server at `host:port`; the connections are open when the block begins."""
    channels = [grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(connections)]
    try:
        for channel in channels:
            await channel.channel_ready()
        yield Caller(channels, timeout_s)
    finally:
        for channel in channels:
            await channel.close()


async def _sent(requests: Iterable[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
