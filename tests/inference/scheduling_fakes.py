"""Encoders that a test controls, a clock that it turns, and an observer that remembers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.call import Priority
from bertillon_server.inference.observer import ShedReason
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.workers import WindowEncoder

STUCK_S = 20.0
"""A worker that is not let go in this time raises, so that a broken test ends."""


def window(*ids: int) -> NDArray[np.int64]:
    return np.array(ids, dtype=np.int64)


def vectors_of(ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Vectors that tell the rows apart: [rows, 3]."""
    return np.stack([ids.sum(axis=1), ids[:, 0], ids[:, -1]], axis=1).astype(np.float32)


def expected(windows: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    return np.concatenate([vectors_of(one[None, :]) for one in windows])


class InstantEncoder:
    """Answers at once and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[NDArray[np.int64]] = []

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        self.batches.append(ids)
        return vectors_of(ids)


class HeldCall:
    """A call of the encoder that waits for the test."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids = ids
        self.error: BaseException | None = None
        self.gate = threading.Event()

    def answer(self) -> None:
        self.gate.set()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.gate.set()


class HeldEncoder:
    """Holds each call until the test answers it; the test awaits `begun` to know that a worker is in it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Queue[HeldCall] = asyncio.Queue()
        self._held: list[HeldCall] = []
        self._free = False
        self.batches: list[NDArray[np.int64]] = []

    async def begun(self) -> HeldCall:
        async with asyncio.timeout(STUCK_S):
            return await self._begun.get()

    def let_go(self) -> None:
        """Answer every call from now on at once."""
        self._free = True
        for call in self._held:
            call.gate.set()

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        call = HeldCall(ids)
        self._held.append(call)
        self.batches.append(ids)
        self._loop.call_soon_threadsafe(self._begun.put_nowait, call)
        if not self._free and not call.gate.wait(STUCK_S):
            raise TimeoutError
        if call.error is not None:
            raise call.error
        return vectors_of(ids)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Notes:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, Priority]] = []
        self.batches: list[tuple[int, int, int]] = []
        self.sheds: list[ShedReason] = []

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        self.waits.append((seconds, priority))

    def batch(
        self, windows: int, tokens: int, padded_tokens: int, seconds: float, processor_seconds: float
    ) -> None:
        assert seconds >= 0
        assert processor_seconds >= 0
        self.batches.append((windows, tokens, padded_tokens))

    def shed(self, reason: ShedReason) -> None:
        self.sheds.append(reason)


@asynccontextmanager
async def running(encoder: WindowEncoder, *, workers: int = 1, **settings: Any) -> AsyncIterator[Scheduler]:
    """A started scheduler that is stopped, without grace, and leaves nothing behind."""
    scheduler = Scheduler(encoder, workers=workers, **settings)
    await scheduler.start()
    try:
        yield scheduler
    finally:
        if isinstance(encoder, HeldEncoder):
            encoder.let_go()
        await scheduler.stop(0)


async def turns(count: int = 5) -> None:
    """Let everything that is ready on the loop run."""
    for _ in range(count):
        await asyncio.sleep(0)


def is_idle(scheduler: Scheduler) -> bool:
    stats = scheduler.stats()
    return not (
        sum(stats.queued_windows.values())
        + sum(stats.queued_tokens.values())
        + stats.in_flight_windows
        + stats.in_flight_tokens
        + sum(stats.admitted_tokens.values())
        + stats.admissions
        + stats.waiting_admissions
        + stats.calls
    )
