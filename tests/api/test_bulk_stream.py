from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import pytest

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.coding.results import NoteInput
from bertillon_server.inference.errors import OverloadedError
from serving import Running, Serve


def note(note_id: str, text: str = "cough") -> pb.CodeNotesRequest:
    return pb.CodeNotesRequest(note=pb.Note(note_id=note_id, text=text))


async def answers(up: Running, requests: Iterable[pb.CodeNotesRequest]) -> list[pb.CodeNotesResponse]:
    async def sent() -> AsyncIterator[pb.CodeNotesRequest]:
        for request in requests:
            yield request

    return [event async for event in up.coding.CodeNotes(sent(), timeout=60)]


def kinds(events: Iterable[pb.CodeNotesResponse], note_id: str) -> list[str]:
    return [str(event.WhichOneof("event")) for event in events if event.note_id == note_id]


async def test_one_bad_note_among_a_thousand_is_reported_and_the_others_are_answered(serve: Serve) -> None:
    async with serve() as up:
        events = await answers(up, [note(str(n), " " if n == 500 else "cough") for n in range(1_000)])
        await up.idle()
    ends = Counter(event.WhichOneof("event") for event in events)
    assert ends == {"outline": 999, "section": 999, "summary": 999, "error": 1}
    (error,) = [event for event in events if event.HasField("error")]
    assert error.note_id == "500"
    assert error.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert [violation.field for violation in error.error.violations] == ["note.text"]
    assert up.metric("notes_total", code="INVALID_ARGUMENT") == 1
    assert up.metric("notes_total", code="OK") == 999


async def test_the_notes_of_a_stream_are_worked_on_at_bulk_priority_and_bounded_in_number(
    serve: Serve,
) -> None:
    async with serve(bulk_notes_in_flight=3) as up:
        await answers(up, [note(str(n)) for n in range(50)])
        assert {call.priority.name for _, call in up.coder.calls} == {"BULK"}
        assert up.coder.most_active <= 3


async def test_no_more_notes_are_read_than_can_be_worked_on(serve: Serve) -> None:
    async with serve(bulk_notes_in_flight=2) as up:
        up.coder.gate.clear()
        stream: Any = up.coding.CodeNotes()
        large = "cough " * 10_000
        written = 0

        async def write() -> None:
            nonlocal written
            for n in range(500):
                await stream.write(note(str(n), large))
                written += 1
            await stream.done_writing()

        writing = asyncio.create_task(write())
        assert (await stream.read()).WhichOneof("event") == "outline"
        assert (await stream.read()).WhichOneof("event") == "outline"
        # Both places are taken. Flow control lets some megabytes through, never 30.
        await asyncio.wait({writing}, timeout=1)
        assert not writing.done()
        assert written < 250
        assert len(up.coder.calls) == 2
        writing.cancel()
        stream.cancel()
        await asyncio.wait({writing})
        await up.idle()


async def test_a_note_without_an_id_or_with_one_still_in_flight_is_refused(serve: Serve) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        stream: Any = up.coding.CodeNotes()
        await stream.write(note("a"))
        assert (await stream.read()).WhichOneof("event") == "outline"
        await stream.write(note("a"))
        twice = await stream.read()
        await stream.write(note(""))
        nameless = await stream.read()
        up.coder.gate.set()
        rest = [await stream.read() for _ in range(2)]
        await stream.write(note("a"))
        again = [await stream.read() for _ in range(3)]
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    for event, note_id in ((twice, "a"), (nameless, "")):
        assert event.note_id == note_id
        assert [violation.field for violation in event.error.violations] == ["note.note_id"]
    assert kinds(rest, "a") == ["section", "summary"]
    assert kinds(again, "a") == ["outline", "section", "summary"]


async def test_a_message_that_cannot_be_parsed_is_told_by_its_position_and_the_stream_goes_on(
    serve: Serve,
) -> None:
    async with serve() as up:
        method: Any = up.channel.stream_stream("/bertillon.coding.v1.CodingService/CodeNotes")
        good = note("good").SerializeToString()
        replies = [
            pb.CodeNotesResponse.FromString(raw)
            async for raw in method(iter([good.replace(b"cough", b"\xff" * 5), good]))
        ]
    assert kinds(replies, "good") == ["outline", "section", "summary"]
    (error,) = [reply.error for reply in replies if reply.HasField("error")]
    assert error.message.startswith("message 1 of the stream")


async def test_a_bug_met_by_one_note_is_an_internal_error_of_that_note_alone(serve: Serve) -> None:
    def fail(coded: NoteInput) -> None:
        if "xyzzyphus" in coded.text:
            raise KeyError(coded.text)

    async def sent() -> AsyncIterator[pb.CodeNotesRequest]:
        for request in (note("a"), note("b", "xyzzyphus"), note("c")):
            yield request

    async with serve() as up:
        up.coder.before = fail
        call = up.coding.CodeNotes(sent(), timeout=60)
        events = [event async for event in call]
        metadata = dict(await call.trailing_metadata())
    (error,) = [event for event in events if event.HasField("error")]
    assert (error.note_id, error.error.code) == ("b", grpc.StatusCode.INTERNAL.value[0])
    assert str(metadata["x-request-id"]) in error.error.message
    assert "xyzzyphus" not in str(error)
    assert kinds(events, "a")[-1] == kinds(events, "c")[-1] == "summary"
    assert up.metric("bugs_total") == 1


async def test_a_note_that_is_refused_carries_the_advice_when_to_send_it_again(serve: Serve) -> None:
    def refuse(_: NoteInput) -> None:
        raise OverloadedError(1.5)

    async with serve() as up:
        up.coder.before = refuse
        (event,) = await answers(up, [note("a")])
    assert event.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert event.error.retry_after_ms == 1_500


async def test_when_the_server_stops_the_notes_read_are_answered_and_the_stream_ends_unavailable(
    serve: Serve,
) -> None:
    async with serve() as up:
        up.coder.gate.clear()
        stream: Any = up.coding.CodeNotes()
        await stream.write(note("a"))
        assert (await stream.read()).WhichOneof("event") == "outline"
        stopping = asyncio.create_task(up.server.stop())
        await up.server._draining.wait()
        up.coder.gate.set()
        rest = [await stream.read() for _ in range(2)]
        assert kinds(rest, "a") == ["section", "summary"]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await stream.code() is grpc.StatusCode.UNAVAILABLE
        await stopping
