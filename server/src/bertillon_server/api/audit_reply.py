"""Reports of an audit out, as messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable

from bertillon.coding.v1 import audit_pb2 as audit_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api import enums
from bertillon_server.api.audit_request import ValidAudit
from bertillon_server.api.convert import SENTENCE_MARGIN, code, notices, timings_message, versions_message
from bertillon_server.audit.values import AuditReport, Evidence, Finding, Flags, Proposed, Verdict
from bertillon_server.audit.wording import options_of, query_text
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.spans import Span


def audit_reply(report: AuditReport, valid: ValidAudit) -> pb.AuditNoteResponse:
    """Write a report."""
    writer = _Writer(valid)
    return pb.AuditNoteResponse(
        codes=[writer.verdict(verdict) for verdict in report.codes],
        findings=[writer.finding(finding) for finding in report.findings],
        versions=versions_message(report.versions),
        notices=notices(report.notices),
        timings=timings_message(report.timings),
    )


class _Writer:
    def __init__(self, valid: ValidAudit) -> None:
        self._notes = valid.request.notes
        self._offsets = valid.offsets

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._notes)} notes)"

    def verdict(self, verdict: Verdict) -> audit_pb.AuditedCode:
        """Return what becomes of a proposed code."""
        return audit_pb.AuditedCode(
            proposed=_proposed(verdict.proposed),
            code=None if verdict.code is None else code(verdict.code),
            title="" if verdict.code is None else verdict.code.title,
            verdict=enums.FINDING_KIND_VALUE[verdict.kind],
            confidence=verdict.confidence,
            findings=verdict.findings,
            flags=None if verdict.flags is None else _flags(verdict.flags),
        )

    def finding(self, finding: Finding) -> audit_pb.AuditFinding:
        """Return a finding."""
        return audit_pb.AuditFinding(
            kind=enums.FINDING_KIND_VALUE[finding.kind],
            severity=enums.SEVERITY_VALUE[finding.severity],
            rule_id=finding.rule,
            source=finding.source,
            codes=[code(ref) for ref in finding.codes],
            suggestions=_suggestions(finding.suggestions),
            explanation=finding.explanation,
            confidence=finding.confidence,
            evidence=[self._evidence(item) for item in finding.evidence],
            looked_in=finding.looked_in,
            would_support=finding.would_support,
            axes=[enums.AXIS_KIND_VALUE[axis] for axis in finding.axes],
            query=self._query(finding),
        )

    def _query(self, finding: Finding) -> audit_pb.ClinicianQuery | None:
        query = finding.query
        if query is None:
            return None
        # The sentence says more than the words found in it, where it is short enough to be read.
        quotes = [self._sentence(item).of(self._notes[item.note].text) for item in finding.evidence]
        return audit_pb.ClinicianQuery(
            topic=query.topic,
            question=query.question,
            options=options_of(query),
            text=query_text(query, quotes),
        )

    def _evidence(self, item: Evidence) -> audit_pb.AuditEvidence:
        return audit_pb.AuditEvidence(
            note_id=self._notes[item.note].note_id,
            evidence=self._quoted(item.note, item.span),
            sentence=self._quoted(item.note, self._sentence(item)),
            assertion=(
                types.ASSERTION_UNSPECIFIED
                if item.assertion is None
                else enums.ASSERTION_VALUE[item.assertion]
            ),
            code=None if item.code is None else code(item.code),
        )

    @staticmethod
    def _sentence(item: Evidence) -> Span:
        return Span(
            max(min(item.sentence.start, item.span.start), item.span.start - SENTENCE_MARGIN),
            min(max(item.sentence.end, item.span.end), item.span.end + SENTENCE_MARGIN),
        )

    def _quoted(self, note: int, span: Span) -> types.Evidence:
        start, end = self._offsets[note].from_code_points(span)
        return types.Evidence(span=types.Span(start=start, end=end), quote=span.of(self._notes[note].text))


def _proposed(proposed: Proposed) -> audit_pb.ProposedCode:
    return audit_pb.ProposedCode(
        system=proposed.system,
        code=proposed.code,
        position=proposed.position,
        poa=audit_pb.POA_INDICATOR_UNSPECIFIED if proposed.poa is None else enums.POA_VALUE[proposed.poa],
        date="" if proposed.date is None else proposed.date.isoformat(),
    )


def _suggestions(refs: Iterable[CodeRef]) -> list[audit_pb.CodeSuggestion]:
    return [audit_pb.CodeSuggestion(code=code(ref), title=ref.title) for ref in refs]


def _flags(flags: Flags) -> audit_pb.ImpactFlags:
    return audit_pb.ImpactFlags(hcc=flags.hcc, cc=flags.cc, mcc=flags.mcc)
