"""The axes along which a concept divides into billable codes, read from titles and from text alike."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from bertillon_server.coding.vocabulary import AxisKind
from bertillon_server.coding.words import counted_form, written_words

# Canonical forms (see `words.canonical`) that are a value of an axis wherever they stand in a title.
_VALUES: dict[str, AxisKind] = {
    **dict.fromkeys(("right", "left", "bilateral", "unilateral"), AxisKind.LATERALITY),
    **dict.fromkeys(
        ("acute", "chronic", "subacute", "recurrent", "persistent", "intermittent"), AxisKind.ACUITY
    ),
    **dict.fromkeys(("mild", "moderate", "severe", "profound", "morbid"), AxisKind.SEVERITY),
    **dict.fromkeys(("first", "second", "third", "trimester"), AxisKind.TRIMESTER),
    **dict.fromkeys(("systolic", "diastolic", "paroxysmal", "permanent", "type", "1", "2"), AxisKind.TYPE),
    **dict.fromkeys(("stage", "grade", "3", "3a", "3b", "4", "5", "class"), AxisKind.STAGE),
    **dict.fromkeys(
        (
            "exacerbation",
            "complication",
            "intractable",
            "perforation",
            "obstruction",
            "gangrene",
            "hemorrhage",
        ),
        AxisKind.COMPLICATION,
    ),
}
# Words that introduce a value and are none: a note may leave them out ("CKD 3a", "DM 2").
UNSAID = frozenset({"stage", "grade", "class", "type", "trimester", "unilateral"})
_STAGES = frozenset({"stage", "grade", "class"})
_NUMBER = re.compile(r"\d[a-d]?")

# Words of titles that assert nothing a note would have to say.
_EMPTY = frozenset(["unspecified", "specified", "other", "nos", "nec", "uncomplicated", "status", "region"])
_NOTHING: frozenset[str] = frozenset()

# Words taken as documented when the note is silent, each by a rule of the Official Guidelines:
# a fracture not said to be open is closed, not said to be nondisplaced is displaced (I.C.19.c); osteoarthritis
# not said to be secondary is primary (the Alphabetic Index's default); a breast not said to be a man's is a
# woman's (the Neoplasm Table lists "breast (female)"). Titles of eye and ear diseases name the organ again.
DEFAULTS = frozenset({"closed", "displaced", "primary", "female", "ear", "eye"})
# A side that is affected is the dominant one when it is the right, and not when it is the left (I.C.6.a).
DOMINANCE = {"dominant": "right", "nondominant": "left"}


def is_default(form: str, said: Collection[str]) -> bool:
    """Whether a form counts as documented although the text does not say it; `said` are the text's forms."""
    return form in DEFAULTS or form in UNSAID or DOMINANCE.get(form) in said


_ENCOUNTER_PART = re.compile(
    r", ((?:initial|subsequent) encounter\b.*|sequela|not applicable or unspecified|fetus \d|other fetus"
    r"|(?:with|without) tophus(?: \(tophi\))?|unspecified time|in the field.*|at arrival.*"
    r"|at hospital admission.*|24 hours.*)$",
    re.IGNORECASE,
)
# "A or B": either will do, so neither is a detail that the text must have.
_EITHER = re.compile(r"(\w+),? or (\w+)", re.IGNORECASE)
# "with" after "without" turns a title's sense back: "without mention of X, with Y".
_NONESSENTIAL = re.compile(r"\([^)]*\)")
# "Without foreign body of right finger" denies the foreign body only.
_PART = re.compile(r"\b(without|with|not)\b|,|(?<=\bforeign body) (?:of|in)\b")
# A comma ends a denial ("without aura, intractable"), but for one between the items of a list that is denied.
_LIST_GOES_ON = re.compile(r"(?:[^,]+,)* and [^,]+")
_CLASSIFIED = re.compile(r",? not elsewhere classified\b", re.IGNORECASE)
_DOMINANT = re.compile(r"\bnon-dominant\b", re.IGNORECASE)
_OTHER = re.compile(r"\bother\b")
# Words of a title for what "unspecified" leaves open, which name no condition: "unspecified control".
_LEFT_OPEN = re.compile(r"\bunspecified (?:control|trimester|degree|severity|duration)\b", re.IGNORECASE)


