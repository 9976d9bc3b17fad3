"""When a process that has ended is started again: at once almost, and later the more often it did not last."""

from __future__ import annotations

SHORTEST_PAUSE_S = 0.5
"""Seconds before a process is started again that had lasted."""
LONGEST_PAUSE_S = 30.0
"""Seconds before one that never lasts is tried again."""
LONG_LIFE_S = 60.0
"""Seconds after which a process has lasted: what ends it then is another reason than what ended the one before."""

_MOST_DOUBLINGS = 16


def pause_after(lasted_s: float, failures: int) -> tuple[float, int]:
    """Return the seconds to wait after a process that lasted so long, and how many in a row did not last now."""
    failures = 0 if lasted_s >= LONG_LIFE_S else failures + 1
    # Powers of what fails for days would leave the numbers there are.
    doublings = min(max(0, failures - 1), _MOST_DOUBLINGS)
    return min(SHORTEST_PAUSE_S * 2**doublings, LONGEST_PAUSE_S), failures
