"""How fast the layers of an encoder learn, at their peak; without torch, for those who only write it down."""

from __future__ import annotations

RATE = 1e-4
# Layers that follow others than they were trained behind have farther to go than those that are trained on.
STUDENT_RATE = 4e-4


def usual_rate(layers: int | None) -> float:
    """Return the rate where none is given: of a student of so many layers, or of the weights themselves (None)."""
    return RATE if layers is None else STUDENT_RATE
