"""From waiting windows to staged batches, and from outcomes to answers.

The event loop is the only owner of all that is here, so nothing is locked. `submit` puts a call's windows in
the queue; `_stage`, once per turn of the loop, forms batches of what is there and leaves them for the
workers; a worker's outcome comes back as a callback, `_finished`, and answers the calls. Each window under way
is known by its token ids, so that a call that brings the same window joins it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.batching import Batch, Batcher
from bertillon_server.inference.call import Priority
from bertillon_server.inference.cost import CostModel
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.observer import SchedulerObserver, ShedReason
from bertillon_server.inference.passes import encode_at_once
from bertillon_server.inference.pending import Encoded, Encoding, PendingCall, Place, Window, rank
from bertillon_server.inference.queue import WindowQueue
from bertillon_server.inference.workers import (
    EncodingFailedError,
    Outcome,
    WindowEncoder,
    WorkerPool,
)

# One in the hands of the worker that is kept for interactive windows and one behind it.
_URGENT_DEPTH = 2


class Dispatcher:
    """Owns the windows under way and keeps the workers busy with the most urgent of them."""

    def __init__(
        self,
        encoder: WindowEncoder,
        *,
        workers: int,
        batch_tokens: int,
        cost: CostModel,
        observer: SchedulerObserver,
        clock: Callable[[], float],
    ) -> None:
        self._encoder = encoder
        self._cost = cost
        self._observer = observer
        self._clock = clock
        # One batch in each worker's hands and one staged behind it.
        self._workers = workers
        self._depth = 2 * workers
        self._batcher = Batcher(workers=workers, batch_tokens=batch_tokens)
        self._pool = WorkerPool(encoder, workers=workers, clock=clock, report=self._finished)
        self._queue = WindowQueue()
        self._under_way: dict[bytes, Window] = {}
        self._handed_batches = self._urgent_batches = 0
        self._changed = self._planned = self._halted = False
        self.handed_windows = 0
        """Windows with the workers, staged ones included."""
        self.handed_tokens = 0
        """Their tokens."""

    @property
    def queue(self) -> WindowQueue:
        """The windows that no batch has taken; to look at."""
        return self._queue

    def start(self) -> None:
        """Start the workers on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._pool.start()

    async def halt(self, wait_s: float) -> None:
        """Stage nothing more and end the workers, waiting `wait_s` seconds for what they run."""
        self._halted = True
        self._take_back()
        await self._pool.close(wait_s)

    def submit(self, pending: PendingCall, keys: Sequence[bytes]) -> None:
        """Queue the windows of a call, given as the bytes of their token ids."""
        priority = pending.call.priority
        order = rank(priority, pending.submitted_at)
        for index, key in enumerate(keys):
            window = self._under_way.get(key)
            if window is None:
                window = self._under_way[key] = Window(key, priority, order, pending.deadline)
                self._queue.push(window)
            else:
                self._join(window, priority, order, pending.deadline)
            window.waiters.append((pending, index))
            pending.windows.append(window)
        self._plan()

    @property
    def is_busy(self) -> bool:
        """Whether every worker has a batch; the one that is kept for interactive windows does not count."""
        return self._handed_batches - self._urgent_batches >= self._workers

    def encode_here(self, windows: Sequence[NDArray[np.int64]]) -> Encoded:
        """Encode windows in the calling thread, whichever that is, and tell the observer on the event loop."""
        began = self._clock()
        rows, passes = encode_at_once(windows, self._encoder.encode, self._batcher, self._clock)
        for one in passes:
            self._loop.call_soon_threadsafe(
                self._observer.batch, one.windows, one.tokens, one.tokens, one.seconds, one.processor_s
            )
        return Encoded(tuple(rows), 0, round((self._clock() - began) * 1e6))

    def abandon(self, pending: PendingCall, error: Exception, reason: ShedReason | None = None) -> None:
        """Fail a call and withdraw its windows; `reason` when that counts as shedding."""
        if pending.future.done():
            return
        if reason is not None:
            self._observer.shed(reason)
        pending.future.set_exception(error)
        self.withdraw(pending)

    def withdraw(self, pending: PendingCall) -> None:
        """Let go of the windows that nobody else waits for; harmless when repeated or when all is done."""
        windows, pending.windows = pending.windows, []
        if not pending.missing:
            return
        for window in windows:
            if window.place is Place.DONE:
                continue
            deserted = window.leave(pending)
            if window.place is Place.HANDED:
                # Perhaps only staged: what no worker has taken yet is taken back and judged anew.
                self._plan()
            elif deserted:
                self._queue.remove(window)
                self._forget(window)

    def _join(self, window: Window, priority: Priority, order: float, deadline: float) -> None:
        """Make a window that is under way serve another call, as urgently as that call needs it."""
        window.deadline = max(window.deadline, deadline)
        if order >= window.rank:
            return
        queued = window.place is Place.QUEUED
        if queued:
            self._queue.remove(window)
        window.priority, window.rank = priority, order
        if queued:
            self._queue.push(window)

    def _forget(self, window: Window) -> None:
        if window.place is not Place.DONE:
            window.place = Place.DONE
            del self._under_way[window.ids]

    def _plan(self) -> None:
        """Stage at the end of this turn of the loop, so that all that arrives in it meets in the queue."""
        self._changed = True
        if not self._planned:
            self._planned = True
            self._loop.call_soon(self._stage)

    def _stage(self) -> None:
        """Keep a batch in each worker's hands and one behind it, of the most urgent windows there are."""
        self._planned = False
        if self._halted:
            return
        if self._changed:
            self._changed = False
            self._take_back()
        now = self._clock()
        self._stage_urgent(now)
        while self._handed_batches - self._urgent_batches < self._depth:
            batch = self._batcher.form(self._queue, now, self._expire)
            if batch is None:
                return
            self._count(batch, 1)
            self._pool.stage(batch)

    def _stage_urgent(self, now: float) -> None:
        """Hand interactive windows to the worker that is kept for them while all others are busy."""
        interactive = Priority.INTERACTIVE
        # What does not fit is left to whichever worker is free first.
        while self.is_busy and self._urgent_batches < _URGENT_DEPTH and self._queue.windows[interactive]:
            batch = self._batcher.form(self._queue, now, self._expire, interactive)
            if batch is None:
                return
            self._count(batch, 1)
            self._pool.stage_urgent(batch)

    def _take_back(self) -> None:
        for batch in reversed(self._pool.take_back()):
            self._count(batch, -1)
            for window in reversed(batch.windows):
                if window.waiters:
                    self._queue.put_back(window)
                else:
                    self._forget(window)

    def _count(self, batch: Batch, sign: int) -> None:
        self._handed_batches += sign
        self._urgent_batches += sign * batch.urgent
        self.handed_windows += sign * len(batch.windows)
        self.handed_tokens += sign * batch.tokens

    def _finished(self, outcome: Outcome) -> None:
        batch = outcome.batch
        self._count(batch, -1)
        # What waits behind the others may take its place.
        self._changed = self._changed or batch.urgent
        if outcome.rows is None and outcome.error is None:
            self._leave_out(batch.windows)
        else:
            for window in batch.windows:
                self._forget(window)
        if outcome.rows is not None:
            self._answer(batch.windows, outcome.rows, outcome.span)
            seconds = outcome.span[1] - outcome.span[0]
            if not batch.urgent:
                # The one worker more shares its core, which is no measure of what a batch costs.
                self._cost.observe(batch.tokens, seconds)
            self._observer.batch(len(batch.windows), batch.tokens, batch.tokens, seconds, outcome.processor_s)
        elif outcome.error is not None:
            self._fail(batch.windows, outcome.error)
        if not self._planned:
            self._stage()

    def _leave_out(self, windows: Sequence[Window]) -> None:
        """Expire windows that were not encoded since all who waited were late; put back those that others joined."""
        now = self._clock()
        for window in reversed(windows):
            if not window.waiters:
                self._forget(window)
            elif window.deadline <= now:
                self._expire(window)
            else:
                self._queue.put_back(window)

    def _answer(self, windows: Sequence[Window], rows: Encoding, span: tuple[float, float]) -> None:
        # A copy each, because a row of the batch would keep the whole batch.
        for row, window in zip(rows, windows, strict=True):
            own = row.copy()
            for pending, index in window.waiters:
                pending.receive(index, own)
                pending.note_span(span)
                if not pending.missing:
                    answer = pending.finish()
                    self._observer.queue_wait(answer.queue_us / 1e6, pending.call.priority)

    def _fail(self, windows: Sequence[Window], cause: BaseException) -> None:
        for window in windows:
            for pending, _ in window.waiters:
                error = EncodingFailedError(f"the encoder failed: {type(cause).__name__}")
                error.__cause__ = cause
                self.abandon(pending, error)

    def _expire(self, window: Window) -> None:
        self._forget(window)
        for pending, _ in window.waiters:
            error = DeadlineUnreachableError("the deadline passed before the work was begun")
            self.abandon(pending, error, ShedReason.EXPIRED)