def axis_in(form: str, asserted: Collection[str]) -> AxisKind | None:
    """Return the axis of a form in a title: the 2 of "stage 2" is a stage, that of "type 2" a type."""
    if form[:1].isdigit() and not _STAGES.isdisjoint(asserted):
        return AxisKind.STAGE
    return axis_of(form)


def axis_of(form: str) -> AxisKind | None:
    """Return the axis of which a canonical form is a value, None when it is of none."""
    kind = _VALUES.get(form)
    if kind is None and _NUMBER.fullmatch(form):
        return AxisKind.STAGE
    return kind


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart: what it asserts, what it denies, and its 7th-character part.

    `asserts`, `either` and `denies` are canonical forms; `either` holds what stands beside an "or". `open`
    tells that the title leaves a detail open ("unspecified"), `other` that it stands for a detail that has no
    code of its own.
    """

    asserts: frozenset[str]
    either: frozenset[str]
    denies: frozenset[str]
    encounter: str
    open: bool
    other: bool


@dataclass(frozen=True, slots=True)
class _Body:
    """What the words of a title before its 7th-character part say; see `Title`."""

    asserts: frozenset[str]
    either: frozenset[str]
    denies: frozenset[str]
    open: bool
    other: bool


# Keys are titles of the code set, never text of a note. A decoder keeps those of the codes that notes name, and what
# is needed of others by category; an audit asks for those of whole categories. All of a release would take 45 MB.
@lru_cache(maxsize=16_384)
def read_title(title: str) -> Title:
    """Take a title of the code set apart."""
    ending = _ENCOUNTER_PART.search(title)
    body = _read_body(title[: ending.start()] if ending else title)
    encounter = sys.intern(ending.group(1).lower()) if ending else ""
    return Title(body.asserts, body.either, body.denies, encounter, body.open, body.other)


# A section of a note asks for all titles of a category, and those that differ in the 7th character stand together.
@lru_cache(maxsize=256)
def _read_body(text: str) -> _Body:
    # Words in parentheses are nonessential modifiers: present or absent, they change nothing (I.A.7).
    body = _NONESSENTIAL.sub("", text)
    body = _DOMINANT.sub("nondominant", _CLASSIFIED.sub("", _LEFT_OPEN.sub("unspecified", body)))
    asserts: set[str] = set()
    denies: set[str] = set()
    denying = False
    at = 0
    for part in [*_PART.finditer(body), None]:
        chunk = body[at : part.start() if part else len(body)]
        (denies if denying else asserts).update(_forms(chunk))
        if part is None:
            break
        word = part.group().lower().strip()
        if word in {"without", "not"}:
            denying = True
        elif word != "," or not _LIST_GOES_ON.fullmatch(body, part.end()):
            denying = False
        at = part.end()
    lowered = body.lower()
    either = set().union(*(_forms(" ".join(pair.groups())) for pair in _EITHER.finditer(body))) & asserts
    return _Body(
        asserts=_kept(asserts - either),
        either=_kept(either),
        denies=_kept(denies - asserts),
        open="unspecified" in lowered,
        other="other" in lowered and _OTHER.search(lowered) is not None,
    )


def _kept(forms: set[str]) -> frozenset[str]:
    """Return forms to be kept; a set of nothing is one for all, since most titles have two, of 216 bytes each."""
    return frozenset(forms) if forms else _NOTHING


def _forms(text: str) -> set[str]:
    forms = set(map(_form, written_words(text)))
    forms.discard("")
    return forms


# Words of titles, of which a release has some 12,000.
@lru_cache(maxsize=32_768)
def _form(word: str) -> str:
    """Return the canonical form of a title's word, empty for one that asserts nothing."""
    form = counted_form(word)
    return "" if form in _EMPTY else form
