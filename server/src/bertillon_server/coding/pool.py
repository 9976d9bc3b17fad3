"""Threads that compute the stages of coding, most urgent call first."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bertillon_server.inference.call import Priority

T = TypeVar("T")

# Sorts behind every piece of work, so that a pool that stops first finishes what it has.
_STOP_PRIORITY = max(Priority) + 1


@dataclass(order=True, slots=True)
class _Work:
    """A stage to compute; ordered by urgency, then by age. No `run` ends a thread."""

    priority: int
    age: int
    run: Callable[[], None] | None = field(compare=False)


class StagePool:
    """A bounded number of threads over one queue ordered by priority.

    The interpreter lets one thread compute at a time: what is urgent must not stand behind the stages of bulk
    notes that came before it. Stages take a few milliseconds, so an urgent one waits for one of them at most.
    """

    def __init__(self, threads: int) -> None:
        self._queue: queue.PriorityQueue[_Work] = queue.PriorityQueue()
        self._ages = itertools.count()
        self._threads = [
            threading.Thread(target=self._work, name=f"stages-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, priority: Priority, stage: Callable[..., T], *arguments: Any) -> Future[T]:  # noqa: ANN401
        """Compute a stage when its turn comes; cancelling the future before then drops it."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = stage(*arguments)
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                future.set_exception(error)
            else:
                future.set_result(result)

        self._queue.put(_Work(priority, next(self._ages), run))
        return future

    def shutdown(self) -> None:
        """Finish what is queued, then end the threads; blocks until they have ended."""
        for _ in self._threads:
            self._queue.put(_Work(_STOP_PRIORITY, next(self._ages), None))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (work := self._queue.get()).run is not None:
            work.run()
            # The last result, a section of a note, must not stay alive while the thread waits.
            del work
