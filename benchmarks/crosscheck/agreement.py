"""What two generators say of one rate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """The percentiles, in milliseconds, of another generator and of ours right before it; or why there are none."""

    generator: str
    arrivals: str
    theirs: dict[str, float]
    ours: dict[str, float]
    skipped_reason: str = ""
