"""Whether a server holds anything: what it counts of work in progress, read from outside."""

from __future__ import annotations

import time
from collections.abc import Collection

from benchmarks.service import Service

# What must be nothing when nobody is served.
HELD = {
    "bertillon_rpcs_in_flight",
    "bertillon_queue_windows",
    "bertillon_queue_tokens",
    "bertillon_admitted_tokens",
    "bertillon_waiting_notes",
}
LIMIT_S = 20.0


def held(server: Service) -> dict[str, float]:
    """Return what the server holds: nothing of anything, and the tasks that it always has, when idle."""
    sums = dict.fromkeys([*HELD, "bertillon_tasks"], 0.0)
    for (name, _), value in server.metrics().items():
        if name in sums:
            sums[name] += value
    return sums


def assert_holds_no_more_than(
    server: Service, before: dict[str, float], *, besides: Collection[str] = ()
) -> None:
    """Wait until the server holds no more of anything than it held before, but for the gauges named."""
    latest = time.monotonic() + LIMIT_S
    while (more := _beyond(before, held(server), besides)) and time.monotonic() < latest:
        time.sleep(0.02)  # another process, which does not tell when it is done
    assert more == {}


def _beyond(before: dict[str, float], now: dict[str, float], besides: Collection[str]) -> dict[str, float]:
    return {name: value for name, value in now.items() if name not in besides and value > before[name]}
