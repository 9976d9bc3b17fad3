"""What every call of the service's own methods has in common.

The interceptor stands around the servicers: it names the call, reads and writes its messages, counts, maps
whatever is raised to a status, and tells the observers. Messages are parsed and serialised here rather than
by gRPC, because gRPC answers a failing parser or servicer with the exception's own text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message

from bertillon_server.api.closing import closing
from bertillon_server.api.context import REQUEST_ID_KEY, Context, RequestStream, named, request_id_of
from bertillon_server.api.errors import Failure, MalformedMessageError, Reason, StalledClientError, failure_of
from bertillon_server.api.limits import Limits
from bertillon_server.api.record import CallObserver, CallRecord, timings_of
from bertillon_server.inference.errors import DrainingError, OverloadedError

# Health, reflection and channelz keep the handlers that gRPC ships.
OWN_METHODS: Final = "/bertillon."

# Advice to a caller that met the limit of concurrent calls: the order of a note's own time.
_CONCURRENCY_RETRY_S: Final = 0.25

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the service's own methods. Calls that arrive once `draining` is set are refused."""

    def __init__(self, limits: Limits, draining: asyncio.Event, observers: Sequence[CallObserver]) -> None:
        self._limits = limits
        self._draining = draining
        self._observers = tuple(observers)
        self._begun = 0
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def begun(self) -> int:
        """Calls that have arrived, refused ones included."""
        return self._begun

    @property
    def in_flight(self) -> int:
        """Calls begun and not ended."""
        return self._in_flight

    async def wait_idle(self) -> None:
        """Return once no call is in flight."""
        await self._idle.wait()

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Wrap the handler of a method of the service's own."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(OWN_METHODS):
            return handler
        method = handler_call_details.method
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream_stream(method, handler))
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._unary_stream(method, handler))
        return grpc.unary_unary_rpc_method_handler(self._unary_unary(method, handler))

    def _unary_unary(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - gRPC's handlers are untyped
        async def behaviour(raw: bytes, context: Context) -> bytes:
            async with self._call(method, context) as record:
                request = _parsed(handler, raw, record)
                return self._serialized(handler, await handler.unary_unary(request, context), record)

        return behaviour

    def _unary_stream(self, method: str, handler: Any) -> Any:  # noqa: ANN401
        async def behaviour(raw: bytes, context: Context) -> None:
            async with self._call(method, context) as record:
                request = _parsed(handler, raw, record)
                await self._respond(handler, handler.unary_stream(request, context), context, record)

        return behaviour

    def _stream_stream(self, method: str, handler: Any) -> Any:  # noqa: ANN401
        async def behaviour(_: object, context: Context) -> None:
            async with self._call(method, context) as record:
                requests = RequestStream(context, lambda raw: _parsed(handler, raw, record))
                await self._respond(handler, handler.stream_stream(requests, context), context, record)

        return behaviour

    async def _respond(
        self,
        handler: Any,  # noqa: ANN401
        responses: AsyncIterator[Message],
        context: Context,
        record: CallRecord,
    ) -> None:
        async with closing(responses):
            async for response in responses:
                raw = self._serialized(handler, response, record)
                try:
                    async with asyncio.timeout(self._limits.stall_s):
                        await context.write(raw)
                except TimeoutError:
                    raise StalledClientError from None

    def _serialized(self, handler: Any, response: Message, record: CallRecord) -> bytes:  # noqa: ANN401
        raw: bytes = handler.response_serializer(response)
        record.sent(response, len(raw))
        if (timings := timings_of(response)) is not None:
            for observer in self._observers:
                observer.note_coded(record.method, timings)
        return raw

    @asynccontextmanager
    async def _call(self, method: str, context: Context) -> AsyncIterator[CallRecord]:
        record = CallRecord(method, named(request_id_of(context)))
        self._begin(record)
        try:
            self._admit()
            context.set_trailing_metadata(((REQUEST_ID_KEY, record.request_id),))
            yield record
        except asyncio.CancelledError:
            expired = context.time_remaining() == 0
            record.code = grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 - the one place where errors become statuses
            # A write to a client that has just gone fails before its cancellation is delivered.
            if context.cancelled() or context.done():
                record.code = grpc.StatusCode.CANCELLED
                raise asyncio.CancelledError from None
            failure = failure_of(error, record.request_id)
            record.code, record.reason = failure.code, failure.reason.value
            if failure.reason is Reason.INTERNAL:
                self.report_bug(record.request_id, error)
            if failure.reason is Reason.CLIENT_STALLED:
                # gRPC sends the status after the message that the client does not take, perhaps never. All
                # that the call held is free by now; stopping the server does not wait for such a client.
                self._end(record)
            await _abort(context, failure)
        finally:
            if record.finished is None:
                self._end(record)

    def _admit(self) -> None:
        if self._draining.is_set():
            raise DrainingError
        if self._in_flight > self._limits.concurrent_rpcs:
            raise OverloadedError(_CONCURRENCY_RETRY_S)

    def report_bug(self, request_id: str, error: Exception) -> None:
        """Tell the observers of an error that the vocabulary does not foresee."""
        for observer in self._observers:
            observer.bug_found(request_id, error)

    def _begin(self, record: CallRecord) -> None:
        self._begun += 1
        self._in_flight += 1
        self._idle.clear()
        for observer in self._observers:
            observer.call_started(record)

    def _end(self, record: CallRecord) -> None:
        record.finished = time.monotonic()
        self._in_flight -= 1
        if self._in_flight == 0:
            self._idle.set()
        for observer in self._observers:
            observer.call_finished(record)


def _parsed(handler: Any, raw: bytes, record: CallRecord) -> Message:  # noqa: ANN401
    try:
        request: Message = handler.request_deserializer(raw)
    except DecodeError:
        record.requests += 1
        record.request_bytes += len(raw)
        raise MalformedMessageError from None
    record.received(request, len(raw))
    return request


async def _abort(context: Context, failure: Failure) -> NoReturn:
    try:
        await context.abort(failure.code, failure.message, failure.trailing_metadata())
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001 - gRPC's own error when the client has gone is not public
        raise asyncio.CancelledError from None
