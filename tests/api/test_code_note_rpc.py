from __future__ import annotations

from typing import Any

import grpc
import pytest

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from serving import Serve

TEXT = "CHIEF COMPLAINT: cough \U0001f637 and cough\r\nASSESSMENT:\r\ncaf\u00e9 cough"


async def test_a_note_is_answered_by_its_outline_its_sections_and_its_summary(serve: Serve) -> None:
    async with serve() as up:
        request = pb.CodeNoteRequest(note=pb.Note(note_id="n1", text=TEXT))
        events = [event async for event in up.coding.CodeNote(request)]
    assert [event.WhichOneof("event") for event in events] == ["outline", "section", "section", "summary"]
    assert {event.note_id for event in events} == {"n1"}
    assert [code.code.code for code in events[-1].summary.codes] == ["R05.9"]
    assert events[0].outline.versions.code_sets[0].version == "2026-04-01"


@pytest.mark.parametrize(
    ("unit", "encoded", "width"),
    [
        (types.OFFSET_UNIT_UNSPECIFIED, TEXT.encode("utf-32-le"), 4),
        (types.OFFSET_UNIT_CODE_POINTS, TEXT.encode("utf-32-le"), 4),
        (types.OFFSET_UNIT_UTF8_BYTES, TEXT.encode(), 1),
        (types.OFFSET_UNIT_UTF16_UNITS, TEXT.encode("utf-16-le"), 2),
    ],
)
async def test_every_span_is_in_the_callers_unit_and_echoes_its_quote(
    serve: Serve, unit: types.OffsetUnit.ValueType, encoded: bytes, width: int
) -> None:
    codec = {4: "utf-32-le", 2: "utf-16-le", 1: "utf-8"}[width]

    def at(span: types.Span) -> str:
        return str(encoded[span.start * width : span.end * width], codec)

    async with serve() as up:
        request = pb.CodeNoteRequest(note=pb.Note(text=TEXT), options=pb.CodingOptions(offset_unit=unit))
        events = [event async for event in up.coding.CodeNote(request)]
    outline = events[0].outline
    assert "".join(at(section.span) for section in outline.sections) == TEXT
    mentions = [mention for event in events for mention in event.section.mentions]
    quoted = [mention.evidence for mention in mentions] + [mention.sentence for mention in mentions]
    quoted += [reference.evidence for code in events[-1].summary.codes for reference in code.evidence]
    assert len(mentions) == 3
    assert all(at(evidence.span) == evidence.quote for evidence in quoted)
    assert {mention.evidence.quote for mention in mentions} == {"cough"}


async def test_the_quote_of_an_endless_sentence_is_bounded_around_its_mention(serve: Serve) -> None:
    text = "x" * 5_000 + " cough " + "y" * 5_000
    async with serve() as up:
        events = [event async for event in up.coding.CodeNote(pb.CodeNoteRequest(note=pb.Note(text=text)))]
    (mention,) = events[1].section.mentions
    assert len(mention.sentence.quote) == 805
    assert text[mention.sentence.span.start : mention.sentence.span.end] == mention.sentence.quote


async def test_a_section_is_answered_at_interactive_priority_and_as_one_section(serve: Serve) -> None:
    async with serve() as up:
        reply = await up.coding.CodeSection(
            pb.CodeSectionRequest(text="HPI: cough\n\nPLAN: rest", kind=types.SECTION_KIND_PLAN)
        )
        note, call = up.coder.calls[0]
    assert call.priority.name == "INTERACTIVE"
    assert note.kind is not None
    assert note.kind.name == "PLAN"
    assert len(reply.section.mentions) == 1
    assert reply.section.section.span == types.Span(start=0, end=22)
    assert reply.summary.codes[0].code.code == "R05.9"


async def test_options_patient_and_pre_cut_sections_reach_the_coder_in_code_points(serve: Serve) -> None:
    request = pb.CodeNoteRequest(
        note=pb.Note(
            text="caf\u00e9 cough",
            setting=types.SETTING_INPATIENT,
            date_of_service="2026-05-01",
            patient=pb.Patient(age_years=0, sex=types.SEX_FEMALE),
            sections=[pb.PreCutSection(span=types.Span(start=6, end=11), kind=types.SECTION_KIND_PLAN)],
        ),
        options=pb.CodingOptions(
            min_confidence=0.0,
            max_alternatives=0,
            offset_unit=types.OFFSET_UNIT_UTF8_BYTES,
            profile=types.CODING_PROFILE_ALL_MENTIONS,
        ),
        priority=types.PRIORITY_BULK,
    )
    async with serve() as up:
        async for _ in up.coding.CodeNote(request, timeout=5):
            pass
        note, call = up.coder.calls[0]
    assert (note.setting.name, note.age_years, note.sex and note.sex.name) == ("INPATIENT", 0, "FEMALE")
    assert str(note.date_of_service) == "2026-05-01"
    assert note.sections[0].span == (5, 10)
    assert (note.options.min_confidence, note.options.max_alternatives) == (0.0, 0)
    assert note.options.profile.name == "ALL_MENTIONS"
    assert call.priority.name == "BULK"
    assert call.deadline is not None


async def test_a_call_without_a_deadline_has_none(serve: Serve) -> None:
    async with serve() as up:
        await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))
        assert up.coder.calls[0][1].deadline is None


async def test_a_sane_request_id_is_echoed_and_another_replaced(serve: Serve) -> None:
    async with serve() as up:
        for sent, kept in (("abc-123", True), ("has blanks in it", False), ("x" * 65, False)):
            call = up.coding.CodeSection(
                pb.CodeSectionRequest(text="cough"), metadata=(("x-request-id", sent),)
            )
            await call
            metadata = dict(await call.trailing_metadata())
            assert (metadata["x-request-id"] == sent) is kept


async def test_an_unknown_method_is_unimplemented(serve: Serve) -> None:
    async with serve() as up:
        call: Any = up.channel.unary_unary("/bertillon.coding.v1.CodingService/Nothing")(b"")  # type: ignore[arg-type]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
