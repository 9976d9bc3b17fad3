"""What a supervisor and its workers tell each other, and the way into a worker.

Light, so that the supervisor, which serves nothing, loads nothing: a worker imports the rest for itself.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import Connection
from typing import Any

from bertillon_server.app.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Blocked while a worker is started, until it can tell what they mean."""


class Order(Enum):
    """What the supervisor tells a worker."""

    SERVE = auto()
    RELOAD = auto()
    """Take up what has changed in the catalog directory."""
    STOP = auto()
    CUT = auto()
    """End the grace of the stop under way."""


class Stage(Enum):
    """How far a worker has come."""

    STARTING = auto()
    READY = auto()
    SERVING = auto()


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker tells the supervisor: a stage reached, or why it does not start, with its exit code."""

    stage: Stage
    problem: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to know: its number, its settings by name and which of them were set, its own address."""

    number: int
    settings: dict[str, Any]
    settings_set: frozenset[str]
    own_address: str | None
    switch_interval_s: float

    def read_settings(self) -> Settings:
        """Return the settings, which the supervisor has checked."""
        return Settings.model_construct(set(self.settings_set), **self.settings)


def work(task: Task, orders: Connection, scrapes: Connection) -> None:
    """Run one worker until it is told to stop; what the process of a worker calls."""
    from bertillon_server.app import worker  # noqa: PLC0415 - see the module's docstring

    worker.run(task, orders, scrapes)
