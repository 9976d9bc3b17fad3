"""What two generators say of one rate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """The percentiles, in milliseconds, of another generator and of ours right before it; or why there are none.

    `skipped_reason` says why it could not run, `failure` what it did not do that it was asked for, and `remark` what
    is to be known of figures that count.
    """

    generator: str
    arrivals: str
    theirs: dict[str, float]
    ours: dict[str, float]
    skipped_reason: str = ""
    failure: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What another generator measured, in milliseconds by name, and what is to be known of it."""

    values: dict[str, float]
    remark: str = ""


class UnsoundError(Exception):
    """Another generator ran and did not do what it was asked for: its figures say nothing; the message says why."""
