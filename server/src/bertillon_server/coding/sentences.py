"""Cuts clinical text into sentences and list entries, with exact offsets.

A line is the first unit of a note: a list entry ends with it whether or not there is a period. Lines that were
only wrapped are read on. Within such a block, periods are judged by what they follow and precede.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bertillon_server.coding.spans import Span

MAX_SENTENCE = 1000
"""Code points. Longer than any sentence of a real note by a factor of two, and some 250 word pieces."""

# A period after these never ends a sentence, whatever follows.
_OPEN = frozenset(
    """dr drs mr mrs ms prof st vs v e.g i.e eg ie cf approx appx fig figs ext no nos est incl ca viz rev sgt
    q qty a.k.a c.f w/o w tel ph dob mt s/p h/o c/o r/o b/l""".split()
)
# These end one only where the next word begins with a capital.
_ABBREVIATED = frozenset(
    """pt pts q.d b.i.d t.i.d q.i.d q.h.s q.o.d q.a.m q.p.m p.o p.r.n prn po bid tid qid qd qhs h.s a.m p.m a.c p.c
    i.v i.m s.q s.c subq s.l n.p.o npo d.o.b r.o d/c dx hx rx tx sx fx cont appt appts dept hosp temp tab tabs cap
    caps meds med abd bilat diff prev poss prob neuro resp avg max min mins hr hrs wk wks mo mos yr yrs y.o yo sec
    secs mg mcg gm gms kg lb lbs oz ml cc cm mm ft in lt rt lat ant post sup inf mod sev occ freq hgb hct wbc plt
    jr sr m.d d.o r.n ph.d p.a n.p c.n.m u.s etc et al esp adm eval exam f/u fam gen id inj int lab labs mult neg
    pos norm orig periph phys proc prox dist rec ref reg rehab rm sched spec surg sympt therap vag vol wnl wt ht
    jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu thurs fri sat sun""".split()
)
# "Hepatitis C. She ...": the letter belongs to the disease, not to a name.
_LETTERED = frozenset(
    "hepatitis vitamin type grade class group influenza stage axis hemoglobin category strep level part phase".split()
)
_BEFORE_NAMES = frozenset({"by", "with", "per", "from", "and", "see", "sees", "saw"})
_TITLES = frozenset({"dr", "drs", "mr", "mrs", "ms", "prof"})
# Words that begin a sentence even where a typist left the capital out, and that follow no initial of a name.
_STARTERS = frozenset(
    """no denies denied he she they we i it the pt patient patients his her there this these has had will was were
    is on in at a an after also all any but if when although however currently continue continues will started
    reports states positive negative""".split()
)

_LINE = re.compile(r"[^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]++")
_LISTED = re.compile(
    r"(?:[-*\u2022\u00b7\u25aa\u25cf\u25e6\u2023+>\u2013\u2014]+[ \t]|\(?\d{1,2}[.)]|#|\(?[a-zA-Z][.)][ \t])"
)
_LABEL = re.compile(r"[A-Za-z][A-Za-z /&()-]{0,40}+:")
_STOP = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019)\]*]*+(?=\s)|(?<=[a-z]{2})\.(?=[A-Z][a-z])"
)
_MARK = re.compile(r"[(#]?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]")
_GOES_ON = re.compile(
    r"(?:[,/&+(]|\b(?:and|or|of|with|the|to|for|in|on|a|an|by|at|from|as|was|is|are|his|her|Dr\.))$"
)
_ENDED = re.compile(r"[.!?:;]$")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
_LONGEST_WORD = 24
"""Code points of text before a period in which the word that it ends is looked for."""


def split_sentences(text: str, span: Span) -> list[Span]:
    """Return the sentences and list entries within a span of the text, in order.

    They do not overlap, have no white space at either end, are never empty nor longer than `MAX_SENTENCE`, and
    together cover every character of the span that is not white space.
    """
    sentences: list[Span] = []
    for block in _blocks(text, span):
        for sentence in _in_block(text, block):
            sentences.extend(_capped(text, sentence))
    return sentences


def _blocks(text: str, span: Span) -> Iterator[Span]:
    """Yield lines, wrapped ones joined; a block starts and ends with a character that is not white space."""
    held: Span | None = None
    for match in _LINE.finditer(text, span.start, span.end):
        line = _trimmed(text, match.start(), match.end())
        if line is None:
            continue
        if held is not None:
            if _wrapped(text, held, line):
                held = Span(held.start, line.end)
                continue
            yield held
        held = line
    if held is not None:
        yield held


def _wrapped(text: str, before: Span, line: Span) -> bool:
    """Whether the line reads on from the text before it, which was only wrapped."""
    between = text[before.end : line.start]
    if between.count("\n") > 1 or between.count("\r") > 1 or between.count("\u2029"):
        return False
    tail = text[max(before.start, before.end - _LONGEST_WORD) : before.end]
    if _GOES_ON.search(tail):
        return not (_LISTED.match(text, line.start, line.end) or _LABEL.match(text, line.start, line.end))
    if _ENDED.search(tail) or not text[line.start].islower():
        return False
    return not (_LISTED.match(text, line.start, line.end) or _LABEL.match(text, line.start, line.end))


def _in_block(text: str, block: Span) -> Iterator[Span]:
    start = block.start
    mark = _MARK.match(text, start, block.end)
    counted = 1 if mark and mark[0].strip("(#.)") == "1" else 0
    for match in _STOP.finditer(text, start, block.end):
        if match.start() < start:
            continue
        end = match.end()
        if counted and text[match.start()] == ".":
            number = _number_before(text, start, match.start())
            if number == str(counted + 1):
                counted += 1
                end = match.start() - len(number)
                sentence = _trimmed(text, start, end)
                if sentence is not None:
                    yield sentence
                    start = end
                continue
        if _ends(text, Span(start, block.end), match):
            sentence = _trimmed(text, start, end)
            if sentence is not None:
                yield sentence
            start = end
    sentence = _trimmed(text, start, block.end)
    if sentence is not None:
        yield sentence


def _number_before(text: str, start: int, stop: int) -> str:
    """Return the digits that the period ends when they stand alone after white space, else nothing."""
    at = stop
    while at > start and stop - at < 3 and text[at - 1].isdecimal():
        at -= 1
    alone = start < at < stop and text[at - 1].isspace()
    return text[at:stop] if alone else ""


def _ends(text: str, within: Span, stop: re.Match[str]) -> bool:  # noqa: PLR0911 - one rule a return
    """Whether the punctuation ends the sentence that starts at `within.start`."""
    following = _following(text, stop.end(), within.end)
    if not following:
        return True
    first = following[0]
    marks = stop[0]
    if len(marks.rstrip("\"'\u201d\u2019)]*")) > 1 or marks[0] == "\u2026":
        return first.isupper()
    if marks[0] in "!?":
        return not first.islower() and stop.start() > within.start and not text[stop.start() - 1].isspace()
    word = _word_before(text, within.start, stop.start())
    lowered = word.lower().lstrip("(\"'[")
    if stop.start() - len(word) <= within.start and _MARK.fullmatch(word + "."):
        return False
    if lowered == "no":
        return not first.isdecimal()
    if len(lowered) == 1 and lowered.isalpha():
        return _ends_after_letter(text, Span(within.start, stop.start() - 1), word, following)
    if lowered in _OPEN:
        return False
    dotted = "." in lowered and len(lowered) <= 7 and not lowered[0].isdecimal()
    if lowered in _ABBREVIATED or dotted:
        return first.isupper() or following in _STARTERS - {"in", "on", "at", "a", "an", "all", "if", "the"}
    if first.islower():
        return following in _STARTERS or (len(lowered) > 2 and lowered.isalpha())
    return True


def _ends_after_letter(text: str, before: Span, letter: str, following: str) -> bool:
    """Whether a period after a single letter ends a sentence, being no initial of a name."""
    if following[0].islower():
        return following in _STARTERS and letter.isupper()
    previous = _word_before(text, before.start, _trimmed_end(text, before)).rstrip(",")
    if not previous or previous.endswith("."):
        return previous.lower().rstrip(".") in _TITLES and following.lower() in _STARTERS
    if previous.lower() in _LETTERED or not (previous[0].isupper() or previous in _BEFORE_NAMES):
        return True
    return following.lower() in _STARTERS


def _following(text: str, at: int, end: int) -> str:
    """Return the next word, or the next character that is not white space when it is no letter."""
    while at < end and (text[at].isspace() or text[at] in "\"'(\u201c\u2018"):
        at += 1
    stop = at
    while stop < min(end, at + _LONGEST_WORD) and text[stop].isalpha():
        stop += 1
    return text[at : max(stop, at + 1)] if at < end else ""


def _word_before(text: str, start: int, stop: int) -> str:
    """Return what stands between white space and `stop`, no more than `_LONGEST_WORD` of it."""
    words = text[max(start, stop - _LONGEST_WORD) : stop].split()
    return words[-1] if words else ""


def _trimmed_end(text: str, span: Span) -> int:
    end = span.end
    while end > span.start and text[end - 1].isspace():
        end -= 1
    return end


def _capped(text: str, sentence: Span) -> Iterator[Span]:
    """Yield the sentence in pieces of at most `MAX_SENTENCE`, cut at white space where there is any."""
    start = sentence.start
    while sentence.end - start > MAX_SENTENCE:
        cut = _cut(text, start, start + MAX_SENTENCE)
        piece = _trimmed(text, start, cut)
        if piece is not None:
            yield piece
        start = cut
    piece = _trimmed(text, start, sentence.end)
    if piece is not None:
        yield piece


def _cut(text: str, start: int, limit: int) -> int:
    half = start + MAX_SENTENCE // 2
    for signs in (";", ",", None):
        for at in range(limit, half, -1):
            if text[at - 1].isspace() and (signs is None or text[at - 2] == signs):
                return at
    at = limit
    # No user would call half a character a character; a run of marks without end is cut anyway.
    while at > half and (unicodedata.combining(text[at]) or text[at] in _JOINERS or text[at - 1] == "\u200d"):
        at -= 1
    return at if at > half else limit


def _trimmed(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None
