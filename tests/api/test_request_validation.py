from __future__ import annotations

from typing import Any

import grpc
import pytest

from bertillon.coding.v1 import catalog_service_pb2 as catalog_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api.limits import MAX_PRE_CUT_SECTIONS
from serving import Serve, error_details

SENTINEL = "xyzzyphus"


def fields(error: grpc.aio.AioRpcError) -> list[str]:
    return [violation.field for violation in error_details(error)["BadRequest"].field_violations]


def note(text: str = SENTINEL, **changes: Any) -> pb.CodeNoteRequest:
    return pb.CodeNoteRequest(note=pb.Note(text=text, **changes))


def options(**changes: Any) -> pb.CodeNoteRequest:
    return pb.CodeNoteRequest(note=pb.Note(text=SENTINEL), options=pb.CodingOptions(**changes))


def cut(text: str, *spans: tuple[int, int], unit: Any = 0) -> pb.CodeNoteRequest:
    sections = [pb.PreCutSection(span=types.Span(start=start, end=end)) for start, end in spans]
    return pb.CodeNoteRequest(
        note=pb.Note(text=text, sections=sections), options=pb.CodingOptions(offset_unit=unit)
    )


BAD_NOTES = {
    "no note": (pb.CodeNoteRequest(), ["note.text"]),
    "empty text": (note(""), ["note.text"]),
    "blank text": (note(" \r\n\t\u00a0\u2003"), ["note.text"]),
    "text over the limit": (note(SENTINEL * 20), ["note.text"]),
    "note id over 256 bytes": (note(note_id="\u00e9" * 129), ["note.note_id"]),
    "unknown setting": (note(setting=99), ["note.setting"]),
    "unknown sex": (note(patient=pb.Patient(sex=99)), ["note.patient.sex"]),  # type: ignore[arg-type]
    "negative age": (note(patient=pb.Patient(age_years=-1)), ["note.patient.age_years"]),
    "age over 150": (note(patient=pb.Patient(age_years=151)), ["note.patient.age_years"]),
    "unknown priority": (pb.CodeNoteRequest(note=pb.Note(text="x"), priority=9), ["priority"]),  # type: ignore[arg-type]
    "unknown code system": (options(code_systems=["icd-10-cm", "icd-9"]), ["options.code_systems[1]"]),
    "confidence below 0": (options(min_confidence=-0.01), ["options.min_confidence"]),
    "confidence over 1": (options(min_confidence=1.01), ["options.min_confidence"]),
    "confidence that is no number": (options(min_confidence=float("nan")), ["options.min_confidence"]),
    "negative alternatives": (options(max_alternatives=-1), ["options.max_alternatives"]),
    "over 50 alternatives": (options(max_alternatives=51), ["options.max_alternatives"]),
    "unknown profile": (options(profile=7), ["options.profile"]),
    "unknown offset unit": (options(offset_unit=7), ["options.offset_unit"]),
    "empty section": (cut("abcdef", (2, 2)), ["note.sections[0].span"]),
    "section before the text": (cut("abcdef", (-1, 2)), ["note.sections[0].span"]),
    "section past the text": (cut("abcdef", (2, 7)), ["note.sections[0].span"]),
    "sections that overlap": (cut("abcdef", (0, 3), (2, 4)), ["note.sections[1].span"]),
    "sections out of order": (cut("abcdef", (3, 6), (0, 3)), ["note.sections[1].span"]),
    "section that splits a character in bytes": (
        cut("caf\u00e9", (0, 4), unit=types.OFFSET_UNIT_UTF8_BYTES),
        ["note.sections[0].span"],
    ),
    "section that splits a surrogate pair": (
        cut("\U0001f637 cough", (1, 3), unit=types.OFFSET_UNIT_UTF16_UNITS),
        ["note.sections[0].span"],
    ),
    "unknown section kind": (
        note("abc", sections=[pb.PreCutSection(span=types.Span(end=1), kind=99)]),  # type: ignore[arg-type]
        ["note.sections[0].kind"],
    ),
    "long section title": (
        note("abc", sections=[pb.PreCutSection(span=types.Span(end=1), title="t" * 501)]),
        ["note.sections[0].title"],
    ),
}
BAD_DATES = [
    "2026-13-01",
    "2026-02-30",
    "20260401",
    "2026-W01-1",
    "1/4/2026",
    "2026-04-01T00:00",
    "\u0662026-04-01",
]


async def test_each_bad_note_is_an_invalid_argument_that_names_the_field_and_quotes_nothing(
    serve: Serve,
) -> None:
    async with serve(max_note_code_points=100) as up:
        for what, (request, expected) in BAD_NOTES.items():
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await up.coding.CodeNote(request).read()
            error = caught.value
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, what
            assert fields(error) == expected, what
            assert SENTINEL not in repr(error), what
            assert error_details(error)["ErrorInfo"].domain == "bertillon"
            assert error_details(error)["ErrorInfo"].reason == "INVALID_REQUEST"
        assert up.coder.calls == []


