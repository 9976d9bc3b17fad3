"""The call as gRPC hands it to a servicer: its id, its deadline, its stream of requests."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Generic, TypeAlias, TypeVar

import grpc

from bertillon_server.inference.call import Call, Priority

REQUEST_ID_KEY: Final = "x-request-id"

# What is taken over into logs: no blanks, no controls, not long enough to hold a sentence.
_SANE_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id")

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Request = TypeVar("Request")


def request_id_of(context: Context) -> str:
    """Return the caller's request id if it is fit for a log, else a new one of 16 hexadecimal digits."""
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_KEY and isinstance(value, str) and _SANE_REQUEST_ID.fullmatch(value):
            return value
    return secrets.token_hex(8)


def named(request_id: str) -> str:
    """Give the call that the present task answers its id; returns it."""
    _REQUEST_ID.set(request_id)
    return request_id


def request_id() -> str:
    """Return the id of the call that the present task answers. Raises LookupError where it has none."""
    return _REQUEST_ID.get()


def call_of(context: Context, priority: Priority) -> Call:
    """Return the place in the queue and the deadline of a call."""
    remaining: float | None = context.time_remaining()
    return Call(priority, None if remaining is None else time.monotonic() + remaining)


class RequestStream(Generic[Request]):
    """The messages of a client's stream, read one by one as they are asked for.

    A message that cannot be parsed raises what the parser raises; the stream can be read on after it.
    """

    def __init__(self, context: Context, parse: Callable[[bytes], Request]) -> None:
        self._context = context
        self._parse = parse

    def __aiter__(self) -> RequestStream[Request]:
        return self

    async def __anext__(self) -> Request:
        raw = await self._context.read()
        if raw is grpc.aio.EOF:
            raise StopAsyncIteration
        return self._parse(raw)
