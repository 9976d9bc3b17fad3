"""What section titles mean: several hundred ways in which US notes write them, by canonical kind.

The table is curated by hand. Both its entries and the titles of a note pass through `normalised`, so that one
entry stands for every case, plural, punctuation, and the usual abbreviations of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

from bertillon_server.coding.section_title_table import SUB_TITLES, TITLES
from bertillon_server.coding.vocabulary import SectionKind


class SubTitle(Enum):
    """What a title that belongs inside another section is about."""

    SYSTEM = auto()
    """A body system of a review or a plan, for example "Endocrine"."""
    REGION = auto()
    """A region or system as an examination names it, for example "HEENT" or "Lungs"."""
    VITAL = auto()
    """One vital sign."""
    STUDY = auto()
    """One laboratory or imaging study."""
    HABIT = auto()
    """One entry of the social history."""
    AXIS = auto()
    """An axis of a multiaxial psychiatric diagnosis (DSM-IV)."""


MAX_TITLE = 80
"""Code points of the longest title: the longest in use, with a remark in parentheses, stay below it."""

_WORD = re.compile(r"[a-z0-9]+")
_REMARK = re.compile(r"\([^()]*\)?|#\s*\d+|\b\d+(?:[/.-]\d+)+\b")
# Titles that have no remark and no sign that stands for a word: most of them.
_PLAIN = re.compile(r"[a-z .,:-]*+")
_AS_AND = str.maketrans({"&": " and ", "/": " and ", "+": " and ", "'": None, "\u2019": None, "_": " "})

_EXPANDED: Mapping[str, str] = MappingProxyType(
    {
        "hx": "history",
        "dx": "diagnosis",
        "diagnose": "diagnosis",
        "exam": "examination",
        "labs": "laboratory",
        "lab": "laboratory",
        "meds": "medication",
        "med": "medication",
        "preop": "preoperative",
        "postop": "postoperative",
        "preprocedure": "preoperative",
        "postprocedure": "postoperative",
        "preprocedural": "preoperative",
        "postprocedural": "postoperative",
        "er": "ed",
        "pt": "patient",
        "f": "follow",
        "u": "up",
        "immunisation": "immunization",
        "gynaecological": "gynecological",
        "gynaecologic": "gynecological",
        "gynecologic": "gynecological",
        "obstetrical": "obstetric",
        # One surgery is what a report is about, several are a history.
        "surgeries": "surgeries",
        "radiologic": "radiology",
        "radiological": "radiology",
        "radiographic": "radiology",
    }
)

_JOINED = (
    ("follow and up", "followup"),
    ("follow up", "followup"),
    ("pre operative", "preoperative"),
    ("post operative", "postoperative"),
    ("pre procedure", "preoperative"),
    ("post procedure", "postoperative"),
    ("pre op", "preoperative"),
    ("post op", "postoperative"),
    ("x ray", "xray"),
    ("emergency department", "ed"),
    ("emergency room", "ed"),
    ("work up", "workup"),
)

_DROPPED = frozenset({"the", "this", "that", "es"})

# Words before or after a title that say how, when or by whom, and leave its kind as it is.
_BEFORE = frozenset(
    """brief current pertinent relevant significant detailed updated initial final clinical patient outpatient
    inpatient home active chronic reported known additional other focused general limited complete initial
    todays today admission discharge admitting interval prior previous recent available comprehensive problem
    preliminary ed nursing provider physician resident attending my overall preoperative postoperative daily
    consultant prenatal neonatal pediatric adult pre post expanded short abbreviated remaining""".split()
)
_AFTER = frozenset(
    """today reviewed updated note section summary continued cont detail narrative addendum statement data
    information documentation unchanged completed entry list at on of is are as follows following include
    includes including this visit admission discharge patient home by per from in for report""".split()
)

_DIGITS = re.compile(r"\d+")


def _singular(word: str) -> str:
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word in {"diagnoses", "prognoses", "biopsies"}:
        return word[:-2] + "is"
    return word.removesuffix("s")


def _words(title: str) -> list[str]:
    plain = title.lower()
    if not _PLAIN.fullmatch(plain):
        plain = _REMARK.sub(" ", plain).translate(_AS_AND)
    words = []
    for written in _WORD.findall(plain):
        if written in _DROPPED or written.isdecimal():
            continue
        word = _EXPANDED.get(written) or _singular(written)
        words.append(_EXPANDED.get(word, word))
    return words


def normalised(title: str) -> str:
    """Return a title in lower case and singular, abbreviations expanded, remarks and punctuation removed."""
    words = _words(title)
    joined = " ".join(words)
    if len(words) < 2:
        return joined
    for parts, whole in _JOINED:
        if parts in joined:
            joined = f" {joined} ".replace(f" {parts} ", f" {whole} ").strip()
    return joined


def _table() -> dict[str, SectionKind]:
    return {
        normalised(title): SectionKind[kind]
        for kind, titles in TITLES.items()
        for title in titles.replace("\n", ",").split(",")
        if title.strip()
    }


def _sub_table() -> dict[str, SubTitle]:
    return {
        normalised(title): SubTitle[sub]
        for sub, titles in SUB_TITLES.items()
        for title in titles.replace("\n", ",").split(",")
        if title.strip()
    }


_KINDS: Mapping[str, SectionKind] = MappingProxyType(_table())
_SUBS: Mapping[str, SubTitle] = MappingProxyType(_sub_table())
_STUDY_WORDS = frozenset("ct cta mri mra mrcp xray cxr ultrasound sonogram echocardiogram doppler".split())


def kind_of(key: str) -> SectionKind | None:
    """Return the kind of a normalised title, None when the table has no such title.

    Modifiers ("current", "brief", "reviewed") are looked through, at most two on each side.
    """
    kind = _KINDS.get(key)
    if kind is not None or not key or key in _SUBS:
        return kind
    words = key.split(" ")
    if len(words) < 2:
        return None
    before = 0
    while before < min(2, len(words) - 1) and words[before] in _BEFORE:
        before += 1
    after = 0
    while after < min(3, len(words) - 1 - before) and words[-1 - after] in _AFTER:
        after += 1
    for cut in range(after + 1):
        for skipped in range(before + 1):
            kind = _KINDS.get(" ".join(words[skipped : len(words) - cut]))
            if kind is not None:
                return kind
    return _compound(key)


def _compound(key: str) -> SectionKind | None:
    """Return the kind of the first of several titles in one, as in "Drains and specimens"."""
    kinds = [_KINDS.get(part.strip(" ,")) for part in key.split(" and ")]
    return kinds[0] if len(kinds) > 1 and None not in kinds else None


def sub_title_of(key: str) -> SubTitle | None:
    """Return what a normalised title is about when it usually stands inside a section, else None."""
    sub = _SUBS.get(key)
    if sub is not None:
        return sub
    words = key.split(" ")
    if words[-1] in {"examination", "system"} and len(words) > 1:
        return _SUBS.get(" ".join(words[:-1]))
    if words[0] in {"ro", "examination", "gen"} and len(words) > 1:
        return _SUBS.get(" ".join(words[1:]))
    if len(words) <= 6 and not _STUDY_WORDS.isdisjoint((words[0], words[-1])):
        return SubTitle.STUDY
    parts = key.split(" and ")
    if len(parts) > 1:
        subs = {_SUBS.get(part) for part in parts}
        return subs.pop() if len(subs) == 1 else None
    return None


def title_kind(title: str) -> SectionKind | None:
    """Return the kind that a title as written means, None when it is not known."""
    return kind_of(normalised(title[:MAX_TITLE]))
