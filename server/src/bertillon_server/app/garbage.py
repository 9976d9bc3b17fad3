"""Collection of garbage at times that suit callers.

A collection stops every thread and walks over all that was not frozen. What coding learns of titles and codes grows
for the first 300 to 500 notes, and with Python's own rules full collections over it came every few seconds and took
up to 0.13 s, young ones another 5 % of the time of a note. Almost all objects of a note go by their reference counts:
of 850 notes, cycles left 2,500 objects. So young objects are collected as they come, and all others when no call is
in progress; what then is left is frozen, and no later collection walks over it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import time
from collections.abc import Callable

YOUNG = 1_000
"""New containers before those are collected, which takes half a millisecond: all in all it costs the same however
often it is done, and nobody notices pauses so short."""
NEVER = 1_000_000_000
LOOK_EVERY_S = 10.0
"""Seconds between looks for a moment without calls."""
AT_LEAST_EVERY_S = 600.0
"""Seconds after which a full collection waits no longer."""
ALL_EVERY_S = 3_600.0
"""Seconds after which one looks at what was frozen too: what calls that had just ended left may be among it."""


# Of glibc; other C libraries return memory by themselves, or not at all, and Windows does not name its own so.
_libc = ctypes.CDLL(None) if os.name == "posix" else None
_trim, _set_option = (getattr(_libc, name, None) for name in ("malloc_trim", "mallopt"))
_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20


def keep_large_apart() -> None:
    """Have the allocator map blocks of a megabyte or more by themselves, for the life of the process.

    It would put them into the heap once some have come and gone, and what lives on between them leaves holes. Being
    told, it moves the threshold from which it gives back the top of the heap no more either: that stays at 128 KB.
    """
    if _set_option is not None:
        _set_option(_MMAP_THRESHOLD, _LARGE_BYTES)


def return_freed() -> None:
    """Return to the system what is free in the heap; it takes some 3 ms, without the interpreter's lock.

    What lives on is allocated between arrays that come and go, so the allocator cannot return these by itself: a
    coding process had 45 MB of holes after 1,600 notes, before large blocks were kept apart.
    """
    if _trim is not None:
        _trim(0)


class Garbage:
    """Decides when a process collects. One for each process, whose rules it changes."""

    def __init__(
        self,
        is_idle: Callable[[], bool],
        *,
        look_every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_idle = is_idle
        self._look_every_s = look_every_s
        self._clock = clock
        self._settled_at = self._looked_at_all = clock()
        self._is_stale = False

    def hold(self) -> None:
        """Collect nothing until `settle`: what is being loaded stays. Large blocks are kept apart from now on."""
        gc.disable()
        keep_large_apart()

    def settle(self) -> None:
        """Collect everything now, and walk over what is left never again."""
        gc.enable()
        gc.set_threshold(YOUNG, NEVER, NEVER)
        now = self._clock()
        if self._is_stale or now - self._looked_at_all >= ALL_EVERY_S:
            gc.unfreeze()
            self._is_stale = False
            self._looked_at_all = now
        gc.collect()
        gc.freeze()
        return_freed()
        self._settled_at = now

    def forget(self) -> None:
        """Note that something frozen is not used any more: the next full collection looks at all of it."""
        self._is_stale = True

    async def tend(self) -> None:
        """Settle whenever nothing is in progress and something was left since; collect every ten minutes at least."""
        while True:
            await asyncio.sleep(self._look_every_s)
            if self._is_idle():
                if self._is_stale or any(gc.get_count()[1:]):
                    self.settle()
            elif self._clock() - self._settled_at >= AT_LEAST_EVERY_S:
                # What calls in progress hold must not be frozen: cycles among it would stay for ever.
                if self._is_stale:
                    # Each collection walks over all that is loaded then, until a moment without calls comes.
                    gc.unfreeze()
                    self._is_stale = False
                gc.collect()
                self._settled_at = self._clock()
