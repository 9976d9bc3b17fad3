"""Notes to measure with: those of a file or of the project, and any number of different ones made from them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks.service import ROOT

DEMO = ROOT / "deploy" / "demo" / "note.txt"
CORPUS = ROOT / "models" / "corpus"

# How the corpus marks where a note begins, and what a mention means: `{{words|code|assertion|codeable}}`.
_HEADER = re.compile(r"^=== note:.*\n", re.MULTILINE)
_ANNOTATION = re.compile(r"\{\{([^{}|]+)\|[^{}]*\}\}")
_NUMBER = re.compile(r"\d+")
# Where a sentence ends, and a line; kept by `split`, so that the text can be put together again.
_BREAK = re.compile(r"((?<=[.!?])\s+|\s*\n\s*)")
_LINE_BREAK = re.compile(r"(\s*\n\s*)")
# A line of so few words without a full stop is a header or an item of a list: nothing is added to it.
_SHORT_WORDS = 3
# How a section of a note begins: a title in capitals, or one before a colon.
_TITLE = re.compile(r"[A-Z][A-Z &/,'()-]{2,40}(:|\n|$)|[A-Z][\w &/'()-]{1,30}:")
# Characters of a made-up note: 2,700 in the mean, as an outpatient note has.
_CHARACTERS = (1_000, 4_000)
# How often numbers are drawn anew before a time is added, and times of a minute before they are of a second, and
# these before they are of a millionth: there are always more of them.
_NUMBERS_TRIED = 3
_MINUTES_TRIED = 20
_SECONDS_TRIED = 40
_JSON_LINES = frozenset({".jsonl", ".ndjson"})


class NotesError(click.UsageError):
    """A file of notes cannot be used; the message is one sentence, without a word of what stands in the file."""


class GivenNote(str):
    """A note of a file that was named for a run: it is offered as it stands, not taken apart."""

    __slots__ = ()


def demo_note() -> str:
    """Return the note of the demonstration."""
    return DEMO.read_text("utf-8")


def notes_of(path: Path) -> list[str]:
    """Return the notes of a file, as given ones: JSON lines with a `text`, annotated notes, or one note.

    Raises NotesError where it is nothing of that, and where it holds no note.
    """
    texts: list[str] = [GivenNote(text) for text in _texts_of(path)]
    if not texts:
        raise NotesError(f"{path} holds no note")
    return texts


def own_notes() -> list[str]:
    """Return the notes of the corpus, where there are any, and the note of the demonstration."""
    return [text for path in sorted(CORPUS.glob("*.txt")) for text in _texts_of(path)] + [demo_note()]


def _texts_of(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix == ".json":
        raise NotesError(f"{path} is no JSON lines by its name: write one note a line and call it .jsonl")
    try:
        # Some editors begin a file with a mark of its encoding, which is no part of a note.
        content = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise NotesError(f"{path}, line {line}: not UTF-8") from None
    if suffix in _JSON_LINES:
        # Not `splitlines`: JSON may hold other separators of lines within a text.
        lines = enumerate(content.split("\n"), start=1)
        texts = [_text_of(line, f"{path}, line {number}") for number, line in lines if line.strip()]
    elif _HEADER.search(content):
        texts = [_ANNOTATION.sub(r"\1", text).strip() for text in _HEADER.split(content)]
    else:
        texts = [content]
    return [text for text in texts if text.strip()]


def _text_of(line: str, where: str) -> str:
    """Return the `text` of a line of JSON; NotesError, which begins with `where`, when it has none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise NotesError(f"{where}: no JSON") from None
    text = entry.get("text") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        raise NotesError(f"{where}: no object with a `text` that is a string")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotesError(f"{where}: half a surrogate pair in `text`, which cannot be sent") from None
    return text


