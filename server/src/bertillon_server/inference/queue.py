"""The queue of windows: one first-in-first-out lane for each priority and length.

Owned by the event loop alone, like everything the scheduler keeps, hence without locks. Windows of one length
lie together, so that taking a batch without padding is popping from the front of a lane; the front of each
lane is its oldest window, so that the most urgent window of all is found among the fronts (a few dozen).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import Place, Window


class WindowQueue:
    """Windows that wait, by priority and length."""

    def __init__(self) -> None:
        # Ordered dictionaries used as ordered sets: any window can leave in constant time when its call is
        # cancelled, which a deque cannot do.
        self._lanes: dict[tuple[int, int], OrderedDict[Window, None]] = {}
        self._windows = [0] * len(Priority)
        self._tokens = [0] * len(Priority)

    @property
    def windows(self) -> Sequence[int]:
        """Waiting windows by priority."""
        return tuple(self._windows)

    @property
    def tokens(self) -> Sequence[int]:
        """Waiting tokens by priority."""
        return tuple(self._tokens)

    def push(self, window: Window) -> None:
        """Add a window behind all others of its priority and length."""
        self._lane(window)[window] = None
        self._count(window, 1)

    def put_back(self, window: Window) -> None:
        """Return a window that was popped to the front of its lane; the last popped goes back first."""
        lane = self._lane(window)
        lane[window] = None
        lane.move_to_end(window, last=False)
        self._count(window, 1)

    def remove(self, window: Window) -> None:
        """Take out a waiting window."""
        key = (window.priority, window.tokens)
        lane = self._lanes[key]
        del lane[window]
        if not lane:
            del self._lanes[key]
        self._count(window, -1)

    def most_urgent(self, only: Priority | None = None) -> Window | None:
        """Return the waiting window of the smallest rank, among all or those of one priority."""
        best: Window | None = None
        for (priority, _), lane in self._lanes.items():
            if only is not None and priority != only:
                continue
            front = next(iter(lane))
            if best is None or front.rank < best.rank:
                best = front
        return best

    def front(self, priority: Priority, tokens: int) -> Window | None:
        """Return the oldest waiting window of a priority and length in tokens."""
        lane = self._lanes.get((priority, tokens))
        return None if lane is None else next(iter(lane))

    def _lane(self, window: Window) -> OrderedDict[Window, None]:
        key = (window.priority, window.tokens)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = OrderedDict()
        window.place = Place.QUEUED
        return lane

    def _count(self, window: Window, by: int) -> None:
        self._windows[window.priority] += by
        self._tokens[window.priority] += by * window.tokens
