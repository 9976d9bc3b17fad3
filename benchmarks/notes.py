"""Notes to measure with: those of a file or of the project, and any number of different ones made from them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.service import ROOT

DEMO = ROOT / "deploy" / "demo" / "note.txt"
CORPUS = ROOT / "models" / "corpus"

# How the corpus marks where a note begins, and what a mention means: `{{words|code|assertion|codeable}}`.
_HEADER = re.compile(r"^=== note:.*\n", re.MULTILINE)
_ANNOTATION = re.compile(r"\{\{([^{}|]+)\|[^{}]*\}\}")
_NUMBER = re.compile(r"\d+")
# Where a sentence ends, and a line; kept by `split`, so that the text can be put together again.
_BREAK = re.compile(r"((?<=[.!?])\s+|\s*\n\s*)")
# A line of so few words without a full stop is a header or an item of a list: nothing is added to it.
_SHORT_WORDS = 3
# Paragraphs of a made-up note: with those of the corpus it becomes as long as an outpatient note.
_PARAGRAPHS = (4, 14)
# How often numbers are drawn anew before a time is added, and times of a minute before they are of a second.
_NUMBERS_TRIED = 3
_MINUTES_TRIED = 20


def demo_note() -> str:
    """Return the note of the demonstration."""
    return DEMO.read_text("utf-8")


def notes_of(path: Path) -> list[str]:
    """Return the texts of a file: JSON lines with a `text`, annotated notes of the corpus, or one note."""
    content = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        texts = [json.loads(line)["text"] for line in content.splitlines() if line.strip()]
        return [text for text in texts if text.strip()]
    if _HEADER.search(content):
        return [_ANNOTATION.sub(r"\1", text).strip() for text in _HEADER.split(content) if text.strip()]
    return [content]


def own_notes() -> list[str]:
    """Return the notes of the corpus, where there are any, and the note of the demonstration."""
    return [text for path in sorted(CORPUS.glob("*.txt")) for text in notes_of(path)] + [demo_note()]


class Unrepeated:
    """Changes texts so that no sentence comes twice: a server that keeps what it has seen gains nothing by it.

    A sentence that has not come yet stays as it is. Otherwise its numbers are drawn anew, and where that is not
    enough a time of day is added. Headers stay as they are.
    """

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._seen: set[str] = set()

    def text(self, text: str) -> str:
        """Return the text with sentences that no earlier text had."""
        return "".join(
            part if index % 2 else self._sentence(part) for index, part in enumerate(_BREAK.split(text))
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
                changed = f"{changed[:end]} at {at}{changed[end:]}"
            tries += 1
        self._seen.add(changed)
        return changed

    def _other(self, number: str) -> str:
        """Return a number of as many digits, with the same first one, so that ages stay ages."""
        return number[0] + "".join(self._draw.choices("0123456789", k=len(number) - 1))


def variations(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield endlessly many different notes: paragraphs of different notes, no sentence of which comes twice.

    Each paragraph is used once before any is used again.
    """
    draw = random.Random(seed)
    unrepeated = Unrepeated(draw)
    paragraphs = [part for text in notes for part in re.split(r"\n{2,}", text) if part.strip()]
    left: list[str] = []
    while True:
        wanted = min(len(paragraphs), draw.randint(*_PARAGRAPHS))
        if len(left) < wanted:
            left = draw.sample(paragraphs, len(paragraphs))
        chosen, left = left[:wanted], left[wanted:]
        yield unrepeated.text("\n\n".join(chosen))


def unrepeated(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield the notes, then endlessly again with other numbers and times, so that no sentence comes twice."""
    changed = Unrepeated(random.Random(seed))
    while True:
        for text in notes:
            yield changed.text(text)


def copied_forward(notes: Sequence[str], seed: int, share: float, patients: int = 32) -> Iterator[str]:
    """Yield endlessly many notes of which, in all, `share` of the characters stood in the same patient's last note.

    Whole paragraphs are copied. Patients come in random order; the first note of each copies nothing, and later ones
    make up for it.
    """
    draw = random.Random(seed)
    last: dict[int, list[str]] = {}
    written = repeated = 0
    for text in variations(notes, seed):
        patient = draw.randrange(patients)
        copied = _first(last.get(patient, []), share * (written + len(text)) - repeated)
        new = _first(text.split("\n\n"), len(text) - sum(map(len, copied)))
        repeated += sum(map(len, copied))
        written += sum(map(len, copied)) + sum(map(len, new))
        # What is new stands first, so that the next note copies some of it too.
        last[patient] = new + copied
        yield "\n\n".join(last[patient])


def _first(paragraphs: Sequence[str], characters: float) -> list[str]:
    """Return as many of the first paragraphs as come nearest to a number of characters."""
    taken: list[str] = []
    length = 0
    for part in paragraphs:
        if length + len(part) / 2 > characters:
            break
        taken.append(part)
        length += len(part)
    return taken
