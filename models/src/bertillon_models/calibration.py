"""Texts that activation scales are chosen on: terms and sentences as the encoder will meet them."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# Fields of a JSON line that may hold the text, the first that is there counts.
_FIELDS = ("text", "section_text", "term")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
# Shorter pieces are initials and bare numbers.
_SHORTEST = 4
# Fixed, so that the same files give the same bundle.
_SEED = 20260401


def sample_texts(files: Sequence[Path], count: int) -> list[str]:
    """Return about `count` texts, each file contributing as many.

    A `.tsv` has a column `term`; a `.jsonl` has a text on each line, which is cut into sentences; of any other
    file each line is a text.
    """
    share = -(-count // len(files))
    sampled: list[str] = []
    for file in files:
        texts = sorted(set(_read(file)))
        sampled += random.Random(_SEED).sample(texts, min(share, len(texts)))
    return sampled


def _read(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", newline="") as handle:
        if file.suffix == ".tsv":
            rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            yield from _usable(row["term"] for row in rows)
        elif file.suffix == ".jsonl":
            for line in handle:
                record = json.loads(line)
                text = next((record[field] for field in _FIELDS if field in record), "")
                yield from _usable(_SENTENCE_END.split(text))
        else:
            yield from _usable(handle)


def _usable(texts: Iterable[str]) -> Iterator[str]:
    return (text.strip() for text in texts if len(text.strip()) >= _SHORTEST)
