"""What is remembered of a call for logs and metrics: sizes, counts and times, never text."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import grpc
from google.protobuf.message import Message

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types


@dataclass(slots=True)
class CallRecord:
    """One call. Times are in seconds of `time.monotonic()`, sizes in bytes unless named otherwise."""

    method: str
    request_id: str
    started: float = field(default_factory=time.monotonic)
    first_response: float | None = None
    finished: float | None = None
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    requests: int = 0
    responses: int = 0
    code_points: int = 0
    sections: int = 0
    mentions: int = 0
    codes: int = 0
    findings: int = 0
    note_errors: Counter[int] = field(default_factory=Counter)

    def received(self, message: Message, size: int) -> None:
        """Count a request message of `size` bytes."""
        self.requests += 1
        self.request_bytes += size
        match message:
            case pb.CodeNoteRequest() | pb.CodeNotesRequest():
                self.code_points += len(message.note.text)
            case pb.CodeSectionRequest():
                self.code_points += len(message.text)
            case pb.AuditNoteRequest():
                self.code_points += sum(len(note.text) for note in message.notes)

    def sent(self, message: Message, size: int) -> None:
        """Count a response message of `size` bytes."""
        if self.first_response is None:
            self.first_response = time.monotonic()
        self.responses += 1
        self.response_bytes += size
        match message:
            case pb.CodeNoteResponse() | pb.CodeNotesResponse():
                self._event(message)
            case pb.CodeSectionResponse():
                self._section(message.section)
                self._summary(message.summary)
            case pb.AuditNoteResponse():
                self.codes += len(message.codes)
                self.findings += len(message.findings)

    def _event(self, event: pb.CodeNoteResponse | pb.CodeNotesResponse) -> None:
        match event.WhichOneof("event"):
            case "section":
                self._section(event.section)
            case "summary":
                self._summary(event.summary)
            case "error" if isinstance(event, pb.CodeNotesResponse):
                self.note_errors[event.error.code] += 1

    def _section(self, result: pb.SectionResult) -> None:
        self.sections += 1
        self.mentions += len(result.mentions)

    def _summary(self, summary: pb.EncounterSummary) -> None:
        self.codes += len(summary.codes)


def timings_of(message: Message) -> types.Timings | None:
    """Return the timings of the note that a response message completes; None if it completes none."""
    match message:
        case pb.CodeSectionResponse():
            return message.summary.timings
        case pb.AuditNoteResponse():
            return message.timings
        case pb.CodeNoteResponse() | pb.CodeNotesResponse() if message.HasField("summary"):
            return message.summary.timings
    return None


class CallObserver(Protocol):
    """Is told of every call of the service's own methods; must neither block nor raise."""

    def call_started(self, record: CallRecord) -> None:
        """Take note that a call has begun."""

    def note_coded(self, method: str, timings: types.Timings) -> None:
        """Take note of where the time of one note or section text went."""

    def call_finished(self, record: CallRecord) -> None:
        """Take note that a call has ended, however it did."""

    def bug_found(self, request_id: str, error: Exception) -> None:
        """Take note of an error that the vocabulary does not foresee. Its message may quote a note."""
