"""Texts on their way into a message. A text that is no Unicode must not end up in an exception."""

from __future__ import annotations

from bertillon._errors import invalid
from bertillon.coding.v1.coding_service_pb2 import CodeSectionRequest, Note


def note_of(note: str | Note) -> Note:
    """Return the note, or a note of that text. Raises InvalidRequestError for a lone surrogate."""
    if isinstance(note, Note):
        return note
    _check(note, "note.text")
    return Note(text=note)


def section_request(text: str) -> CodeSectionRequest:
    """Return a request for that text. Raises InvalidRequestError for a lone surrogate."""
    _check(text, "text")
    return CodeSectionRequest(text=text)


def _check(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        position = error.start
    else:
        return
    # Raised outside the handler: the codec's error holds the whole text and must not travel along.
    raise invalid(field, f"half of a surrogate pair at position {position} is no character")
