"""Threads that call the encoder, and the hand-over to them.

The event loop owns the queue and forms every batch; a worker only takes a finished batch and gives back its
outcome. Batches are *staged* in a `SimpleQueue` up to one ahead of each worker, so that a worker that is done
goes on at once instead of waiting for the loop's turn and, twice, for the interpreter lock (5 ms a switch when
other threads compute). That is worth 1 % of throughput on a quiet process and 3 to 5 % with one thread
computing (`benchmarks/scenarios/scheduler.py`, with and without), and unlike workers that pull from the queue it
leaves the state to one owner. What is staged is provisional: until a worker takes it the loop takes it back when
something changes (more urgent work, company of the same length, a cancellation). A `get` decides who has it,
so there is nothing to lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.batching import Batch
from bertillon_server.inference.pending import Encoding
from bertillon_server.inference.threads import stand_back


class WindowEncoder(Protocol):
    """What reads windows. Thread-safe, blocking, and without the interpreter lock at work."""

    def encode(self, ids: NDArray[np.int64], /) -> Encoding:
        """Return what it says of each row, [rows, ...], for token ids [rows, length]."""


class EncodingFailedError(RuntimeError):
    """The encoder raised, or returned not as many rows as it was given; the cause is chained."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch."""

    batch: Batch
    span: tuple[float, float]
    """When the encoder began and ended, in seconds of the clock."""
    rows: Encoding | None
    """[rows, ...]; None if the batch expired before it was begun, or failed."""
    processor_s: float = 0.0
    """Seconds of processor time that the encoder took."""
    error: BaseException | None = None
    """What the encoder raised."""


class WorkerPool:
    """Threads that encode what is staged and report each outcome on the event loop.

    One more than `workers` encodes what is staged as urgent, and nothing else: a call of the encoder with bulk
    windows takes some 20 ms and cannot be interrupted, but shares its core with another thread.
    """

    def __init__(
        self,
        encoder: WindowEncoder,
        *,
        workers: int,
        clock: Callable[[], float],
        report: Callable[[Outcome], None],
    ) -> None:
        self._encoder = encoder
        self._clock = clock
        self._report = report
        self._staged: SimpleQueue[Batch | None] = SimpleQueue()
        self._urgent: SimpleQueue[Batch | None] = SimpleQueue()
        self._count = workers
        self._running = 0
        self._gone = asyncio.Event()

    def start(self) -> None:
        """Start the threads; the loop that runs now gets the outcomes."""
        loop = asyncio.get_running_loop()
        self._running = self._count + 1
        for number in range(self._count):
            # Daemons: an encoder that never returns must not keep the process from leaving.
            threading.Thread(
                target=self._work_back, args=(loop,), name=f"bertillon-encoder-{number}", daemon=True
            ).start()
        threading.Thread(
            target=self._work, args=(loop, self._urgent), name="bertillon-encoder-urgent", daemon=True
        ).start()

    def stage(self, batch: Batch) -> None:
        """Leave a batch for the next free worker."""
        self._staged.put(batch)

    def stage_urgent(self, batch: Batch) -> None:
        """Leave a batch for the worker kept for urgent ones; it is not taken back."""
        self._urgent.put(batch)

    def take_back(self) -> list[Batch]:
        """Return what no worker has taken yet, in the order staged; it is the caller's again."""
        batches: list[Batch] = []
        with contextlib.suppress(Empty):
            while (batch := self._staged.get_nowait()) is not None:
                batches.append(batch)
        return batches

    async def close(self, wait_s: float) -> bool:
        """End the threads once they are done with what they run; false if some still ran after `wait_s`."""
        for _ in range(self._count):
            self._staged.put(None)
        self._urgent.put(None)
        if self._running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), wait_s)
        return self._running == 0

    def _work_back(self, loop: asyncio.AbstractEventLoop) -> None:
        stand_back()
        self._work(loop, self._staged)

    def _work(self, loop: asyncio.AbstractEventLoop, staged: SimpleQueue[Batch | None]) -> None:
        # The loop may be closed before a call that outlived the grace period returns: nobody waits then.
        with contextlib.suppress(RuntimeError):
            while (batch := staged.get()) is not None:
                loop.call_soon_threadsafe(self._report, self._encode(batch))
                del batch  # an idle worker keeps no note's tokens alive
            loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._running -= 1
        if not self._running:
            self._gone.set()

    def _encode(self, batch: Batch) -> Outcome:
        started = self._clock()
        if batch.useful_until <= started:
            return Outcome(batch, (started, started), None)
        spent = time.thread_time()
        try:
            rows = one_per_row(self._encoder.encode(batch.ids()), len(batch.windows))
        except BaseException as error:  # noqa: BLE001 - whatever it is fails this batch; the worker lives on
            return Outcome(batch, (started, self._clock()), None, error=error)
        return Outcome(batch, (started, self._clock()), rows, time.thread_time() - spent)


def one_per_row(encoding: Encoding, rows: int) -> Encoding:
    """Return what an encoder gave for so many rows; raises ValueError when it is for others."""
    if encoding.ndim < 2 or encoding.shape[0] != rows:
        raise ValueError(f"an array of shape {encoding.shape} for {rows} windows")
    return encoding
