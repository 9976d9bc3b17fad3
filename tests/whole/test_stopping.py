"""SIGTERM while the server is at work."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import grpc
import pytest
from benchmarks.service import serving
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from bertillon import Note
from bertillon.coding.v1.coding_service_pb2 import CodeNoteRequest, CodeNotesRequest, CodeNotesResponse
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub

CALLS = 10
BULK = 5
CODING = "bertillon.coding.v1.CodingService"


async def rest_of(call: Any) -> list[str]:
    """Return the kinds of the events that are left on a stream."""
    kinds = []
    while (event := await call.read()) is not grpc.aio.EOF:
        kinds.append(event.WhichOneof("event"))
    return kinds


async def next_summary(stream: Any) -> CodeNotesResponse:
    """Return the next summary of a bulk stream."""
    while not (event := await stream.read()).HasField("summary"):
        pass
    summary: CodeNotesResponse = event
    return summary


async def test_sigterm_under_load_turns_health_answers_what_was_admitted_and_exits_0(
    tmp_path: Path, bundle: Path, demo_note: str
) -> None:
    with serving(tmp_path, "--settle-s=0.3", bundle=bundle) as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stub = CodingServiceStub(channel)
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=CODING))
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            bulk: Any = stub.CodeNotes()
            for n in range(BULK):
                await bulk.write(CodeNotesRequest(note=Note(note_id=str(n), text=demo_note * 4)))
            calls: list[Any] = [
                stub.CodeNote(CodeNoteRequest(note=Note(text=demo_note * 4))) for _ in range(CALLS)
            ]
            assert all([(await call.read()).HasField("outline") for call in calls])
            server.process.send_signal(signal.SIGTERM)
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            for call in calls:
                events = await rest_of(call)
                assert events[-1] == "summary"
                assert set(events[:-1]) == {"section"}
                assert await call.code() is grpc.StatusCode.OK
            for _ in range(BULK):
                assert (await next_summary(bulk)).note_id in map(str, range(BULK))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await bulk.read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await asyncio.to_thread(server.stop) == 0
        log = server.log_entries()
        stopping = next(entry for entry in log if entry["event"] == "stopping")
        assert int(str(stopping["in_flight"])) > 0
        assert {"event": "stopped", "in_flight": 0}.items() <= log[-1].items()
        rpcs = [entry for entry in log if entry["event"] == "rpc"]
        assert [entry["code"] for entry in rpcs if entry["method"].endswith("/CodeNote")] == ["OK"] * CALLS
