"""What the caller is told, through the client, of a request that cannot be answered."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.notes import own_notes, variations
from benchmarks.service import Service
from gauges import assert_holds_no_more_than, held

from bertillon import (
    Bertillon,
    BertillonError,
    CodingOptions,
    InvalidRequestError,
    MessageTooLargeError,
    Note,
    NoteResult,
    PreCutSection,
    Retries,
    Span,
)

NOTES = 1_000
BAD = 500

SENTINEL = "xyzzyphus"
BAD_NOTES: dict[str, tuple[Note, CodingOptions, str]] = {
    "empty": (Note(), CodingOptions(), "note.text"),
    "blank": (Note(text=" \r\n\u00a0\t"), CodingOptions(), "note.text"),
    "date": (Note(text=SENTINEL, date_of_service=SENTINEL), CodingOptions(), "note.date_of_service"),
    "system": (Note(text=SENTINEL), CodingOptions(code_systems=[SENTINEL]), "options.code_systems[0]"),
    "threshold": (Note(text=SENTINEL), CodingOptions(min_confidence=1.5), "options.min_confidence"),
    "alternatives": (Note(text=SENTINEL), CodingOptions(max_alternatives=51), "options.max_alternatives"),
    "section": (
        Note(text=SENTINEL, sections=[PreCutSection(span=Span(start=0, end=99))]),
        CodingOptions(),
        "note.sections[0].span",
    ),
}


@pytest.mark.parametrize("what", BAD_NOTES)
def test_a_bad_note_is_refused_with_the_field_and_never_quoted(client: Bertillon, what: str) -> None:
    note, options, field = BAD_NOTES[what]
    with pytest.raises(InvalidRequestError) as caught:
        client.code_note_all(note, options=options)
    assert [violation.field for violation in caught.value.violations] == [field]
    assert field in str(caught.value)
    assert SENTINEL not in str(caught.value)


def test_a_note_over_the_limit_is_told_the_limit(client: Bertillon) -> None:
    with pytest.raises(InvalidRequestError, match=r"200,?000"):
        client.code_note_all("a" * 200_001)


def test_a_message_over_the_limit_is_refused_and_the_client_says_what_to_do(server: Service) -> None:
    with (
        Bertillon(server.target, max_request_bytes=2**24, retries=Retries(attempts=1)) as client,
        pytest.raises(MessageTooLargeError, match="split the note"),
    ):
        client.code_note_all("a" * 2_000_000)


def test_one_bad_note_among_a_thousand_is_reported_and_the_others_are_coded(
    client: Bertillon, server: Service
) -> None:
    before = held(server)
    sentences = [line for text in own_notes() for line in text.splitlines() if len(line) > 20]
    texts = [sentences[n % len(sentences)] for n in range(NOTES)]
    texts[BAD] = " \n"
    results: dict[str, Any] = {}
    for note_id, result in client.code_notes(Note(note_id=str(n), text=text) for n, text in enumerate(texts)):
        assert note_id not in results
        results[note_id] = result
    bad = results.pop(str(BAD))
    assert isinstance(bad, InvalidRequestError)
    assert [violation.field for violation in bad.violations] == ["note.text"]
    assert len(results) == NOTES - 1
    for note_id, result in results.items():
        assert isinstance(result, NoteResult)
        assert result.outline.sections[-1].span.end == len(texts[int(note_id)])
    assert_holds_no_more_than(server, before)


def test_bad_notes_among_long_ones_stop_nothing(client: Bertillon) -> None:
    source = variations(own_notes(), seed=5)
    notes = [Note(note_id=str(n), text=next(source) if n % 4 else "\t") for n in range(40)]
    results = dict(client.code_notes(notes, max_in_flight=4))
    assert len(results) == len(notes)
    assert {note_id for note_id, result in results.items() if isinstance(result, BertillonError)} == {
        str(n) for n in range(0, 40, 4)
    }
