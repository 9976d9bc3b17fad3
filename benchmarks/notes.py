"""Notes to measure with: those of a file, and any number of different ones made from them."""

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
# Paragraphs of a made-up note: with those of the corpus it becomes as long as an outpatient note.
_PARAGRAPHS = (4, 14)


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


def variations(notes: Sequence[str], seed: int) -> Iterator[str]:
    """Yield endlessly many different notes: paragraphs of different notes, with other numbers in them."""
    draw = random.Random(seed)
    paragraphs = [part for text in notes for part in re.split(r"\n{2,}", text) if part.strip()]
    while True:
        chosen = draw.sample(paragraphs, min(len(paragraphs), draw.randint(*_PARAGRAPHS)))
        yield _NUMBER.sub(lambda number: _other(number[0], draw), "\n\n".join(chosen))


def _other(number: str, draw: random.Random) -> str:
    """Return a number of as many digits, with the same first one, so that ages stay ages."""
    return number[0] + "".join(draw.choices("0123456789", k=len(number) - 1))
