"""In which order admitted notes are worked on: a few at a time, and who came first before who came later.

Work that is shared out among all notes ends late for all of them together: beyond capacity each would miss its
deadline half done, and what was done of it would be lost. A note that waits for its turn has cost nothing yet, and is
refused as soon as it cannot end in time any more.
"""

from __future__ import annotations

import asyncio
import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass

from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.cost import BACKLOG_TOKENS, CostModel
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.observer import SchedulerObserver, ShedReason
from bertillon_server.inference.pending import rank

AT_ONCE_TOKENS = 1_024
"""Tokens of notes under way, for each worker, from which on others wait: three notes for two workers, so that one is
read and linked while another is encoded."""

LARGEST_SHARE = 1 / 3
"""Share of them that one note counts for at most: while a very long one is worked on, others are begun beside it."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A note that waits for its turn."""

    order: float
    tokens: int
    share: int
    call: Call
    future: asyncio.Future[None]


class Turns:
    """Keeps count of the tokens of notes under way, and says who begins next. Owned by the event loop."""

    def __init__(
        self, *, workers: int, cost: CostModel, clock: Callable[[], float], observer: SchedulerObserver
    ) -> None:
        # Fewer are never a backlog, and the pace of whole notes, by which turns are promised, is learned from those.
        self._at_once = max(AT_ONCE_TOKENS * workers, BACKLOG_TOKENS)
        self._largest = math.ceil(self._at_once * LARGEST_SHARE)
        self._cost = cost
        self._clock = clock
        self._observer = observer
        self._under_way = [0] * len(Priority)
        self._line: list[_Waiting] = []

    @property
    def waiting(self) -> int:
        """Notes admitted that wait for their turn."""
        return len(self._line)

    async def take(self, tokens: int, call: Call) -> int:
        """Begin a note, in its turn, and return what it has taken, which `end` gives back.

        Bulk notes begin at once: their streams bound them, and in company they make better batches. Raises
        DeadlineUnreachableError when the turn would come too late, having taken nothing.
        """
        share = min(tokens, self._largest)
        now = self._clock()
        order = rank(call.priority, now)
        if call.priority is Priority.BULK or self._is_next(call.priority, order):
            self._under_way[call.priority] += share
            return share
        loop = asyncio.get_running_loop()
        waiting = _Waiting(order, tokens, share, call, loop.create_future())
        bisect.insort_right(self._line, waiting, key=lambda other: other.order)
        # It may be free although one that came long before is not.
        self._serve()
        timer: asyncio.TimerHandle | None = None
        if call.deadline is not None:
            latest = call.deadline - self._cost.promise(tokens, 0)
            timer = loop.call_later(max(0.0, latest - now), self._turn_away, waiting)
        try:
            await waiting.future
        except asyncio.CancelledError:
            self._abandon(waiting)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return share

    def end(self, priority: Priority, share: int) -> None:
        """Give back what a note that was begun has taken, or a part of it."""
        self._under_way[priority] -= share
        self._serve()

    def _is_free(self, priority: Priority) -> bool:
        return sum(self._under_way[: priority + 1]) < self._at_once

    def _is_next(self, priority: Priority, order: float) -> bool:
        return self._is_free(priority) and not any(other.order <= order for other in self._line)

    def _serve(self) -> None:
        """Begin who may be, in order; who is more urgent does not wait behind one for whom there is no room."""
        while (first := self._first()) is not None:
            self._line.remove(first)
            ahead = sum(self._under_way[: first.call.priority + 1])
            deadline = first.call.deadline
            if deadline is not None and self._clock() + self._cost.promise(first.tokens, ahead) > deadline:
                self._refuse(first)
            elif not first.future.done():
                self._under_way[first.call.priority] += first.share
                first.future.set_result(None)

    def _first(self) -> _Waiting | None:
        return next((waiting for waiting in self._line if self._is_free(waiting.call.priority)), None)

    def _turn_away(self, waiting: _Waiting) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
            self._refuse(waiting)
            self._serve()

    def _refuse(self, waiting: _Waiting) -> None:
        if not waiting.future.done():
            self._observer.shed(ShedReason.DEADLINE)
            error = DeadlineUnreachableError("its turn did not come before the deadline came out of reach")
            waiting.future.set_exception(error)

    def _abandon(self, waiting: _Waiting) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
            self._serve()
        elif waiting.future.done() and not waiting.future.cancelled() and waiting.future.exception() is None:
            # Begun and cancelled in one turn of the loop: nobody else will give it back.
            self.end(waiting.call.priority, waiting.share)
