"""The events of one note as messages of the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final, NamedTuple

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.api.closing import closing
from bertillon_server.api.convert import ReplyWriter
from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import ValidNote
from bertillon_server.coding.results import EncounterSummary, Event, Outline, SectionResult
from bertillon_server.inference.call import Call

# Up to so many mentions (about 20 microseconds each) a section is written on the event loop, without the cost
# of a thread; other calls do not wait for longer ones.
_FEW_MENTIONS: Final = 100


class NoteEvent(NamedTuple):
    """One event; exactly one field is set. The fields are those of the contract's `oneof event`."""

    outline: pb.Outline | None = None
    section: pb.SectionResult | None = None
    summary: pb.EncounterSummary | None = None


async def note_events(coder: NoteCoder, valid: ValidNote, call: Call) -> AsyncGenerator[NoteEvent, None]:
    """Have a note coded and yield its events; closing the generator stops the coding.

    The coding does not wait for the caller to read: a slow reader would otherwise keep the room that the
    note was admitted to, and shed other callers. What is kept for it is bounded by the note.
    """
    writer = ReplyWriter(valid.note.text, valid.offsets)
    results: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
    coding = asyncio.create_task(_code(coder, valid, call, results))
    try:
        while (result := await results.get()) is not None:
            match result:
                case Outline():
                    yield NoteEvent(outline=writer.outline(result))
                case SectionResult() if len(result.mentions) > _FEW_MENTIONS:
                    yield NoteEvent(section=await asyncio.to_thread(writer.section_result, result))
                case SectionResult():
                    yield NoteEvent(section=writer.section_result(result))
                case EncounterSummary() if len(result.codes) + len(result.suppressed) > _FEW_MENTIONS:
                    yield NoteEvent(summary=await asyncio.to_thread(writer.summary, result))
                case EncounterSummary():
                    yield NoteEvent(summary=writer.summary(result))
                case Exception():
                    raise result
    finally:
        coding.cancel()
        with suppress(asyncio.CancelledError):
            await coding


async def _code(
    coder: NoteCoder, valid: ValidNote, call: Call, results: asyncio.Queue[Event | Exception | None]
) -> None:
    """Put the events of a note in the queue, then None or what went wrong."""
    end: Exception | None = None
    try:
        async with closing(coder.code_note(valid.note, call)) as events:
            async for event in events:
                results.put_nowait(event)
    except Exception as error:  # noqa: BLE001 - raised again where the events are read
        end = error
    results.put_nowait(end)
