"""What a peer answered, in one form for all of them, and whether it is what we answer.

Two answers are equal when they have the same codes in the same order, each with the same spans of evidence in the
same order. Confidences are left out; codes and their order follow from them. The encoder has static activation scales
and takes no padding, so batch mates cannot change an answer, and whatever differs is an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

Coded = tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
"""Codes in order, each with the spans of its evidence, in code points of the note."""


class UnequalError(Exception):
    """A peer answered something else; the message counts and says nothing of any note."""


def coded_from_json(reply: str | bytes) -> Coded:
    """Read an answer as peers give it."""
    return tuple((code, tuple((start, end) for start, end in spans)) for code, spans in json.loads(reply))


def require_equal(ours: Sequence[Coded], theirs: Sequence[Coded]) -> int:
    """Return how many notes were compared; raise UnequalError unless each has the same answer from both."""
    if len(ours) != len(theirs) or not ours:
        raise UnequalError(f"{len(theirs)} answers for {len(ours)} notes")
    differ = [number for number, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    if differ:
        codes = sum([code for code, _ in ours[n]] != [code for code, _ in theirs[n]] for n in differ)
        raise UnequalError(
            f"{len(differ)} of {len(ours)} notes have another answer, {codes} of them other codes; "
            f"the first is note {differ[0]}"
        )
    if not any(ours):
        raise UnequalError("no note has a code, so that nothing was compared")
    return len(ours)
