"""Results as JSON: the contract's own field names, every field present, enum values by name."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from bertillon import EncounterSummary, Event, NoteResult, Outline


def document(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object. Fields that are zero are written too, absent ones are not."""
    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields


def event_document(name: str, event: Event) -> dict[str, Any]:
    """Return one event of a note, in the shape of the contract's CodeNoteResponse."""
    match event:
        case Outline():
            kind = "outline"
        case EncounterSummary():
            kind = "summary"
        case _:
            kind = "section"
    return {"note_id": name, kind: document(event)}


def result_document(name: str, result: NoteResult) -> dict[str, Any]:
    """Return a whole note, `note_id` first."""
    return {
        "note_id": name,
        "outline": document(result.outline),
        "sections": [document(section) for section in result.sections],
        "summary": document(result.summary),
    }


def line(fields: dict[str, Any]) -> str:
    """Return an object as one line, with its line end."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def pretty(fields: dict[str, Any]) -> str:
    """Return an object laid out for reading, with its line end."""
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"
