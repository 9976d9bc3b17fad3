"""A note is coded alike whoever is coded beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from benchmarks.notes import own_notes, variations

from bertillon import (
    Alternative,
    Bertillon,
    EncounterCode,
    Mention,
    Note,
    NoteResult,
    SuppressedCode,
    Timings,
)

OTHERS = 50
NOTES = 6


# A vector depends on its batch in the last bits of a float only, and so does a confidence.
ROUNDING = 1e-4


def without_timings(result: NoteResult) -> tuple[list[bytes], list[float]]:
    """Return what a reply says but for its timings: to the bit, and its confidences apart."""
    rated: list[Mention | Alternative | EncounterCode | SuppressedCode] = []
    for section in result.sections:
        section.timings.CopyFrom(Timings())
        for mention in section.mentions:
            rated += [mention, *mention.alternatives]
    result.summary.timings.CopyFrom(Timings())
    rated += [*result.summary.codes, *result.summary.suppressed]
    confidences = [item.confidence for item in rated]
    for item in rated:
        item.confidence = 0
    messages = (result.outline, *result.sections, result.summary)
    return [message.SerializeToString(deterministic=True) for message in messages], confidences


def alike(one: tuple[list[bytes], list[float]], other: tuple[list[bytes], list[float]]) -> bool:
    """Whether two replies say the same to float rounding."""
    return one[0] == other[0] and one[1] == pytest.approx(other[1], abs=ROUNDING)


def test_a_note_is_coded_alike_alone_and_among_fifty_others_on_a_stream(client: Bertillon) -> None:
    texts = own_notes()[:NOTES]
    alone = {str(n): without_timings(client.code_note_all(text)) for n, text in enumerate(texts)}
    others = variations(own_notes(), seed=3)
    company = [Note(note_id=f"other {n}", text=next(others)) for n in range(OTHERS)]
    for n, text in enumerate(texts):
        company.insert(n * OTHERS // NOTES, Note(note_id=str(n), text=text))
    results = dict(client.code_notes(company, max_in_flight=16))
    assert len(results) == OTHERS + NOTES
    for note_id, expected in alone.items():
        result = results[note_id]
        assert isinstance(result, NoteResult)
        assert alike(without_timings(result), expected)


def test_a_note_is_coded_alike_by_calls_side_by_side(client: Bertillon, demo_note: str) -> None:
    expected = without_timings(client.code_note_all(demo_note))
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(client.code_note_all, [demo_note] * 16))
    assert all(alike(without_timings(result), expected) for result in results)
