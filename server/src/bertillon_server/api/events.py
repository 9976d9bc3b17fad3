"""The events of one note as messages of the contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import NamedTuple

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.api.closing import closing
from bertillon_server.api.convert import ReplyWriter
from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import ValidNote
from bertillon_server.coding.results import EncounterSummary, Outline, SectionResult
from bertillon_server.inference.call import Call


class NoteEvent(NamedTuple):
    """One event; exactly one field is set. The fields are those of the contract's `oneof event`."""

    outline: pb.Outline | None = None
    section: pb.SectionResult | None = None
    summary: pb.EncounterSummary | None = None


async def note_events(coder: NoteCoder, valid: ValidNote, call: Call) -> AsyncGenerator[NoteEvent, None]:
    """Have a note coded and yield its events; closing the generator stops the coding."""
    writer = ReplyWriter(valid.note.text, valid.offsets)
    async with closing(coder.code_note(valid.note, call)) as events:
        async for event in events:
            match event:
                case Outline():
                    yield NoteEvent(outline=writer.outline(event))
                case SectionResult():
                    yield NoteEvent(section=writer.section_result(event))
                case EncounterSummary():
                    yield NoteEvent(summary=writer.summary(event))
