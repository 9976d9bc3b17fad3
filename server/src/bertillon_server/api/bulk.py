"""Many notes on one stream: bounded, told apart by the caller's ids, each answered on its own.

A note takes one of a fixed number of places before it is read from the stream and gives it back with its
last event written, so that the flow control of HTTP/2 reaches from a client that does not read to its own
sending side, and nothing piles up in between.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Protocol

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.api.context import RequestStream
from bertillon_server.api.errors import InvalidRequestError, MalformedMessageError, Reason, failure_of
from bertillon_server.api.events import note_events
from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import RequestValidator, ValidNote
from bertillon_server.inference.call import Call
from bertillon_server.inference.errors import DrainingError


class BugReporter(Protocol):
    """Is told of errors that the vocabulary does not foresee."""

    def report_bug(self, request_id: str, error: Exception) -> None:
        """Take note of a bug met in a call."""


class BulkStream:
    """One `CodeNotes` call."""

    def __init__(
        self,
        *,
        coder: NoteCoder,
        validator: RequestValidator,
        call: Call,
        notes_in_flight: int,
        draining: asyncio.Event,
        request_id: str,
        bugs: BugReporter,
    ) -> None:
        self._coder = coder
        self._validator = validator
        self._call = call
        self._draining = draining
        self._request_id = request_id
        self._bugs = bugs
        self._places = asyncio.Semaphore(notes_in_flight)
        self._ids: set[str] = set()
        self._outbox: asyncio.Queue[pb.CodeNotesResponse | Exception | None] = asyncio.Queue(notes_in_flight)

    async def responses(
        self, requests: RequestStream[pb.CodeNotesRequest]
    ) -> AsyncGenerator[pb.CodeNotesResponse, None]:
        """Yield the events of all notes as they come; closing the generator ends everything behind it.

        Raises `DrainingError` after the last event when the server stops before the client does.
        """
        reading = asyncio.create_task(self._read(requests))
        try:
            while (item := await self._outbox.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def _read(self, requests: RequestStream[pb.CodeNotesRequest]) -> None:
        """Take notes while there are places; at the end put None, or what ended the stream."""
        end: Exception | None = None
        stopping = asyncio.create_task(self._draining.wait())
        try:
            async with asyncio.TaskGroup() as notes:
                try:
                    async with aclosing(self._taken(requests, stopping)) as taken:
                        async for valid in taken:
                            notes.create_task(self._code(valid))
                except Exception as error:  # noqa: BLE001 - raised again by `responses`, after the last event
                    end = error
        finally:
            stopping.cancel()
        await self._outbox.put(end)

    async def _taken(
        self, requests: RequestStream[pb.CodeNotesRequest], stopping: asyncio.Task[bool]
    ) -> AsyncGenerator[ValidNote, None]:
        """Yield the valid notes of the stream, each holding a place; answer the others."""
        for position in itertools.count(1):
            await self._places.acquire()
            note_id = ""
            try:
                request = await _next(requests, stopping)
                if request is None:
                    return
                note_id = request.note.note_id
                valid = self._validator.bulk_request(request, self._ids)
            except MalformedMessageError as error:
                # No id could be read: the message is told by its position.
                await self._refuse(note_id, error, prefix=f"message {position} of the stream: ")
            except InvalidRequestError as error:
                await self._refuse(note_id, error)
            else:
                self._ids.add(note_id)
                yield valid
                continue
            self._places.release()

    async def _code(self, valid: ValidNote) -> None:
        try:
            async with aclosing(note_events(self._coder, valid, self._call)) as events:
                async for event in events:
                    if event.summary is not None:
                        # The caller may use the id again as soon as it has the summary.
                        self._ids.discard(valid.note_id)
                    await self._outbox.put(
                        pb.CodeNotesResponse(
                            note_id=valid.note_id,
                            outline=event.outline,
                            section=event.section,
                            summary=event.summary,
                        )
                    )
        except Exception as error:  # noqa: BLE001 - the stream goes on whatever one note meets
            self._ids.discard(valid.note_id)
            await self._refuse(valid.note_id, error)
        finally:
            self._places.release()

    async def _refuse(self, note_id: str, error: Exception, prefix: str = "") -> None:
        failure = failure_of(error, self._request_id)
        if failure.reason is Reason.INTERNAL:
            self._bugs.report_bug(self._request_id, error)
        event = pb.CodeNotesResponse(note_id=note_id, error=failure.note_error())
        event.error.message = prefix + event.error.message
        await self._outbox.put(event)


async def _next(
    requests: RequestStream[pb.CodeNotesRequest], stopping: asyncio.Task[bool]
) -> pb.CodeNotesRequest | None:
    """Return the next message, None at the end; raises `DrainingError` when the server stops first."""
    reading = asyncio.ensure_future(anext(requests, None))
    try:
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise DrainingError
        return reading.result()
    finally:
        reading.cancel()
