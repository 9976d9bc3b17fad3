from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from benchmarks.notes import (
    Unrepeated,
    copied_forward,
    notes_of,
    own_notes,
    sections_of,
    unrepeated,
    variations,
)

NOTES = own_notes()


def sentences(text: str) -> list[str]:
    """Return what is long enough to be told from what others write."""
    return [line for line in text.splitlines() if len(line.split()) > 3 and not line.endswith(":")]


def test_variations_follow_from_the_seed() -> None:
    one = list(islice(variations(NOTES, seed=1), 100))
    assert one == list(islice(variations(NOTES, seed=1), 100))
    assert one != list(islice(variations(NOTES, seed=2), 100))


def test_no_line_comes_twice_however_often_the_notes_have_been_gone_through() -> None:
    few = ["Complains of cough for 3 days.\nNo fever today at all.", "ASSESSMENT:\nStable on the same dose."]
    lines = [line for text in islice(variations(few, seed=1), 300) for line in sentences(text)]
    assert len(lines) > 300
    assert len(set(lines)) == len(lines)


def test_the_first_time_a_text_stays_as_it_is_and_headers_always_do() -> None:
    text = "ASSESSMENT:\nStable on the same dose.\nPLAN:\nReturn in 12 weeks for labs."
    changed = Unrepeated(random.Random(1))
    assert changed.text(text) == text
    again = changed.text(text).splitlines()
    assert [again[0], again[2]] == ["ASSESSMENT:", "PLAN:"]
    assert again[1].startswith("Stable on the same dose at ")
    assert again[3].startswith("Return in 1")


def test_a_note_made_over_keeps_its_length_nearly() -> None:
    texts = list(islice(unrepeated(NOTES[-1:], seed=1), 20))
    assert len(set(texts)) == 20
    assert max(map(len, texts)) < 1.25 * len(NOTES[-1])


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_as_much_is_copied_forward_as_was_asked_for(share: float) -> None:
    seen: set[str] = set()
    copied = written = 0
    for text in islice(copied_forward(NOTES, seed=1, share=share), 400):
        for part in sections_of(text):
            written += len(part)
            copied += len(part) * (part in seen)
            seen.add(part)
    assert copied / written == pytest.approx(share, abs=0.03)


def test_notes_are_read_without_their_annotations(tmp_path: Path) -> None:
    annotated = tmp_path / "notes.txt"
    annotated.write_text(
        "=== note: a | x: y\nNo {{pain|R52|negated|n:negated}}.\n\n=== note: b | x: y\nGout\n"
    )
    assert notes_of(annotated) == ["No pain.", "Gout"]
    lines = tmp_path / "notes.jsonl"
    lines.write_text('{"text": "Gout"}\n\n{"text": " "}\n')
    assert notes_of(lines) == ["Gout"]
    assert len(NOTES) > 1
