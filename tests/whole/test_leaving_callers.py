"""Callers who leave before the end: the server holds nothing for them afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from benchmarks.service import Service
from gauges import assert_holds_no_more_than, held

from bertillon import Bertillon, DeadlineExceededError, Note, Outline
from bertillon.coding.v1.coding_service_pb2 import CodeNoteRequest, CodeNotesRequest
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub

# What a process may keep of memory that it has freed, in fragments of its arenas.
FRAGMENTS_BYTES = 64e6

# A reply of megabytes: more than flow control lets through to a client that does not read.
WORDY = "pain " * 20_000


def deadlines_of_a_millisecond(client: Bertillon, text: str) -> None:
    for _ in range(50):
        with pytest.raises(DeadlineExceededError):
            client.code_note_all(text, timeout=0.001)


def deadlines_on_the_way(client: Bertillon, text: str) -> None:
    for hundredths in range(1, 6):
        with pytest.raises(DeadlineExceededError):
            client.code_note_all(text * 60, timeout=hundredths / 100)


def cancelled_after_the_outline(client: Bertillon, text: str) -> None:
    for _ in range(10):
        events = client.code_note(text * 5)
        assert isinstance(next(events), Outline)
        events.close()


def cancelled_bulk(client: Bertillon, text: str) -> None:
    for _ in range(3):
        outcomes = client.code_notes((Note(note_id=str(n), text=text) for n in range(100)), max_in_flight=8)
        assert len(list(islice(outcomes, 2))) == 2
        outcomes.close()


@pytest.mark.parametrize(
    "leave",
    [deadlines_of_a_millisecond, deadlines_on_the_way, cancelled_after_the_outline, cancelled_bulk],
    ids=lambda leave: leave.__name__,
)
def test_calls_that_end_early_leave_nothing_behind(
    client: Bertillon, server: Service, demo_note: str, leave: Callable[[Bertillon, str], None]
) -> None:
    client.code_note_all(demo_note)
    before = held(server)
    leave(client, demo_note)
    assert_holds_no_more_than(server, before)
    leave(client, demo_note)
    resident = server.resident_bytes()
    for _ in range(2):
        leave(client, demo_note)
    assert_holds_no_more_than(server, before)
    assert server.resident_bytes() < resident + FRAGMENTS_BYTES
    assert client.code_note_all(demo_note).summary.codes


@pytest.mark.parametrize("way", ["note", "bulk"])
def test_a_client_that_is_killed_mid_stream_leaves_nothing_behind(
    client: Bertillon, server: Service, demo_note: str, way: str
) -> None:
    client.code_note_all(demo_note)
    before = held(server)
    program = [sys.executable, str(Path(__file__).with_name("leaving_client.py")), server.target, way]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as leaving:
        assert leaving.stdout is not None
        assert leaving.stdout.readline() == "begun\n"
        leaving.kill()
    assert_holds_no_more_than(server, before)
    assert client.code_note_all(demo_note).summary.codes


@pytest.mark.parametrize("way", ["note", "bulk"])
async def test_a_client_that_never_reads_is_dropped_and_its_room_is_free_before_that(
    client: Bertillon, server: Service, demo_note: str, way: str
) -> None:
    await asyncio.to_thread(client.code_note_all, demo_note)
    before = await asyncio.to_thread(held, server)
    stalled = await asyncio.to_thread(server.metric, "errors_total", reason="CLIENT_STALLED")

    async def notes() -> AsyncIterator[CodeNotesRequest]:
        for n in range(20):
            yield CodeNotesRequest(note=Note(note_id=str(n), text=WORDY))

    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = CodingServiceStub(channel)
        call: Any = (
            stub.CodeNotes(notes())
            if way == "bulk"
            else stub.CodeNote(CodeNoteRequest(note=Note(text=WORDY)))
        )
        await call.wait_for_connection()
        # The server goes on with others meanwhile, and then the client has no room in it either.
        assert (await asyncio.to_thread(client.code_note_all, demo_note)).summary.codes
        await asyncio.to_thread(assert_holds_no_more_than, server, before, besides={"bertillon_tasks"})
        now = await asyncio.to_thread(server.metric, "errors_total", reason="CLIENT_STALLED")
        assert now == stalled + 1
        call.cancel()
    # What gRPC still had to tell the client ends with its connection.
    await asyncio.to_thread(assert_holds_no_more_than, server, before)
