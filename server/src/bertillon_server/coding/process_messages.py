"""What two processes of one server send each other through a pair of sockets: pickles, each after its length."""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Callable

_LENGTH = struct.Struct("<I")


def write_message(message: object) -> bytes:
    """Return a message as it travels."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def read_message(read: Callable[[int], bytes]) -> object:
    """Read a message from a blocking stream; raises EOFError at its end."""
    head = read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    body = read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)  # noqa: S301 - from the server's own process, through a pair of sockets


async def receive(reader: asyncio.StreamReader) -> object:
    """Read a message from a stream of the event loop; raises asyncio.IncompleteReadError at its end."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))  # noqa: S301 - from the server's own process
