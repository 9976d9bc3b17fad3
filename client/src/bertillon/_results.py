"""What coding a note yields: the contract's own messages, a whole note's worth of them, and their labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bertillon.coding.v1.coding_service_pb2 import (
    CodeNoteResponse,
    CodeNotesResponse,
    EncounterSummary,
    Outline,
    SectionResult,
)

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

V = TypeVar("V", bound=int)

Event = Outline | SectionResult | EncounterSummary
"""What `code_note` yields: the outline first, sections as they are done, the summary last."""


@dataclass(frozen=True, slots=True, repr=False)
class NoteResult:
    """A whole note, coded; `sections` in the order of the text. Its repr shows counts only, never text."""

    note_id: str
    outline: Outline
    sections: tuple[SectionResult, ...]
    summary: EncounterSummary

    def __repr__(self) -> str:
        codes = len(self.summary.codes)
        return f"<NoteResult of {len(self.sections)} sections, {codes} codes>"

    @classmethod
    def of(cls, note_id: str, events: Iterable[Event]) -> NoteResult:
        """Collect the events of one note; what did not come stays empty."""
        outline, summary, sections = Outline(), EncounterSummary(), []
        for event in events:
            match event:
                case Outline():
                    outline = event
                case SectionResult():
                    sections.append(event)
                case EncounterSummary():
                    summary = event
        sections.sort(key=lambda result: result.section.index)
        return cls(note_id, outline, tuple(sections), summary)


def event_of(reply: CodeNoteResponse | CodeNotesResponse) -> Event | None:
    """Return the event that a reply carries; None for a kind that a newer server may have added."""
    match reply.WhichOneof("event"):
        case "outline":
            return reply.outline
        case "section":
            return reply.section
        case "summary":
            return reply.summary
        case _:
            return None


def label(enum: _EnumTypeWrapper[V], value: V) -> str:
    """Return an enum value for a person: `label(Assertion, mention.assertion)` is `present`.

    A value that this version of the contract does not know is given as its number.
    """
    prefix = enum.Name(enum.values()[0]).removesuffix("UNSPECIFIED")
    try:
        name = enum.Name(value)
    except ValueError:
        return str(value)
    return name.removeprefix(prefix).replace("_", " ").lower()
