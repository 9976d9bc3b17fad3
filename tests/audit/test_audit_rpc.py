"""AuditNote through a real channel."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from auditing import ServeAudits

from bertillon.coding.v1 import audit_pb2 as audit_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from serving import Serve, error_details

NOTE = """HPI: Denies chest pain. Mother had breast cancer.

ASSESSMENT:
1. Hypertension, at goal.
2. Pain in the right knee: right knee pain since March.
"""


# A value that no enum of the contract has.
UNKNOWN: Any = 8


def request(text: str, *codes: str, **fields: Any) -> pb.AuditNoteRequest:
    return pb.AuditNoteRequest(
        notes=[audit_pb.AuditedNote(note_id="a", text=text)],
        codes=[audit_pb.ProposedCode(code=code) for code in codes],
        **fields,
    )


def kinds(reply: pb.AuditNoteResponse) -> dict[str, str]:
    return {
        item.proposed.code: audit_pb.FindingKind.Name(item.verdict).removeprefix("FINDING_KIND_")
        for item in reply.codes
    }


async def test_each_proposed_code_has_a_verdict_and_each_finding_its_evidence(
    serve_audits: ServeAudits,
) -> None:
    async with serve_audits() as up:
        reply = await up.coding.AuditNote(request(NOTE, "I10", "R07.9", "M25.562", "Q99.9", "I9x"))
    assert kinds(reply) == {
        "I10": "CONFIRMED",
        "R07.9": "UNSUPPORTED",
        "M25.562": "UNSUPPORTED",
        "Q99.9": "UNSUPPORTED",
        "I9x": "CONFLICT",
    }
    for finding in reply.findings:
        assert finding.source
        assert finding.explanation
        for item in finding.evidence:
            span = item.evidence.span
            assert item.note_id == "a"
            assert NOTE[span.start : span.end] == item.evidence.quote
        if finding.kind == audit_pb.FINDING_KIND_UNSUPPORTED:
            assert finding.would_support
            assert bool(finding.evidence) != bool(finding.looked_in)
    denied = next(item for item in reply.findings if item.rule_id == "unsupported-against")
    assert denied.evidence[0].assertion == types.ASSERTION_NEGATED
    side = next(item for item in reply.findings if item.rule_id == "unsupported-side")
    assert [item.code.code for item in side.suggestions] == ["M25.561"]
    assert reply.versions.code_sets[0].version == "2026-04-01"
    assert reply.timings.total_us > 0


async def test_what_is_documented_and_not_proposed_is_missed(serve_audits: ServeAudits) -> None:
    async with serve_audits() as up:
        reply = await up.coding.AuditNote(request(NOTE, "M25.561"))
    missed = [item.codes[0].code for item in reply.findings if item.kind == audit_pb.FINDING_KIND_MISSED]
    assert missed == ["I10"]


async def test_notes_of_one_encounter_are_audited_together(serve_audits: ServeAudits) -> None:
    notes = [
        audit_pb.AuditedNote(note_id="ed", text="Assessment:\n1. Diabetes\n"),
        audit_pb.AuditedNote(note_id="ward", text="Assessment:\n1. CKD stage 3a\n"),
    ]
    codes = [audit_pb.ProposedCode(code=code) for code in ("E11.22", "N18.31")]
    async with serve_audits() as up:
        reply = await up.coding.AuditNote(pb.AuditNoteRequest(notes=notes, codes=codes))
    assert kinds(reply) == {"E11.22": "CONFIRMED", "N18.31": "CONFIRMED"}
    about = next(item for item in reply.findings if [code.code for code in item.codes] == ["E11.22"])
    assert {item.note_id for item in about.evidence} == {"ed", "ward"}


async def test_offsets_are_in_the_unit_that_the_caller_asks_for(serve_audits: ServeAudits) -> None:
    text = "Assessment:\n1. 💊 für hypertension\n"
    options = audit_pb.AuditOptions(offset_unit=types.OFFSET_UNIT_UTF16_UNITS)
    async with serve_audits() as up:
        reply = await up.coding.AuditNote(request(text, "I10", options=options))
    span = reply.findings[0].evidence[0].evidence.span
    assert text.encode("utf-16-le")[2 * span.start : 2 * span.end].decode("utf-16-le") == "hypertension"


async def test_a_query_quotes_its_indicators_and_offers_a_way_out(serve_audits: ServeAudits) -> None:
    text = "Assessment:\n1. Heart failure. LVEF 30%, on furosemide.\n"
    async with serve_audits() as up:
        reply = await up.coding.AuditNote(request(text, "I50.9"))
    queries = [item for item in reply.findings if item.HasField("query")]
    assert queries
    for finding in queries:
        query = finding.query
        assert len(query.options) >= 4
        assert list(query.options[-2:]) == ["other (please specify)", "unable to determine"]
        assert finding.evidence
        assert query.question in query.text
        assert all(option in query.text for option in query.options)
        assert not finding.suggestions


async def test_rules_are_switched_off_and_on_for_one_request(serve_audits: ServeAudits) -> None:
    async with serve_audits(audit_rules_off="confirmed") as up:
        left_out = await up.coding.AuditNote(request(NOTE, "I10"))
        asked = await up.coding.AuditNote(
            request(NOTE, "I10", options=audit_pb.AuditOptions(rules_on=["confirmed"], rules_off=["missed"]))
        )
    assert {item.rule_id for item in left_out.findings} == {"missed"}
    assert {item.rule_id for item in asked.findings} == {"confirmed"}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.AuditNoteRequest(), "notes"),
        (request(" ", "I10"), "notes[0].text"),
        (request("a", *["I10"] * 4), "codes"),
        (request("a", "I" * 40), "codes[0].code"),
        (request("a", ""), "codes[0].code"),
        (request("a", setting=9), "setting"),
        (request("a", date_of_service="today"), "date_of_service"),
        (request("a", patient=pb.Patient(age_years=200)), "patient.age_years"),
        (request("a", options=audit_pb.AuditOptions(rules_off=["zebra"])), "options.rules_off[0]"),
        (request("a", options=audit_pb.AuditOptions(min_confidence=2.0)), "options.min_confidence"),
        (request("a", options=audit_pb.AuditOptions(offset_unit=UNKNOWN)), "options.offset_unit"),
        (
            pb.AuditNoteRequest(notes=[audit_pb.AuditedNote(text="a")] * 2),
            "notes[1].note_id",
        ),
        (
            pb.AuditNoteRequest(
                notes=[audit_pb.AuditedNote(text="a")],
                codes=[audit_pb.ProposedCode(code="I10", system="zebra")],
            ),
            "codes[0].system",
        ),
        (
            pb.AuditNoteRequest(
                notes=[audit_pb.AuditedNote(text="a")],
                codes=[audit_pb.ProposedCode(code="I10", position=0)],
            ),
            "codes[0].position",
        ),
    ],
)
async def test_a_field_that_breaks_the_contract_is_named_and_not_quoted(
    serve: Serve, message: pb.AuditNoteRequest, field: str
) -> None:
    async with serve(max_audit_codes=3) as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.AuditNote(message)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = error_details(caught.value)["BadRequest"].field_violations
    assert field in [violation.field for violation in violations]
    assert "zebra" not in str(violations)


async def test_an_audit_is_refused_where_its_deadline_cannot_be_met(serve: Serve) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.AuditNote(request("cough"), timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await up.idle()
        assert up.coder.active == 0


async def test_the_text_of_an_audit_is_in_no_log(
    serve: Serve, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    async with serve() as up:
        await up.coding.AuditNote(request("cough and quagga", "J20.9", "zebra"))
        assert up.metric("rpcs_total", method="CodingService/AuditNote", code="OK") == 1
    printed = capsys.readouterr()
    assert "quagga" not in caplog.text + printed.out + printed.err
    assert "zebra" not in caplog.text + printed.out + printed.err
