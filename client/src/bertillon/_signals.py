"""Waiting and working beside the caller, for tasks and for threads.

The two halves of the client need the same three things: a lock with a condition, a worker that runs beside
the caller, and a way to step through the caller's notes. The names differ by the word Async, which is what
the generator of the synchronous half takes away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

CallDroppedHere = asyncio.CancelledError
"""What a call of grpc.aio raises whose channel was closed under it; those of threads raise an RpcError."""


class AsyncSignal:
    """A lock for tasks, and a condition to wait for while it is held."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()

    async def __aenter__(self) -> None:
        await self._condition.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._condition.release()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until somebody notifies, at most so many seconds; the lock is held again afterwards."""
        try:
            async with asyncio.timeout(seconds):
                await self._condition.wait()
        except TimeoutError:
            pass

    def notify(self) -> None:
        """Wake everybody who waits. The lock must be held."""
        self._condition.notify_all()


class Signal:
    """A lock for threads, and a condition to wait for while it is held."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def __enter__(self) -> None:
        self._condition.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._condition.release()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until somebody notifies, at most so many seconds; the lock is held again afterwards."""
        self._condition.wait(seconds)

    def notify(self) -> None:
        """Wake everybody who waits. The lock must be held."""
        self._condition.notify_all()


class AsyncWorker:
    """A task that runs beside the caller."""

    def __init__(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        self._task = asyncio.create_task(work(), name=name)

    async def end(self) -> None:
        """Cancel the work and wait until it has let go of everything."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Worker:
    """A thread that runs beside the caller."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        # A daemon: a thread that waits in the caller's own iterator cannot be interrupted and must not
        # keep the program alive.
        threading.Thread(target=work, name=name, daemon=True).start()

    def end(self) -> None:
        """Do nothing: a thread ends by itself once the signal has told it to."""


def async_steps(items: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    """Return an asynchronous iterator over either kind of iterable."""
    if isinstance(items, AsyncIterable):
        return aiter(items)
    return _step(items)


async def _step(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item


def steps(items: Iterable[T]) -> Iterator[T]:
    """Return an iterator over the items."""
    return iter(items)
