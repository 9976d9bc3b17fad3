"""Threads that compute the stages of coding, most urgent call first, and a lane kept for interactive ones."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bertillon_server.coding.way import Way
from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import rank

T = TypeVar("T")


class StageFailedError(Exception):
    """A stage ended with what is no Exception, such as a panic of a library; the message is its type alone."""


@dataclass(order=True, slots=True)
class _Work:
    """A stage to compute: interactive ones first, then by rank, by which what waits for long is lifted."""

    yields: bool
    order: float
    age: int
    run: Callable[[], None] = field(compare=False)


class StagePool:
    """A bounded number of threads over one queue ordered by urgency, and one more for interactive stages alone.

    Stages take up to some thirty milliseconds, and an interactive call has several: the thread of its own spares it
    from waiting for those that run. While it computes, the others let it have the interpreter (`way`). `clock` tells
    seconds.
    """

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heap: list[_Work] = []
        self._ages = itertools.count()
        self._way = Way()
        lock = threading.Lock()
        # One lock, and a condition for each kind of thread: an interactive stage wakes its own where that waits.
        self._any = threading.Condition(lock)
        self._interactive = threading.Condition(lock)
        self._kept_is_idle = self._is_ending = False
        self._threads = [
            threading.Thread(target=self._work, name=f"stages-{number}", daemon=True)
            for number in range(threads)
        ]
        self._kept = threading.Thread(target=self._work_interactive, name="stages-interactive", daemon=True)
        for thread in (*self._threads, self._kept):
            thread.start()

    def submit(self, priority: Priority, stage: Callable[..., T], *arguments: Any) -> Future[T]:  # noqa: ANN401
        """Compute a stage when its turn comes; cancelling the future before then drops it."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                with self._way.taken(urgent=priority is Priority.INTERACTIVE):
                    result = stage(*arguments)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                future.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - who waits looks for exceptions, and would wait for ever
                future.set_exception(StageFailedError(type(error).__name__))
            else:
                future.set_result(result)

        yields = priority is not Priority.INTERACTIVE
        self._put(_Work(yields, rank(priority, self._clock()), next(self._ages), run))
        return future

    def shutdown(self) -> None:
        """Finish what is queued, then end the threads; blocks until they have ended."""
        with self._any:
            self._is_ending = True
            self._any.notify_all()
            self._interactive.notify_all()
        for thread in (*self._threads, self._kept):
            thread.join()

    def _put(self, work: _Work) -> None:
        with self._any:
            heapq.heappush(self._heap, work)
            if not work.yields and self._kept_is_idle:
                self._kept_is_idle = False
                self._interactive.notify()
            else:
                self._any.notify()

    def _work(self) -> None:
        while (work := self._next()) is not None:
            work.run()
            # The last result, a section of a note, must not stay alive while the thread waits.
            del work

    def _work_interactive(self) -> None:
        while (work := self._next_interactive()) is not None:
            work.run()
            del work

    def _next(self) -> _Work | None:
        with self._any:
            while not self._heap:
                if self._is_ending:
                    return None
                self._any.wait()
            return heapq.heappop(self._heap)

    def _next_interactive(self) -> _Work | None:
        with self._interactive:
            while not self._heap or self._heap[0].yields:
                if self._is_ending:
                    return None
                if self._heap:
                    # Another thread was woken for this and took the interactive stage that this one was woken for.
                    self._any.notify()
                self._kept_is_idle = True
                self._interactive.wait()
            self._kept_is_idle = False
            return heapq.heappop(self._heap)
