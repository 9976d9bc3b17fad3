"""Which notes, fragments and codes are kept from training, and for what.

- *specialty*: all notes of a few specialties, which no note of training is from.
- *code*: fragments that name one of a fixed twentieth of the codes; nothing links to those codes in training but the
  terminology itself.
- *dev*: a quarter of the other notes and a tenth of the other fragments, on which is chosen and confidence is fitted;
  all that is left is trained on.

A split depends on the id of a note, or on the words of a fragment, alone: adding notes moves no others.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

HELD_OUT_SPECIALTIES = frozenset(
    {"rheumatology", "urology", "otolaryngology", "geriatrics", "hepatology", "vascular surgery", "podiatry"}
)
_CODES = 20
_DEV_NOTES, _DEV_FRAGMENTS = 4, 10


class Split(StrEnum):
    """What a note or fragment is for."""

    TRAIN = "train"
    DEV = "dev"
    SPECIALTY = "specialty"
    CODE = "code"


def note_split(note_id: str, specialty: str) -> Split:
    """Return the split of a note."""
    if specialty.lower() in HELD_OUT_SPECIALTIES:
        return Split.SPECIALTY
    return Split.DEV if _number(note_id) % _DEV_NOTES == 0 else Split.TRAIN


def fragment_split(words: str, codes: list[str]) -> Split:
    """Return the split of a fragment of a note."""
    if any(code_is_held_out(code) for code in codes):
        return Split.CODE
    return Split.DEV if _number(words) % _DEV_FRAGMENTS == 0 else Split.TRAIN


def code_is_held_out(code: str) -> bool:
    """Whether training links nothing but terms to a code: by its first four characters, so that sides go together."""
    return _number(code[:5]) % _CODES == 0


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
