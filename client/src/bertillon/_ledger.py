"""Which notes of a bulk run are where. Pure bookkeeping: it neither waits nor speaks to the network.

A note is *held* from the moment it is taken from the caller's iterable until its outcome has been taken by
the caller. Between the two it is ready to be sent, sent, or decided. At most `max_in_flight` notes are held,
which bounds everything that is kept in memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bertillon._errors import BertillonError, from_note, invalid, too_large
from bertillon._results import Event, NoteResult, event_of
from bertillon.coding.v1.coding_service_pb2 import CodeNotesRequest, CodeNotesResponse, EncounterSummary

Outcome = tuple[str, NoteResult | BertillonError]
"""A note's id, and its result or why there is none."""


@dataclass(slots=True)
class _Held:
    request: CodeNotesRequest
    # Monotonic seconds before which the note is not sent (again).
    not_before: float = 0.0
    sent: bool = False
    rejections: int = 0
    events: list[Event] = field(default_factory=list)


class Ledger:
    """The notes of one bulk run that are neither untouched nor finished. One owner; not thread-safe."""

    def __init__(self, *, max_in_flight: int, attempts: int, max_request_bytes: int) -> None:
        self._max_in_flight = max_in_flight
        self._attempts = attempts
        self._max_request_bytes = max_request_bytes
        self._pending: dict[str, _Held] = {}
        self._outcomes: deque[Outcome] = deque()
        self._undelivered = 0
        # Ids that were unanswered when a stream broke over the size of a message: sent one at a time.
        self._suspects: set[str] = set()
        self.decided = 0
        self.source_ended = False

    @property
    def has_room(self) -> bool:
        """Whether another note may be taken from the caller's iterable."""
        return len(self._pending) + self._undelivered < self._max_in_flight

    @property
    def has_work(self) -> bool:
        """Whether there is a note that the server has yet to answer."""
        return bool(self._pending)

    @property
    def done(self) -> bool:
        """Whether the server has nothing left to answer, now or later."""
        return self.source_ended and not self._pending

    def admit(self, request: CodeNotesRequest) -> None:
        """Take a note in; one that could not be told apart or sent is decided at once."""
        note_id = request.note.note_id
        if not note_id:
            self._decide(note_id, invalid("note.note_id", "must not be empty in a bulk run"))
        elif note_id in self._pending:
            self._decide(note_id, invalid("note.note_id", "another note of this id is in flight"))
        elif request.ByteSize() > self._max_request_bytes:
            self._decide(note_id, too_large())
        else:
            self._pending[note_id] = _Held(request)

    def next_request(self, now: float) -> CodeNotesRequest | None:
        """Return a request to send, marked as sent; None if there is none at this time."""
        if self._suspects and any(held.sent for held in self._pending.values()):
            return None
        for held in self._pending.values():
            if not held.sent and held.not_before <= now:
                held.sent = True
                return held.request
        return None

    def delay(self, now: float) -> float | None:
        """Return the seconds until a note that waits may be sent; None if none waits for a time."""
        waits = [h.not_before - now for h in self._pending.values() if not h.sent and h.not_before > now]
        return min(waits, default=None)

    def record(self, reply: CodeNotesResponse, now: float) -> None:
        """Take an event of the server in; one for a note that is not in flight is ignored."""
        held = self._pending.get(reply.note_id)
        if held is None or not held.sent:
            return
        if reply.WhichOneof("event") == "error":
            held.rejections += 1
            error = from_note(reply.error)
            if error.retry_after is not None and held.rejections < self._attempts:
                held.sent, held.not_before = False, now + error.retry_after
                held.events.clear()
                self._suspects.discard(reply.note_id)
            else:
                self._settle(reply.note_id, error)
            return
        event = event_of(reply)
        if event is not None:
            held.events.append(event)
        if isinstance(event, EncounterSummary):
            self._settle(reply.note_id, NoteResult.of(reply.note_id, held.events))

    def stream_ended(self, too_large_error: BertillonError | None = None) -> None:
        """Make every unanswered note ready to be sent again, and forget what had come of it.

        When the stream broke because a message was too large for the other side, the notes that were under
        way are sent one at a time until the one that does not fit is found, which gets the error.
        """
        under_way = [note_id for note_id, held in self._pending.items() if held.sent]
        if too_large_error is not None:
            if len(under_way) == 1:
                self._settle(under_way[0], too_large_error)
            else:
                self._suspects.update(under_way)
        for held in self._pending.values():
            held.sent = False
            held.events.clear()

    def take(self) -> Outcome | None:
        """Return the next outcome; the note stays held until `delivered` is called."""
        return self._outcomes.popleft() if self._outcomes else None

    def delivered(self) -> None:
        """Let go of a note whose outcome the caller has taken."""
        self._undelivered -= 1

    def _settle(self, note_id: str, result: NoteResult | BertillonError) -> None:
        del self._pending[note_id]
        self._suspects.discard(note_id)
        self.decided += 1
        self._decide(note_id, result)

    def _decide(self, note_id: str, result: NoteResult | BertillonError) -> None:
        self._undelivered += 1
        self._outcomes.append((note_id, result))
