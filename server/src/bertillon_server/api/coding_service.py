"""CodingService: validates, has the note coded or audited, writes the events as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import coding_service_pb2_grpc as pb_grpc
from bertillon_server.api.audit_reply import audit_reply
from bertillon_server.api.audit_request import valid_audit
from bertillon_server.api.bulk import BugReporter, BulkStream
from bertillon_server.api.context import Context, RequestStream, call_of, request_id
from bertillon_server.api.events import note_events
from bertillon_server.api.limits import Limits
from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import DEFAULT_SYSTEM, RequestValidator
from bertillon_server.audit.flow import NoteAuditor
from bertillon_server.inference.call import Priority


class CodingService(pb_grpc.CodingServiceServicer):
    """Servicer of `bertillon.coding.v1.CodingService`. `draining` is set when the server begins to stop."""

    def __init__(
        self,
        *,
        coder: NoteCoder,
        auditor: NoteAuditor,
        validator: RequestValidator,
        limits: Limits,
        draining: asyncio.Event,
        bugs: BugReporter,
    ) -> None:
        self._coder = coder
        self._auditor = auditor
        self._validator = validator
        self._limits = limits
        self._draining = draining
        self._bugs = bugs

    async def CodeNote(  # noqa: N802 - named by the contract
        self, request: pb.CodeNoteRequest, context: Context
    ) -> AsyncGenerator[pb.CodeNoteResponse, None]:
        """Code one note; events as they come, the summary last."""
        valid, priority = self._validator.note_request(request)
        async with aclosing(note_events(self._coder, valid, call_of(context, priority))) as events:
            async for event in events:
                yield pb.CodeNoteResponse(
                    note_id=valid.note_id, outline=event.outline, section=event.section, summary=event.summary
                )

    async def CodeNotes(  # noqa: N802
        self,
        request_iterator: RequestStream[pb.CodeNotesRequest],  # type: ignore[override]
        context: Context,
    ) -> AsyncGenerator[pb.CodeNotesResponse, None]:
        """Code many notes; a bad one is an error event and the stream goes on."""
        stream = BulkStream(
            coder=self._coder,
            validator=self._validator,
            call=call_of(context, Priority.BULK),
            notes_in_flight=self._limits.bulk_notes_in_flight,
            draining=self._draining,
            request_id=request_id(),
            bugs=self._bugs,
        )
        async with aclosing(stream.responses(request_iterator)) as responses:
            async for response in responses:
                yield response

    async def CodeSection(  # noqa: N802
        self, request: pb.CodeSectionRequest, context: Context
    ) -> pb.CodeSectionResponse:
        """Code one short text at interactive priority."""
        valid = self._validator.section_request(request)
        response = pb.CodeSectionResponse()
        call = call_of(context, Priority.INTERACTIVE)
        async with aclosing(note_events(self._coder, valid, call)) as events:
            async for event in events:
                if event.section is not None:
                    response.section.CopyFrom(event.section)
                if event.summary is not None:
                    response.summary.CopyFrom(event.summary)
        return response

    async def AuditNote(  # noqa: N802
        self, request: pb.AuditNoteRequest, context: Context
    ) -> pb.AuditNoteResponse:
        """Audit the codes of one encounter."""
        valid = valid_audit(request, self._limits, (DEFAULT_SYSTEM,))
        report = await self._auditor.audit(valid.request, call_of(context, valid.priority))
        # Up to 200 codes with their evidence: written beside the event loop.
        return await asyncio.to_thread(audit_reply, report, valid)
