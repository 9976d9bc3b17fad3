"""A server that keeps the contract without coding anything: what a test tells it to answer, it answers."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import grpc

from bertillon import Retries
from bertillon.coding.v1 import audit_pb2 as audit
from bertillon.coding.v1 import catalog_service_pb2 as catalog
from bertillon.coding.v1 import catalog_service_pb2_grpc, coding_service_pb2_grpc
from bertillon.coding.v1 import coding_service_pb2 as coding
from bertillon.coding.v1 import types_pb2 as types

QUICK = Retries(attempts=4, initial_backoff=0.01, max_backoff=0.05, reopenings=5)

MakeClient = Callable[..., Any]

PATIENCE_S = 20.0
"""How long the fake waits for a test before it gives up; a test that passes never waits that long."""


@dataclass(frozen=True)
class Failure:
    """A status to end a call with."""

    code: grpc.StatusCode
    details: str = ""
    trailing: Sequence[tuple[str, str | bytes]] = ()

    def end(self, context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata(tuple(self.trailing))
        context.abort(self.code, self.details)


def evidence(text: str, start: int, end: int) -> types.Evidence:
    return types.Evidence(span=types.Span(start=start, end=end), quote=text[start:end])


def sections_of(text: str) -> list[types.Section]:
    """Cut at blank lines; a section's first line is its title."""
    sections, start = [], 0
    for index, part in enumerate(text.split("\n\n")):
        end = min(len(text), start + len(part) + 2)
        title = evidence(text, start, start + len(part.partition("\n")[0]))
        sections.append(
            types.Section(
                index=index,
                kind=types.SECTION_KIND_ASSESSMENT,
                title=title,
                span=types.Span(start=start, end=end),
            )
        )
        start = end
    return sections


def mentions_of(text: str, section: types.Section) -> list[types.Mention]:
    """Find `diabetes` and `chest pain`; the latter is always negated."""
    found = []
    body = text[section.span.start : section.span.end]
    for term, code, title in (
        ("diabetes", "E11.9", "Type 2 diabetes"),
        ("chest pain", "R07.9", "Chest pain"),
    ):
        at = body.find(term)
        if at < 0:
            continue
        start = section.span.start + at
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", start) if "\n" in text[start:] else len(text)
        negated = term == "chest pain"
        found.append(
            types.Mention(
                evidence=evidence(text, start, start + len(term)),
                sentence=evidence(text, line_start, line_end),
                type=types.MENTION_TYPE_PROBLEM,
                assertion=types.ASSERTION_NEGATED if negated else types.ASSERTION_PRESENT,
                code=types.Code(system="icd-10-cm", code=code, version="2026-04-01"),
                title=title,
                confidence=0.87,
                suppression=types.SUPPRESSION_REASON_NEGATED
                if negated
                else types.SUPPRESSION_REASON_UNSPECIFIED,
            )
        )
    return found


