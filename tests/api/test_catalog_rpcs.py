from __future__ import annotations

import grpc
import pytest

from bertillon.coding.v1 import catalog_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from serving import Serve, error_details


@pytest.mark.parametrize("spelling", ["J20.9", "j209", " J20.9 "])
async def test_a_code_is_returned_with_its_place_and_its_notes(serve: Serve, spelling: str) -> None:
    async with serve() as up:
        reply = await up.catalog.GetCode(pb.GetCodeRequest(code=spelling, date_of_service="2026-05-01"))
    assert (reply.code.system, reply.code.code, reply.code.version) == ("icd-10-cm", "J20.9", "2026-04-01")
    assert reply.billable
    assert [above.code for above in reply.ancestors] == ["10", "J20-J22", "J20"]
    assert [(note.kind, note.stated_at) for note in reply.notes] == [(pb.NOTE_KIND_EXCLUDES1, "J20")]
    assert (reply.valid_from, reply.valid_to) == ("2026-04-01", "2026-09-30")
    assert not reply.notices


async def test_children_of_a_category_are_listed(serve: Serve) -> None:
    async with serve() as up:
        reply = await up.catalog.GetCode(pb.GetCodeRequest(code="J20"))
    assert [child.code for child in reply.children] == ["J20.0", "J20.9"]
    assert not reply.billable


@pytest.mark.parametrize(
    ("date", "version", "notice"),
    [
        ("2025-12-31", "2025-10-01", None),
        ("2026-04-01", "2026-04-01", None),
        ("1999-01-01", "2025-10-01", types.NOTICE_KIND_NEAREST_RELEASE),
        ("2031-01-01", "2026-04-01", types.NOTICE_KIND_NEAREST_RELEASE),
        ("", "2026-04-01", types.NOTICE_KIND_DEFAULT_RELEASE),
    ],
)
async def test_the_release_follows_the_date_of_service_and_never_silently(
    serve: Serve, date: str, version: str, notice: int | None
) -> None:
    async with serve() as up:
        code = await up.catalog.GetCode(pb.GetCodeRequest(code="J20.9", date_of_service=date))
        found = await up.catalog.SearchCodes(pb.SearchCodesRequest(query="bronchitis", date_of_service=date))
    assert code.code.version == found.hits[0].code.version == version
    expected = [] if notice is None else [notice]
    assert [n.kind for n in code.notices] == [n.kind for n in found.notices] == expected


async def test_a_code_that_does_not_exist_is_not_found(serve: Serve) -> None:
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.catalog.GetCode(pb.GetCodeRequest(code="J99.99"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert error_details(caught.value)["ErrorInfo"].reason == "CODE_NOT_FOUND"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetCodeRequest(), "code"),
        (pb.GetCodeRequest(code="J" * 33), "code"),
        (pb.GetCodeRequest(code="J20", system="icd-9"), "system"),
    ],
)
async def test_a_bad_look_up_is_an_invalid_argument(
    serve: Serve, request_: pb.GetCodeRequest, field: str
) -> None:
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.catalog.GetCode(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [v.field for v in error_details(caught.value)["BadRequest"].field_violations] == [field]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.SearchCodesRequest(), "query"),
        (pb.SearchCodesRequest(query=" \t"), "query"),
        (pb.SearchCodesRequest(query="q" * 501), "query"),
        (pb.SearchCodesRequest(query="q", limit=0), "limit"),
        (pb.SearchCodesRequest(query="q", limit=101), "limit"),
        (pb.SearchCodesRequest(query="q", mode=9), "mode"),  # type: ignore[arg-type]
        (pb.SearchCodesRequest(query="q", system="cpt"), "system"),
    ],
)
async def test_a_bad_search_is_an_invalid_argument(
    serve: Serve, request_: pb.SearchCodesRequest, field: str
) -> None:
    async with serve() as up:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.catalog.SearchCodes(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [v.field for v in error_details(caught.value)["BadRequest"].field_violations] == [field]


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        (pb.SEARCH_MODE_TYPEAHEAD, {"J20", "J20.0", "J20.9"}),
        (pb.SEARCH_MODE_SEMANTIC, {"J20", "J20.9"}),
        (pb.SEARCH_MODE_HYBRID, {"J20", "J20.0", "J20.9"}),
        (pb.SEARCH_MODE_UNSPECIFIED, {"J20", "J20.0", "J20.9"}),
    ],
)
async def test_codes_are_found_by_words_by_meaning_and_by_both(
    serve: Serve, mode: pb.SearchMode.ValueType, codes: set[str]
) -> None:
    async with serve() as up:
        reply = await up.catalog.SearchCodes(pb.SearchCodesRequest(query="bronch", mode=mode))
    assert {hit.code.code for hit in reply.hits} == codes
    scores = [hit.score for hit in reply.hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", [pb.SEARCH_MODE_TYPEAHEAD, pb.SEARCH_MODE_SEMANTIC, pb.SEARCH_MODE_HYBRID])
async def test_codes_that_may_not_be_reported_are_left_out_on_request(
    serve: Serve, mode: pb.SearchMode.ValueType
) -> None:
    request = pb.SearchCodesRequest(query="bronchitis", mode=mode, billable_only=True, limit=1)
    async with serve() as up:
        reply = await up.catalog.SearchCodes(request)
    assert len(reply.hits) == 1
    assert reply.hits[0].billable


async def test_a_search_that_finds_nothing_is_an_empty_answer(serve: Serve) -> None:
    async with serve() as up:
        request = pb.SearchCodesRequest(query="zzzz", mode=pb.SEARCH_MODE_TYPEAHEAD)
        assert not (await up.catalog.SearchCodes(request)).hits
