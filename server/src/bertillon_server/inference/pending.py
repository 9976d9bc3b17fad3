"""What waits in the scheduler: windows, and the calls that wait for them.

A window may have several waiters: the same token ids twice in a note, or in two notes at once, are encoded
once. It lives only as long as somebody waits for it; nothing is kept afterwards.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.call import Call, Priority

Encoding = NDArray[np.floating]
"""What the encoder says of one window, in whatever shape it has."""

ID_BYTES = np.dtype(np.int64).itemsize
"""Bytes of one token id; a window's ids travel as their bytes, which are also its identity."""

AGEING_S = 5.0
"""Seconds of waiting that lift work by one priority.

Above the time that a full default queue takes to drain (65,536 tokens at 22 k tokens/s on two cores: 3 s), so
that an ordinary backlog of bulk work never competes with somebody who waits; only starved work does.
"""


def rank(priority: Priority, now: float) -> float:
    """Place in the queue of work that arrives at `now`; smaller goes first.

    Ageing without ever re-sorting: to be lifted by one priority after `AGEING_S` is to have arrived that much
    earlier, so the rank of waiting work never changes.
    """
    return now + priority * AGEING_S


class Place(Enum):
    """Where a window is on its way."""

    QUEUED = auto()
    HANDED = auto()
    DONE = auto()


class Window:
    """Token ids to encode once, for everybody who waits for them."""

    __slots__ = ("deadline", "ids", "place", "priority", "rank", "tokens", "waiters")

    def __init__(self, ids: bytes, priority: Priority, order: float, deadline: float) -> None:
        self.ids = ids
        """The token ids as native int64 bytes."""
        self.tokens = len(ids) // ID_BYTES
        """Length in tokens."""
        self.priority = priority
        """The most urgent priority among the waiters."""
        self.rank = order
        """See `rank`."""
        self.deadline = deadline
        """When the last of the waiters has lost interest, in seconds of the clock; infinite for never."""
        self.place = Place.QUEUED
        """Where it is."""
        self.waiters: list[tuple[PendingCall, int]] = []
        """Who waits, and at which index of their answer."""

    def leave(self, call: PendingCall) -> bool:
        """Forget `call`; true if nobody is left."""
        self.waiters = [waiter for waiter in self.waiters if waiter[0] is not call]
        self.deadline = max((waiter.deadline for waiter, _ in self.waiters), default=self.deadline)
        return not self.waiters


@dataclass(frozen=True, slots=True)
class Encoded:
    """The answer to one `encode`."""

    rows: tuple[Encoding, ...]
    """What the encoder said of each window, in the order given."""
    queue_us: int
    """Microseconds in which none of the windows was in the encoder."""
    infer_us: int
    """Microseconds in which at least one of the windows was in the encoder; overlaps count once."""


class PendingCall:
    """One `encode` that waits for its windows."""

    __slots__ = (
        "_spans",
        "call",
        "deadline",
        "future",
        "missing",
        "rows",
        "size",
        "submitted_at",
        "windows",
    )

    def __init__(self, call: Call, size: int, now: float, future: asyncio.Future[Encoded]) -> None:
        self.call = call
        self.deadline = math.inf if call.deadline is None else call.deadline
        self.size = size
        self.missing = size
        self.submitted_at = now
        self.future = future
        self.windows: list[Window] = []
        self.rows: list[Encoding | None] = [None] * size
        self._spans: list[tuple[float, float]] = []

    def receive(self, index: int, row: Encoding) -> None:
        """Take what the encoder said of the window at `index`."""
        self.rows[index] = row
        self.missing -= 1

    def note_span(self, span: tuple[float, float]) -> None:
        """Note when a batch with windows of this call was in the encoder; once per batch is enough."""
        if not self._spans or self._spans[-1] is not span:
            self._spans.append(span)

    def finish(self) -> Encoded:
        """Answer the call, once nothing is missing."""
        rows = tuple(row for row in self.rows if row is not None)
        if len(rows) < self.size:
            raise ValueError("windows are missing")
        ended = max(end for _, end in self._spans)
        inferring = _covered(self._spans, since=self.submitted_at)
        waiting = max(0.0, ended - self.submitted_at - inferring)
        answer = Encoded(rows, round(waiting * 1e6), round(inferring * 1e6))
        if not self.future.done():
            self.future.set_result(answer)
        return answer


def _covered(spans: list[tuple[float, float]], *, since: float) -> float:
    """Return the seconds covered by at least one of `spans`, from `since` on."""
    total, reached = 0.0, since
    for start, end in sorted(spans):
        if end > reached:
            total += end - max(start, reached)
            reached = end
    return total
