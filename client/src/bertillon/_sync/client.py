# Generated from _async/client.py by client/scripts/generate_sync.py; edit that file instead.
"""The client: one object for a connection, one method for each thing that the service does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Self

from bertillon._connection import (
    DEFAULT_RETRIES,
    DEFAULT_TARGET,
    DEFAULT_TIMEOUTS,
    KEEPALIVE_S,
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    Connection,
    Retries,
    Timeouts,
    Tls,
    iso_date,
)
from bertillon._errors import mapped_errors, too_large
from bertillon._ledger import Outcome
from bertillon._results import Event, NoteResult, event_of
from bertillon._sync.bulk import BulkRun
from bertillon._texts import audited_notes, note_of, proposed_codes, section_request
from bertillon.coding.v1.audit_pb2 import AuditedNote, AuditOptions, ProposedCode
from bertillon.coding.v1.catalog_service_pb2 import (
    GetCodeRequest,
    GetCodeResponse,
    SearchCodesRequest,
    SearchCodesResponse,
    SearchMode,
)
from bertillon.coding.v1.catalog_service_pb2_grpc import CatalogServiceStub
from bertillon.coding.v1.coding_service_pb2 import (
    AuditNoteRequest,
    AuditNoteResponse,
    CodeNoteRequest,
    CodeSectionRequest,
    CodeSectionResponse,
    CodingOptions,
    Note,
    Patient,
)
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from bertillon.coding.v1.types_pb2 import Priority, SectionKind, Setting


class Bertillon:
    """A connection to a Bertillon server.

    Use it as a context manager, or call `close`. It may be shared by threads. Every failure
    is raised as a `BertillonError`. A `timeout` is a deadline in seconds and takes the place of the
    method's own in `timeouts`. Options that are not given are left to the server.

    Args:
        target: `host:port`, or any target that gRPC understands.
        tls: TLS towards the server; without it the connection is in the clear.
        token: bearer token, or a function that returns the current one.
        token_without_tls: allow a token on a connection in the clear to another host, where a proxy
            beside this program encrypts.
        timeouts: deadline of each method.
        retries: how often and how soon to try again.
        max_request_bytes: largest request; raise it together with the server's limit.
        max_reply_bytes: largest message of a reply.
        keepalive: seconds between pings while a call is open; a lower value notices a dead server sooner
            and needs a server that allows it.

    Raises:
        ValueError: for settings that contradict each other.
        OSError: for a TLS file that cannot be read.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tls: Tls | None = None,
        token: str | Callable[[], str] | None = None,
        token_without_tls: bool = False,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retries: Retries = DEFAULT_RETRIES,
        max_request_bytes: int = MAX_REQUEST_BYTES,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        keepalive: float = KEEPALIVE_S,
    ) -> None:
        self._connection = Connection(
            target=target,
            tls=tls,
            token=token,
            token_without_tls=token_without_tls,
            timeouts=timeouts,
            retries=retries,
            max_request_bytes=max_request_bytes,
            max_reply_bytes=max_reply_bytes,
            keepalive=keepalive,
        )
        self._channel = self._connection.open()
        self._closed = False
        self._coding = CodingServiceStub(self._channel)
        self._catalog = CatalogServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls that are under way are cancelled."""
        self._closed = True
        self._channel.close()

    def code_note(
        self,
        note: str | Note,
        *,
        options: CodingOptions | None = None,
        priority: Priority.ValueType = Priority.PRIORITY_UNSPECIFIED,
        timeout: float | None = None,
    ) -> Generator[Event, None]:
        """Code one note and yield its events as they come.

        First the `Outline`, then a `SectionResult` for each section as soon as it is done, in any order,
        and last the `EncounterSummary`. Leaving the loop early cancels the rest.
        """
        request = CodeNoteRequest(note=note_of(note), options=options, priority=priority)
        self._check_size(request.ByteSize())
        with mapped_errors():
            call = self._coding.CodeNote(
                request,
                timeout=_deadline(timeout, self._connection.timeouts.code_note),
                metadata=self._connection.metadata(),
            )
            try:
                for reply in call:
                    event = event_of(reply)
                    if event is not None:
                        yield event
            finally:
                call.cancel()

    def code_note_all(
        self,
        note: str | Note,
        *,
        options: CodingOptions | None = None,
        priority: Priority.ValueType = Priority.PRIORITY_UNSPECIFIED,
        timeout: float | None = None,
    ) -> NoteResult:
        """Code one note and return everything at its end, sections in the order of the text."""
        note = note_of(note)
        events = self.code_note(note, options=options, priority=priority, timeout=timeout)
        return NoteResult.of(note.note_id, list(events))

    def code_notes(
        self,
        notes: Iterable[Note],
        *,
        options: CodingOptions | None = None,
        max_in_flight: int = 32,
        timeout: float | None = None,
    ) -> Generator[Outcome, None]:
        """Code many notes; yield `(note_id, result)` as each is decided, in any order, exactly once.

        The result is a `NoteResult`, or the `BertillonError` that says why the note has none; one bad note
        never stops the others. Each note needs an id that no other note in flight has.

        The iterable is read lazily, and never further than `max_in_flight` notes ahead of what has been
        taken from this iterator; it is advanced by a worker of its own, so a slow source does not hold
        results back. A note that the server sends back with retry advice is sent again after that time, up
        to `Retries.attempts` times in all. When the stream breaks it is opened again and only unanswered
        notes are resent; after `Retries.reopenings` in a row without an answer, the error is raised, and
        after `Retries.attempts` if there was no answer at all. An error of the iterable is raised once the
        notes taken before it are answered.
        """
        if max_in_flight < 1:
            raise ValueError("max_in_flight must be at least 1")
        return BulkRun(
            self._channel,
            self._connection,
            notes,
            options,
            max_in_flight=max_in_flight,
            timeout=_deadline(timeout, self._connection.timeouts.code_notes),
            is_shut=lambda: self._closed,
        ).outcomes()

    def code_section(
        self,
        text: str,
        *,
        kind: SectionKind.ValueType = SectionKind.SECTION_KIND_UNSPECIFIED,
        setting: Setting.ValueType = Setting.SETTING_UNSPECIFIED,
        date_of_service: dt.date | str = "",
        patient: Patient | None = None,
        options: CodingOptions | None = None,
        timeout: float | None = None,
    ) -> CodeSectionResponse:
        """Code one short text at interactive priority."""
        request = section_request(text)
        request.MergeFrom(
            CodeSectionRequest(
                kind=kind,
                setting=setting,
                date_of_service=iso_date(date_of_service),
                patient=patient,
                options=options,
            )
        )
        self._check_size(request.ByteSize())
        with mapped_errors():
            return self._coding.CodeSection(
                request,
                timeout=_deadline(timeout, self._connection.timeouts.code_section),
                metadata=self._connection.metadata(),
            )

    def audit_note(
        self,
        notes: str | AuditedNote | Iterable[AuditedNote],
        codes: Iterable[str | ProposedCode],
        *,
        setting: Setting.ValueType = Setting.SETTING_UNSPECIFIED,
        date_of_service: dt.date | str = "",
        patient: Patient | None = None,
        options: AuditOptions | None = None,
        priority: Priority.ValueType = Priority.PRIORITY_UNSPECIFIED,
        timeout: float | None = None,
    ) -> AuditNoteResponse:
        """Audit the codes proposed for an encounter against its notes and the rules of the code set.

        A code that is given as a string is not sequenced; give `ProposedCode` for a position, an indicator of
        present on admission or another code system. An unknown or malformed code is a finding, not an error.
        """
        request = AuditNoteRequest(
            notes=audited_notes(notes),
            codes=proposed_codes(codes),
            setting=setting,
            date_of_service=iso_date(date_of_service),
            patient=patient,
            options=options,
            priority=priority,
        )
        self._check_size(request.ByteSize())
        with mapped_errors():
            return self._coding.AuditNote(
                request,
                timeout=_deadline(timeout, self._connection.timeouts.audit_note),
                metadata=self._connection.metadata(),
            )

    def get_code(
        self,
        code: str,
        *,
        system: str = "",
        date_of_service: dt.date | str = "",
        timeout: float | None = None,
    ) -> GetCodeResponse:
        """Look a code up, with its place in the hierarchy and its notes. NotFoundError if there is none."""
        request = GetCodeRequest(system=system, code=code, date_of_service=iso_date(date_of_service))
        with mapped_errors():
            return self._catalog.GetCode(
                request,
                timeout=_deadline(timeout, self._connection.timeouts.get_code),
                metadata=self._connection.metadata(),
            )

    def search_codes(
        self,
        query: str,
        *,
        mode: SearchMode.ValueType = SearchMode.SEARCH_MODE_UNSPECIFIED,
        limit: int | None = None,
        billable_only: bool = False,
        system: str = "",
        date_of_service: dt.date | str = "",
        timeout: float | None = None,
    ) -> SearchCodesResponse:
        """Search codes by words, abbreviations or meaning; hits come best first."""
        request = SearchCodesRequest(
            system=system,
            query=query,
            mode=mode,
            limit=limit,
            billable_only=billable_only,
            date_of_service=iso_date(date_of_service),
        )
        with mapped_errors():
            return self._catalog.SearchCodes(
                request,
                timeout=_deadline(timeout, self._connection.timeouts.search_codes),
                metadata=self._connection.metadata(),
            )

    def _check_size(self, size: int) -> None:
        if size > self._connection.max_request_bytes:
            raise too_large()


def _deadline(timeout: float | None, default: float | None) -> float | None:
    return default if timeout is None else timeout
