"""Jobs that wait for a process, in the order of the scheduler, and which of them are coded together."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass, field

from bertillon_server.coding.section_jobs import BATCH_CODE_POINTS, Answer, Job
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.pending import rank


@dataclass(order=True, slots=True)
class WaitingJob:
    """A job, the call that it is for, and where its answer is awaited; a done `future` has been withdrawn."""

    order: float
    age: int
    job: Job = field(compare=False)
    call: Call = field(compare=False)
    future: asyncio.Future[Answer] = field(compare=False)
    counts: bool = field(default=True, compare=False)
    """Whether its length is part of what waits."""
    message: int = field(default=0, compare=False)
    """Number of the message in which it went to a process, together with others."""

    @property
    def is_bulk(self) -> bool:
        """Whether nobody waits for this job alone."""
        return self.call.priority is Priority.BULK

    def expires(self) -> bool:
        """Fail where the deadline has passed; tells whether it has."""
        deadline = self.call.deadline
        if deadline is None or time.monotonic() < deadline:
            return False
        self.future.set_exception(DeadlineUnreachableError("the deadline has passed"))
        return True


class JobQueue:
    """Jobs that wait, by rank and age. Belongs to one event loop; bounded by what was admitted."""

    def __init__(self) -> None:
        self._ages = itertools.count()
        self._waiting: list[WaitingJob] = []
        # Of all that wait and were not withdrawn.
        self._code_points = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, job: Job, call: Call) -> asyncio.Future[Answer]:
        """Let a job wait; returns where its answer will be."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        order = rank(call.priority, time.monotonic())
        waiting = WaitingJob(order, next(self._ages), job, call, future)
        heapq.heappush(self._waiting, waiting)
        self._code_points += job.code_points
        # Called when it is withdrawn or, later, when it is answered, which it waits for no longer.
        future.add_done_callback(lambda _: self._leaves(waiting))
        return future

    def take(self, ways: int) -> list[WaitingJob]:
        """Take what is next: a job that someone waits for alone; of bulk notes, an even share for `ways` processes.

        Empty where all that waited was withdrawn or came too late, which is then gone.
        """
        together: list[WaitingJob] = []
        length, share = 0, 0.0
        while self._waiting:
            first = self._waiting[0]
            if first.future.done() or first.expires():
                self._pop()
                continue
            if not together:
                share = min(BATCH_CODE_POINTS, self._code_points / ways)
            elif not first.is_bulk or not together[0].is_bulk or length + first.job.code_points > share:
                break
            together.append(self._pop())
            length += first.job.code_points
        return together

    def clear(self) -> list[asyncio.Future[Answer]]:
        """Return where answers are awaited of all that waits, which waits no longer."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            self._leaves(one)
        return [one.future for one in waiting if not one.future.done()]

    def _pop(self) -> WaitingJob:
        popped = heapq.heappop(self._waiting)
        self._leaves(popped)
        return popped

    def _leaves(self, waiting: WaitingJob) -> None:
        if waiting.counts:
            waiting.counts = False
            self._code_points -= waiting.job.code_points
