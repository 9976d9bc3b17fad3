"""Splits a sentence into words and signs, and names the class of those that cues speak of by class."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bertillon_server.coding.spans import Span

# A word keeps the "n't" of a contraction, since that is what negates; everything else splits at its signs, so
# that "h/o", "non-tender" and "h / o" are matched alike.
_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019]t\b)?|\d+|[^\w\s]|_")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")

_KIN = frozenset(
    """mother mom mum mommy father dad daddy brother brothers sister sisters sibling siblings aunt aunts uncle
    uncles cousin cousins grandmother grandmothers grandfather grandfathers grandparent grandparents grandma
    grandpa mgm mgf pgm pgf son sons daughter daughters niece nephew nieces nephews parent parents relative
    relatives mothers fathers twin stepbrother stepsister""".split()
)
_OTHER = frozenset(
    """wife husband spouse partner boyfriend girlfriend fiance fiancee roommate roommates coworker coworkers
    colleague colleagues friend friends neighbor neighbors classmate classmates donor caregiver caretaker
    housemate housemates stepmother stepfather""".split()
)
_MONTH = frozenset(
    """january february march april may june july august september october november december jan feb mar apr
    jun jul aug sep sept oct nov dec""".split()
)
_WHILE = frozenset("hour hours hr hrs day days week weeks wk wks".split())
_LONG = frozenset("month months mo mos year years yr yrs decade decades".split())
# Forms that no cue tells apart.
_FORMS = {
    "is": ("was",),
    "are": ("were",),
    "has": ("have", "had"),
    "does": ("do", "did"),
    "doesn't": ("don't", "didn't"),
    "hasn't": ("haven't", "hadn't"),
    "isn't": ("wasn't", "aren't", "weren't"),
    "denies": ("deny", "denied", "denying"),
    "he": ("she",),
    "his": ("her", "their", "my", "your"),
    "patient": ("pt",),
    "hx": ("history",),
    "#": tuple("one two three four five six seven eight nine ten eleven twelve several few couple".split()),
}
_CLASSES = {
    **{form: key for key, forms in _FORMS.items() for form in forms},
    **dict.fromkeys(_WHILE, "@while"),
    **dict.fromkeys(_LONG, "@long"),
    **dict.fromkeys(_KIN, "@kin"),
    **dict.fromkeys(_OTHER, "@other"),
    **dict.fromkeys(_MONTH - {"may"}, "@month"),
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "☒": "☑",
}
# Years that a note can speak of as the past of a living person.
_FIRST_YEAR, _LAST_YEAR = 1900, 2099


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a sentence: where each starts and ends (code points of the text) and its key."""

    starts: list[int]
    ends: list[int]
    keys: list[str] = field(repr=False)
    breaks: frozenset[int]
    """Tokens in front of which a line ends a clause: a blank line, or a new bullet."""


def key_of(word: str) -> str:
    """Return the key that a token is matched by: its class, or itself in lower case."""
    lower = word.lower()
    if lower.isalpha():
        return _CLASSES.get(lower, lower)
    if word.isdecimal():
        return "#year" if len(word) == 4 and _FIRST_YEAR <= int(word) <= _LAST_YEAR else "#"
    lower = lower.replace("\u2019", "'")
    return _CLASSES.get(lower, lower)


def tokenize(text: str, sentence: Span) -> Tokens:
    """Split a sentence of a text; linear in its length."""
    places = [match.span() for match in _TOKEN.finditer(text, sentence.start, sentence.end)]
    words = [text[start:end] for start, end in places]
    breaks: set[int] = set()
    if "\n" in sentence.of(text):
        last = sentence.start
        for at, ((start, end), word) in enumerate(zip(places, words, strict=True)):
            if start > last and at and "\n" in text[last:start] and _breaks(text, last, start, word):
                breaks.add(at)
            last = end
    return Tokens(
        [start for start, _ in places],
        [end for _, end in places],
        [key_of(word) for word in words],
        frozenset(breaks),
    )


def _breaks(text: str, last: int, start: int, word: str) -> bool:
    return word in "-*•+#☐☑☒[" or word.isdecimal() or _BLANK_LINE.search(text, last, start) is not None


def phrase_keys(phrase: str) -> tuple[str, ...]:
    """Return the keys of a phrase of a cue table; classes stand for themselves."""
    keys: list[str] = []
    for word in phrase.split():
        keys.extend((word,) if word[0] in "@#" else (key_of(part) for part in _TOKEN.findall(word)))
    return tuple(keys)
