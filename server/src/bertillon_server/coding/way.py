"""Where stages that are long let an urgent one pass.

The interpreter lets one thread compute at a time and hands itself round to all that wait, so an interactive stage
beside two of bulk notes would get a third of it. Stages wait before they begin, and long ones call `give_way` between
the steps of reading and between mentions: a look at one variable where nothing urgent computes, a wait of at most
`LONGEST_S` where something does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Interactive stages take some 5 ms. A stage that met one at every mention would still end.
LONGEST_S = 0.02

_here = threading.local()


class Way:
    """Who computes something urgent, for the threads of one pool."""

    def __init__(self) -> None:
        self._free = threading.Condition(threading.Lock())
        self._urgent = 0

    @contextmanager
    def taken(self, *, urgent: bool) -> Iterator[None]:
        """Compute a stage in this thread: an urgent one goes first, others give way where they call `give_way`."""
        if urgent:
            with self._free:
                self._urgent += 1
        else:
            self.wait()
            _here.way = self
        try:
            yield
        finally:
            if urgent:
                with self._free:
                    self._urgent -= 1
                    if not self._urgent:
                        self._free.notify_all()
            else:
                _here.way = None

    def wait(self) -> None:
        """Wait while something urgent computes."""
        if self._urgent:
            with self._free:
                self._free.wait_for(lambda: not self._urgent, LONGEST_S)


def give_way() -> None:
    """Let what is urgent go first; does nothing in a thread of no pool, or that computes something urgent itself."""
    way: Way | None = getattr(_here, "way", None)
    if way is not None:
        way.wait()
