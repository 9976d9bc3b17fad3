"""Labels before the name of a problem: a body system ("Renal: AKI") or its rank ("Secondary: HTN")."""

from __future__ import annotations

import re

from bertillon_server.coding.section_titles import SubTitle, normalised, sub_title_of

_LABEL = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z/&,\- ]{0,39}?)[*_]{0,2}"
    r"(?::[*_]{0,2}(?=\s|$)|[ \t][-\u2013\u2014]{1,2}(?=[ \t]|$))[ \t]*"
)
# How high a diagnosis ranks or whether it goes on, in a word before it.
_RANK = re.compile(
    r"(?:primary|secondary|tertiary|principal|additional|other|admitting|admission|discharge|final|working|active"
    r"|chronic|acute|resolved|associated|comorbid|comorbidity|comorbidities)"
    r"(?: (?:diagnos[ie]s|dx|problems?|conditions?|issues?))?",
    re.IGNORECASE,
)
_SYSTEMS = frozenset({SubTitle.SYSTEM, SubTitle.REGION})
# What a plan by system has an entry for beside the systems.
_NO_SYSTEMS = frozenset({"ppx", "prophylaxis and dispo", "sleep", "toxicology screen"})


def is_system(name: str) -> bool:
    """Whether a text as a whole names a body system or a region and nothing that ails it."""
    key = normalised(name)
    return key not in _NO_SYSTEMS and sub_title_of(key) in _SYSTEMS


def label_end(text: str, start: int, stop: int) -> int:
    """Return where the text behind a label begins, `start` when there is no label."""
    match = _LABEL.match(text, start, stop)
    if match is None:
        return start
    name = match["name"]
    return match.end() if _RANK.fullmatch(name) or is_system(name) else start


def is_lone_label(text: str, start: int, stop: int) -> bool:
    """Whether a label, or the bare name of a body system, is all there is."""
    end = label_end(text, start, stop)
    if end > start:
        return not text[end:stop].strip(" \t*_")
    return is_system(text[start:stop].strip(" \t*_:"))