class Unrepeated:
    """Changes texts so that no sentence of some length comes twice: keeping what was seen gains nothing.

    A sentence that has not come yet stays as it is. Otherwise its numbers are drawn anew, and where that is not
    enough a time of day is added. Headers stay as they are. `breaks` says where one ends and the next begins.
    """

    def __init__(self, draw: random.Random, breaks: re.Pattern[str] = _BREAK) -> None:
        self._draw = draw
        self._breaks = breaks
        self._seen: set[str] = set()

    def keep(self, text: str) -> None:
        """Count a text as one that came as it is."""
        self._seen.update(self._breaks.split(text)[::2])

    def text(self, text: str) -> str:
        """Return the text with sentences that no earlier text had."""
        return "".join(
            part if index % 2 else self._sentence(part) for index, part in enumerate(self._breaks.split(text))
        )

    def _sentence(self, sentence: str) -> str:
        if sentence.endswith(":") or len(sentence.split()) <= _SHORT_WORDS:
            return sentence
        changed = sentence
        tries = 0
        while changed in self._seen:
            changed = _NUMBER.sub(lambda number: self._other(number[0]), sentence)
            if tries >= _NUMBERS_TRIED or changed == sentence:
                end = len(changed.rstrip(".!?"))
                at = f"{self._draw.randrange(24):02}:{self._draw.randrange(60):02}"
                at += f":{self._draw.randrange(60):02}" * (tries >= _MINUTES_TRIED)
                if tries >= _SECONDS_TRIED:
                    at += f".{self._draw.randrange(10**6):06}"
                changed = f"{changed[:end]} at {at}{changed[end:]}"
            tries += 1
        self._seen.add(changed)
        return changed

    def _other(self, number: str) -> str:
        """Return a number of as many digits, with the same first one, so that ages stay ages."""
        return number[0] + "".join(self._draw.choices("0123456789", k=len(number) - 1))


def variations(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield endlessly many different notes: sections of others, of which no sentence of some length comes twice.

    Each section is used once before any is used again. Notes that were given stay whole; see `_rounds`.
    """
    if _are_given(notes):
        return _rounds(notes, seed)
    return ("\n\n".join(sections) for sections in _varied(notes, seed))


def sections_of(note: str) -> list[str]:
    """Return the sections of a note: paragraphs, those without a title with the one before them."""
    sections: list[str] = []
    for part in re.split(r"\n{2,}", note.strip()):
        if sections and not _TITLE.match(part):
            sections[-1] += f"\n\n{part}"
        else:
            sections.append(part)
    return sections


def unrepeated(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield the notes, then endlessly again with other numbers and times: no sentence of some length comes twice."""
    changed = Unrepeated(random.Random(seed))
    while True:
        for text in notes:
            yield changed.text(text)


def copied_forward(notes: Sequence[str], seed: int, share: float, patients: int = 32) -> Iterator[str]:
    """Yield endlessly many notes of which, in all, `share` of the characters stood in the same patient's last note.

    Whole sections are copied, as in an electronic record. Patients come in random order; the first note of each
    copies nothing, and later ones make up for it.
    """
    draw = random.Random(seed)
    last: dict[int, list[str]] = {}
    written = repeated = 0
    are_given = _are_given(notes)
    made = map(sections_of, _rounds(notes, seed)) if are_given else _varied(notes, seed)
    for sections in made:
        patient = draw.randrange(patients)
        length = sum(map(len, sections))
        copied = _first(last.get(patient, []), share * (written + length) - repeated)
        new = _first(sections, length - sum(map(len, copied)))
        if are_given and new and copied and not _TITLE.match(copied[0]):
            # What has no title would become a part of the section before it, which nobody has seen.
            del copied[0]
        repeated += sum(map(len, copied))
        written += sum(map(len, copied)) + sum(map(len, new))
        # What is new stands first, so that the next note copies some of it too.
        last[patient] = new + copied
        yield "\n\n".join(last[patient])


def _are_given(notes: Sequence[str]) -> bool:
    return all(isinstance(text, GivenNote) for text in notes)


def _rounds(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield the notes as they are and in their order, then endlessly again with no line of some length as before.

    A line changes by its numbers or by a time at its end, so that later notes are hardly longer and nothing is left
    out. A change to every sentence would make them a tenth longer, and a server would gain from it no less.
    """
    changed = Unrepeated(random.Random(seed), _LINE_BREAK)
    for text in notes:
        changed.keep(text)
        yield str(text)
    while True:
        for text in notes:
            yield changed.text(text)


def _varied(notes: Sequence[str], seed: int) -> Iterator[list[str]]:
    """Yield the sections of one made-up note after the other."""
    draw = random.Random(seed)
    unrepeated = Unrepeated(draw)
    sections = [section for text in notes for section in sections_of(text)]
    # What has no title would become a part of whatever section it comes to stand behind.
    sections = [section for section in sections if _TITLE.match(section)] or sections
    left: list[str] = []
    while True:
        wanted = draw.randint(*_CHARACTERS)
        chosen: list[str] = []
        while sum(map(len, chosen)) < wanted:
            left = left or draw.sample(sections, len(sections))
            chosen.append(unrepeated.text(left.pop()))
        yield chosen


def _first(sections: Sequence[str], characters: float) -> list[str]:
    """Return as many of the first sections as come nearest to a number of characters."""
    taken: list[str] = []
    length = 0
    for part in sections:
        if length + len(part) / 2 > characters:
            break
        taken.append(part)
        length += len(part)
    return taken
