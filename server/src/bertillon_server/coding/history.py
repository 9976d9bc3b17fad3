"""What "history of" means for coding: a disease that lasts is current, another becomes a history code.

Sources: Official Guidelines I.C.21.c.4 (history codes) and IV.I (chronic diseases treated on an ongoing basis may
be coded as often as the patient receives care for them).
"""

from __future__ import annotations

import numpy as np

from bertillon_server.coding.terms import TermFlag, TermIndex
from bertillon_server.coding.words import Words, words_of

# Categories of conditions that do not go away, so that "history of" them means "has": ranges of the tabular list,
# chosen by us.
_LASTING = (
    ("B20", "B20"),
    ("D57", "D57"),
    ("D66", "D68"),
    ("E03", "E05"),
    ("E08", "E14"),
    ("E66", "E66"),
    ("E78", "E78"),
    ("E84", "E85"),
    ("F01", "F09"),
    ("F20", "F33"),
    ("F40", "F43"),
    ("F70", "F90"),
    ("G10", "G43"),
    ("G47", "G47"),
    ("G70", "G73"),
    ("G80", "G83"),
    ("H35", "H36"),
    ("H40", "H40"),
    ("H90", "H91"),
    ("I10", "I16"),
    ("I20", "I20"),
    ("I25", "I25"),
    ("I27", "I27"),
    ("I34", "I37"),
    ("I42", "I43"),
    ("I48", "I50"),
    ("I70", "I73"),
    ("J41", "J45"),
    ("J47", "J47"),
    ("J84", "J84"),
    ("K21", "K21"),
    ("K50", "K51"),
    ("K58", "K58"),
    ("K70", "K70"),
    ("K73", "K76"),
    ("L20", "L20"),
    ("L40", "L40"),
    ("M05", "M10"),
    ("M15", "M19"),
    ("M30", "M36"),
    ("M45", "M48"),
    ("M79", "M81"),
    ("N18", "N18"),
    ("N40", "N40"),
    ("Q00", "Q99"),
)
# Categories of family history.
FAMILY_CATEGORIES = ("Z80", "Z81", "Z82", "Z83", "Z84")
_PERSONAL = words_of("personal history")
_FAMILY = words_of("family history")


def is_lasting(code: str) -> bool:
    """Whether a condition of this code is current although the note tells it as history."""
    category = code[:3]
    return any(low <= category <= high for low, high in _LASTING)


def personal_history(index: TermIndex, words: Words, first: int, last: int) -> str | None:
    """Return the code for a personal history of what the words `[first, last)` name, None when there is none."""
    return _history(index, words, first, last, _PERSONAL, ("Z85", "Z86", "Z87", "Z91", "Z92"))


def family_history(index: TermIndex, words: Words, first: int, last: int) -> str | None:
    """Return the code for a family history of what the words `[first, last)` name, None when there is none."""
    return _history(index, words, first, last, _FAMILY, FAMILY_CATEGORIES)


def _history(
    index: TermIndex, words: Words, first: int, last: int, prefix: Words, categories: tuple[str, ...]
) -> str | None:
    match = index.find_hashes(np.concatenate([prefix.plain, words.plain[first:last]]))
    if match is None:
        return None
    codes = (
        code for code, _, flags in index.targets(match) if flags & (TermFlag.OFFICIAL | TermFlag.CURATED)
    )
    return next((code for code in codes if code[:3] in categories), None)
