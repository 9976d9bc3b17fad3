"""Texts on their way into a message. A text that is no Unicode must not end up in an exception."""

from __future__ import annotations

from collections.abc import Iterable

from bertillon._errors import invalid
from bertillon.coding.v1.audit_pb2 import AuditedNote, ProposedCode
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


def audited_notes(notes: str | AuditedNote | Iterable[AuditedNote]) -> list[AuditedNote]:
    """Return the notes of an encounter. Raises InvalidRequestError for a lone surrogate."""
    if isinstance(notes, str):
        _check(notes, "notes[0].text")
        return [AuditedNote(text=notes)]
    return [notes] if isinstance(notes, AuditedNote) else list(notes)


def proposed_codes(codes: Iterable[str | ProposedCode]) -> list[ProposedCode]:
    """Return proposed codes. Raises InvalidRequestError for a lone surrogate."""
    proposed = []
    for index, code in enumerate(codes):
        if isinstance(code, str):
            _check(code, f"codes[{index}].code")
            code = ProposedCode(code=code)  # noqa: PLW2901 - the same code as a message
        proposed.append(code)
    return proposed


def _check(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        position = error.start
    else:
        return
    # Raised outside the handler: the codec's error holds the whole text and must not travel along.
    raise invalid(field, f"half of a surrogate pair at position {position} is no character")
