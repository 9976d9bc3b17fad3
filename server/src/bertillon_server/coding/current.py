"""Something that calls use and that is replaced while they run: each call keeps what it began with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class _Use(Generic[T]):
    """A value and how many calls use it."""

    def __init__(self, value: T) -> None:
        self.value = value
        self.users = 0
        self.unused = asyncio.Event()
        self.unused.set()


class Current(Generic[T]):
    """The value in use. Belongs to one event loop, hence without locks."""

    def __init__(self, value: T) -> None:
        self._use = _Use(value)

    @property
    def value(self) -> T:
        """The value as it is now; a call that waits for anything takes it from `kept`."""
        return self._use.value

    @contextmanager
    def kept(self) -> Iterator[T]:
        """Give the value for the block; `replaced` waits until it ends."""
        use = self._use
        use.users += 1
        use.unused.clear()
        try:
            yield use.value
        finally:
            use.users -= 1
            if not use.users:
                use.unused.set()

    def replace(self, value: T) -> asyncio.Event:
        """Put another value in place at once; the event is set when no call uses the old one any more."""
        old, self._use = self._use, _Use(value)
        return old.unused
