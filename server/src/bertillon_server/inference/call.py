"""What the scheduler needs to know of the call that it works for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Place in the queue; smaller goes first."""

    INTERACTIVE = 0
    STANDARD = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class Call:
    """A call's place in the queue and its deadline in seconds of `time.monotonic()`, None for none."""

    priority: Priority = Priority.STANDARD
    deadline: float | None = None