class FakeBertillon(
    coding_service_pb2_grpc.CodingServiceServicer, catalog_service_pb2_grpc.CatalogServiceServicer
):
    """Counts and remembers what it is asked, and misbehaves on demand."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        # Each call takes the first one, if any, and ends with it.
        self.failures: deque[Failure] = deque()
        # CodeNote waits for it between the outline and the first section.
        self.gate = threading.Event()
        self.gate.set()
        self.cancelled = threading.Event()
        # Bulk: ids in order of arrival; how many notes are read before they are answered, last one first.
        self.received: list[str] = []
        self.batch_size = 1
        # Bulk: answer a note with these errors first, one for each time that it comes.
        self.rejections: dict[str, list[coding.NoteError]] = {}
        # Bulk: the nth stream ends with the nth failure after so many answers and a part of one more.
        self.breaks: deque[tuple[int, Failure | None]] = deque()

    def begin(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        self.calls[method] += 1
        self.requests.append(request)
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
        if self.failures:
            failure = self.failures.popleft()
            failure.end(context)

    def CodeNote(self, request: Any, context: Any) -> Iterator[coding.CodeNoteResponse]:  # noqa: N802
        context.add_callback(self.cancelled.set)
        self.begin("CodeNote", request, context)
        for event in self.events(request.note):
            if event.HasField("section"):
                self.gate.wait(PATIENCE_S)
            yield event

    def events(self, note: coding.Note) -> Iterator[coding.CodeNoteResponse]:
        sections = sections_of(note.text)
        versions = types.Versions(model="fake/1", rules="0.1.0")
        yield coding.CodeNoteResponse(
            note_id=note.note_id, outline=coding.Outline(sections=sections, versions=versions)
        )
        codes, suppressed = [], []
        for section in reversed(sections):
            mentions = mentions_of(note.text, section)
            for index, mention in enumerate(mentions):
                ref = coding.MentionRef(
                    section_index=section.index, mention_index=index, evidence=mention.evidence
                )
                common: dict[str, Any] = {
                    "code": mention.code,
                    "title": mention.title,
                    "evidence": [ref],
                    "confidence": 0.87,
                }
                if mention.suppression:
                    suppressed.append(
                        coding.SuppressedCode(
                            reason=mention.suppression, explanation="Denied in the text.", **common
                        )
                    )
                else:
                    codes.append(coding.EncounterCode(**common))
            result = coding.SectionResult(section=section, mentions=mentions)
            yield coding.CodeNoteResponse(note_id=note.note_id, section=result)
        summary = coding.EncounterSummary(codes=codes, suppressed=suppressed, versions=versions)
        yield coding.CodeNoteResponse(note_id=note.note_id, summary=summary)

    def CodeNotes(  # noqa: N802
        self, request_iterator: Any, context: Any
    ) -> Iterator[coding.CodeNotesResponse]:
        self.begin("CodeNotes", None, context)
        limit, failure = self.breaks.popleft() if self.breaks else (None, None)
        answered, batch = 0, []
        for request in request_iterator:
            self.received.append(request.note.note_id)
            batch.append(request.note)
            if len(batch) < self.batch_size:
                continue
            for note in reversed(batch):
                rejections = self.rejections.get(note.note_id)
                if rejections:
                    yield coding.CodeNotesResponse(note_id=note.note_id, error=rejections.pop(0))
                    continue
                for event in self.events(note):
                    yield coding.CodeNotesResponse.FromString(event.SerializeToString())
                    if answered == limit and event.HasField("section"):
                        if failure is not None:
                            failure.end(context)
                        return
                answered += 1
            batch = []

    def CodeSection(self, request: Any, context: Any) -> coding.CodeSectionResponse:  # noqa: N802
        self.begin("CodeSection", request, context)
        events = list(self.events(coding.Note(text=request.text)))
        return coding.CodeSectionResponse(section=events[1].section, summary=events[-1].summary)

    def AuditNote(self, request: Any, context: Any) -> coding.AuditNoteResponse:  # noqa: N802
        """Confirm what is a present mention; find no support for a negated one, and ask about it."""
        self.begin("AuditNote", request, context)
        reply = coding.AuditNoteResponse(versions=types.Versions(model="fake/1"))
        mentions = [
            (note.note_id, mention)
            for note in request.notes
            for section in sections_of(note.text)
            for mention in mentions_of(note.text, section)
        ]
        for proposed in request.codes:
            note_id, mention = next(
                ((note_id, found) for note_id, found in mentions if found.code.code == proposed.code),
                ("", types.Mention()),
            )
            denied = mention.assertion == types.ASSERTION_NEGATED
            quoted = audit.AuditEvidence(
                note_id=note_id,
                evidence=mention.evidence,
                sentence=mention.sentence,
                assertion=mention.assertion,
            )
            kind = audit.FINDING_KIND_UNSUPPORTED if denied else audit.FINDING_KIND_CONFIRMED
            reply.codes.append(
                audit.AuditedCode(
                    proposed=proposed,
                    code=mention.code,
                    title=mention.title,
                    verdict=kind,
                    findings=[len(reply.findings)],
                )
            )
            reply.findings.append(
                audit.AuditFinding(
                    kind=kind,
                    severity=audit.FINDING_SEVERITY_ERROR if denied else audit.FINDING_SEVERITY_INFO,
                    rule_id="unsupported-against" if denied else "confirmed",
                    source="guidelines I.A.19",
                    codes=[mention.code],
                    evidence=[quoted],
                    would_support="a statement of it" if denied else "",
                )
            )
            if denied:
                options = ["present", "absent", "other (please specify)", "unable to determine"]
                text = "\n".join(["Please clarify.", *(f"[ ] {option}" for option in options)])
                reply.findings.append(
                    audit.AuditFinding(
                        kind=audit.FINDING_KIND_QUERY,
                        severity=audit.FINDING_SEVERITY_WARNING,
                        rule_id="query-gap",
                        query=audit.ClinicianQuery(topic="pain", options=options, text=text),
                        evidence=[quoted],
                    )
                )
        return reply

    def GetCode(self, request: Any, context: Any) -> catalog.GetCodeResponse:  # noqa: N802
        self.begin("GetCode", request, context)
        if request.code != "I50.9":
            context.abort(grpc.StatusCode.NOT_FOUND, "the release has no such code")
        return catalog.GetCodeResponse(
            code=types.Code(system="icd-10-cm", code="I50.9", version="2026-04-01"),
            title="Heart failure, unspecified",
            billable=True,
            ancestors=[catalog.CodeTitle(code="I50", title="Heart failure")],
            notes=[
                catalog.InstructionalNote(
                    kind=catalog.NOTE_KIND_EXCLUDES1, text="fluid overload (E87.70)", stated_at="I50.9"
                )
            ],
            valid_from="2026-04-01",
        )

    def SearchCodes(self, request: Any, context: Any) -> catalog.SearchCodesResponse:  # noqa: N802
        self.begin("SearchCodes", request, context)
        if request.query != "heart failure":
            return catalog.SearchCodesResponse()
        hit = catalog.SearchHit(
            code=types.Code(system="icd-10-cm", code="I50.9", version="2026-04-01"),
            title="Heart failure, unspecified",
            billable=True,
            matched_term="Heart failure",
            score=0.93,
        )
        return catalog.SearchCodesResponse(hits=[hit])


def start_server(fake: FakeBertillon, **options: Any) -> tuple[grpc.Server, str]:
    server = grpc.server(futures.ThreadPoolExecutor(8), options=list(options.items()))
    coding_service_pb2_grpc.add_CodingServiceServicer_to_server(fake, server)
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"
