from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable
from typing import Any

import grpc
import pytest

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.coding.results import NoteInput
from bertillon_server.inference.errors import DeadlineUnreachableError, DrainingError, OverloadedError
from serving import Running, Serve, error_details

SENTINEL = "xyzzyphus"
NOTE = pb.CodeNoteRequest(note=pb.Note(text=f"cough {SENTINEL}"))


async def failed(up: Running, error: Exception) -> grpc.aio.AioRpcError:
    """Return what a caller sees when coding raises an error."""

    def fail(_: NoteInput) -> None:
        raise error

    up.coder.before = fail
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await up.coding.CodeNote(NOTE).read()
    return caught.value


async def events(call: AsyncIterable[pb.CodeNoteResponse]) -> list[pb.CodeNoteResponse]:
    return [event async for event in call]


async def test_overload_is_resource_exhausted_with_retry_advice_in_both_forms(serve: Serve) -> None:
    async with serve() as up:
        error = await failed(up, OverloadedError(0.25))
        assert up.metric("errors_total", reason="OVERLOADED") == 1
        up.coder.before = lambda _: None
        assert await up.coding.CodeNote(NOTE).read()
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = error_details(error)
    assert details["RetryInfo"].retry_delay.ToMilliseconds() == 250
    assert details["ErrorInfo"].reason == "OVERLOADED"
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "250"


async def test_a_deadline_that_cannot_be_met_is_deadline_exceeded(serve: Serve) -> None:
    async with serve() as up:
        error = await failed(up, DeadlineUnreachableError())
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_details(error)["ErrorInfo"].reason == "DEADLINE_UNREACHABLE"


async def test_a_draining_scheduler_is_unavailable(serve: Serve) -> None:
    async with serve() as up:
        error = await failed(up, DrainingError())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error_details(error)["ErrorInfo"].reason == "DRAINING"


@pytest.mark.parametrize("bug", [KeyError, ValueError, RuntimeError, UnicodeError])
async def test_a_bug_is_internal_with_a_request_id_and_nothing_else(
    serve: Serve, bug: type[Exception]
) -> None:
    async with serve() as up:
        error = await failed(up, bug(f"could not read {SENTINEL}"))
        assert up.metric("bugs_total") == 1
    request_id = error_details(error)["RequestInfo"].request_id
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == f"internal error; report it with request id {request_id}"
    assert set(error_details(error)) == {"ErrorInfo", "RequestInfo"}
    assert SENTINEL not in repr(error)
    assert bug.__name__ not in repr(error)


async def test_more_calls_than_the_limit_are_refused_with_advice_and_the_others_answered(
    serve: Serve,
) -> None:
    async with serve(max_concurrent_rpcs=1) as up:
        up.coder.gate.clear()
        first: Any = up.coding.CodeNote(NOTE)
        assert (await first.read()).HasField("outline")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeNote(NOTE).read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "RetryInfo" in error_details(caught.value)
        up.coder.gate.set()
        assert [(await first.read()).WhichOneof("event") for _ in range(2)] == ["section", "summary"]


async def test_a_cancelled_call_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        call = up.coding.CodeNote(NOTE)
        await call.read()
        assert (up.server.in_flight, up.coder.active) == (1, 1)
        call.cancel()
        await up.idle()
        assert up.metric("rpcs_total", method="CodingService/CodeNote", code="CANCELLED") == 1
        assert up.metric("rpcs_in_flight", method="CodingService/CodeNote") == 0


async def test_a_call_whose_deadline_passes_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await events(up.coding.CodeNote(NOTE, timeout=0.2))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await up.idle()


async def test_a_deadline_of_a_millisecond_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        for _ in range(20):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await events(up.coding.CodeNote(NOTE, timeout=0.001))
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await up.idle()


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_client_that_vanishes_leaves_nothing_behind(serve: Serve, *, bulk: bool) -> None:
    async with serve() as up:
        tasks_before = len(asyncio.all_tasks())
        up.coder.gate.clear()
        if bulk:
            stream = up.coding.CodeNotes()
            await stream.write(pb.CodeNotesRequest(note=pb.Note(note_id="a", text="cough")))
            await stream.read()
        else:
            await up.coding.CodeNote(NOTE).read()
        await up.channel.close(grace=None)
        await up.idle()
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > tasks_before:  # noqa: ASYNC110 - tasks end without telling
                await asyncio.sleep(0)


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_client_that_never_reads_is_dropped_and_leaves_nothing_behind(
    serve: Serve, *, bulk: bool
) -> None:
    text = "cough " * 5_000
    async with serve(stall_timeout_s=0.5) as up:
        up.coder.events_per_note = 20
        began = time.monotonic()
        if bulk:
            stream = up.coding.CodeNotes()
            await stream.write(pb.CodeNotesRequest(note=pb.Note(note_id="a", text=text)))
        else:
            unread = up.coding.CodeNote(pb.CodeNoteRequest(note=pb.Note(text=text)))
            await unread.wait_for_connection()
        await up.coder.begun.wait()
        # The coding is done and holds nothing, though nobody reads.
        async with asyncio.timeout(10):
            await up.coder.idle.wait()
        await up.idle()
        assert time.monotonic() - began < 10
        assert up.metric("errors_total", reason="CLIENT_STALLED") == 1
        # The server goes on with others.
        assert await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))


async def test_a_call_that_arrives_while_the_server_stops_is_unavailable(serve: Serve) -> None:
    async with serve() as up:
        await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))
        await up.server.stop()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
