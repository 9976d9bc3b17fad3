"""What the scheduler tells whoever counts: the seam to metrics, which this layer does not know."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from bertillon_server.inference.call import Priority


class ShedReason(StrEnum):
    """Why work was refused or abandoned."""

    OVERLOADED = "overloaded"
    """The queue was full."""
    DEADLINE = "deadline"
    """It could not have been finished in time, by the cost model."""
    EXPIRED = "expired"
    """Its deadline passed while it waited."""
    DRAINING = "draining"
    """The server was stopping."""


class SchedulerObserver(Protocol):
    """Counts what happens. Called on the event loop: must be quick and must not raise."""

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        """Note that an answered call spent `seconds` with none of its windows in the encoder."""

    def batch(
        self, windows: int, tokens: int, padded_tokens: int, seconds: float, processor_seconds: float
    ) -> None:
        """Note a call of the encoder; `padded_tokens` is `tokens` and whatever padding was added."""

    def shed(self, reason: ShedReason) -> None:
        """Note that a call was refused or abandoned."""


class NullObserver:
    """Counts nothing."""

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        """Ignore it."""

    def batch(
        self, windows: int, tokens: int, padded_tokens: int, seconds: float, processor_seconds: float
    ) -> None:
        """Ignore it."""

    def shed(self, reason: ShedReason) -> None:
        """Ignore it."""