@pytest.mark.parametrize("date", BAD_DATES)
async def test_a_malformed_date_is_refused_by_every_method_that_takes_one(serve: Serve, date: str) -> None:
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as of_note:
            await up.coding.CodeNote(note(date_of_service=date)).read()
        with pytest.raises(grpc.aio.AioRpcError) as of_section:
            await up.coding.CodeSection(pb.CodeSectionRequest(text="x", date_of_service=date))
        with pytest.raises(grpc.aio.AioRpcError) as of_code:
            await up.catalog.GetCode(catalog_pb.GetCodeRequest(code="J20", date_of_service=date))
        with pytest.raises(grpc.aio.AioRpcError) as of_search:
            await up.catalog.SearchCodes(catalog_pb.SearchCodesRequest(query="x", date_of_service=date))
    assert fields(of_note.value) == ["note.date_of_service"]
    assert fields(of_section.value) == fields(of_code.value) == fields(of_search.value) == ["date_of_service"]


async def test_all_violations_of_a_request_are_reported_at_once(serve: Serve) -> None:
    request = pb.CodeNoteRequest(
        note=pb.Note(date_of_service="soon"), options=pb.CodingOptions(max_alternatives=51)
    )
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeNote(request).read()
    assert fields(caught.value) == ["note.text", "note.date_of_service", "options.max_alternatives"]


async def test_a_text_over_the_limit_is_told_the_limit(serve: Serve) -> None:
    async with serve(max_note_code_points=1_000, max_section_code_points=500) as up:
        with pytest.raises(grpc.aio.AioRpcError) as of_note:
            await up.coding.CodeNote(note("a" * 1_001)).read()
        with pytest.raises(grpc.aio.AioRpcError) as of_section:
            await up.coding.CodeSection(pb.CodeSectionRequest(text="a" * 501))
        await up.coding.CodeNote(note("a" * 1_000)).read()
        await up.coding.CodeSection(pb.CodeSectionRequest(text="a" * 500))
    assert "1,000 code points" in str(of_note.value.details())
    assert "500 code points" in str(of_section.value.details())


async def test_thousands_of_violations_fit_into_the_metadata_of_the_answer(serve: Serve) -> None:
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeNote(cut("abc", *[(9, 1)] * MAX_PRE_CUT_SECTIONS)).read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = error_details(caught.value)["BadRequest"].field_violations
    assert len(violations) == 20
    assert f"{MAX_PRE_CUT_SECTIONS - 20} further" in violations[-1].description


async def test_a_note_cut_into_thousands_of_sections_is_refused(serve: Serve) -> None:
    sections = [(n, n + 1) for n in range(MAX_PRE_CUT_SECTIONS + 1)]
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeNote(cut("x" * len(sections), *sections)).read()
        allowed = up.coding.CodeNote(cut("x" * len(sections), *sections[1:]))
        assert [event.WhichOneof("event") async for event in allowed][-1] == "summary"
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields(caught.value) == ["note.sections"]


BAD_SECTIONS = {
    "blank text": (pb.CodeSectionRequest(text=" "), ["text"]),
    "unknown kind": (pb.CodeSectionRequest(text="x", kind=99), ["kind"]),  # type: ignore[arg-type]
    "unknown setting": (pb.CodeSectionRequest(text="x", setting=9), ["setting"]),  # type: ignore[arg-type]
    "age": (pb.CodeSectionRequest(text="x", patient=pb.Patient(age_years=151)), ["patient.age_years"]),
    "unit": (
        pb.CodeSectionRequest(text="x", options=pb.CodingOptions(offset_unit=9)),  # type: ignore[arg-type]
        ["options.offset_unit"],
    ),
}


@pytest.mark.parametrize("what", BAD_SECTIONS)
async def test_a_bad_section_is_an_invalid_argument(serve: Serve, what: str) -> None:
    request, expected = BAD_SECTIONS[what]
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeSection(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields(caught.value) == expected


async def test_text_that_is_not_utf_8_is_an_invalid_argument_and_not_an_unknown_error(serve: Serve) -> None:
    broken = pb.CodeSectionRequest(text="xx").SerializeToString().replace(b"xx", b"\xff\xfe")
    async with serve() as up:
        method: Any = up.channel.unary_unary("/bertillon.coding.v1.CodingService/CodeSection")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(broken)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_details(caught.value)["ErrorInfo"].reason == "MALFORMED_MESSAGE"


async def test_a_message_over_the_limit_is_refused_before_it_is_parsed(serve: Serve) -> None:
    async with serve(max_note_code_points=1_000) as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeNote(note("a" * 100_000)).read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await up.idle()
        assert up.coder.calls == []


UNUSUAL_TEXTS = {
    "nul": "\x00\x00",
    "emoji": "\U0001f637" * 50,
    "right to left": "\u05e9\u05dc\u05d5\u05dd cough \u202e",
    "combining": "e\u0301" * 50,
    "controls": "\x01\x1b[31m cough",
    "crlf": "a\r\nb\r\n",
}


@pytest.mark.parametrize("what", UNUSUAL_TEXTS)
@pytest.mark.parametrize("unit", [1, 2, 3])
async def test_unusual_text_is_answered(serve: Serve, what: str, unit: Any) -> None:
    request = pb.CodeSectionRequest(text=UNUSUAL_TEXTS[what], options=pb.CodingOptions(offset_unit=unit))
    async with serve() as up:
        reply = await up.coding.CodeSection(request)
    size = {
        1: len(request.text),
        2: len(request.text.encode()),
        3: len(request.text.encode("utf-16-le")) // 2,
    }
    assert reply.section.section.span == types.Span(start=0, end=size[unit])
