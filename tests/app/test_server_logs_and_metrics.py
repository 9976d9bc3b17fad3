from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import urllib.request
from collections.abc import Iterator

import grpc
import pytest
import structlog
from prometheus_client import generate_latest

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.app.logs import configure_logs, log_unhandled
from bertillon_server.coding.results import NoteInput
from bertillon_server.inference.call import Priority
from bertillon_server.inference.observer import ShedReason
from serving import Serve

SENTINEL = "xyzzyphus"
NOTE = pb.CodeNoteRequest(note=pb.Note(note_id="n", text=f"cough {SENTINEL}"))


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Configure the logs of the server at debug level into a text, and put all back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs("debug")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(logs: io.StringIO, event: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in logs.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


async def test_a_call_is_one_line_with_its_sizes_counts_and_times(serve: Serve, logs: io.StringIO) -> None:
    async with serve() as up:
        await up.coding.CodeNote(NOTE, metadata=(("x-request-id", "r-1"),)).read()
        await up.idle()
    (line,) = lines(logs, "rpc")
    assert line["request_id"] == "r-1"
    assert line["method"] == "/bertillon.coding.v1.CodingService/CodeNote"
    assert line["code"] == "OK"
    assert line["request_bytes"] == NOTE.ByteSize()
    assert line["code_points"] == len(NOTE.note.text)
    assert (line["responses"], line["sections"], line["mentions"], line["codes"]) == (3, 1, 1, 1)
    assert line["ms"] >= line["first_ms"] > 0  # type: ignore[operator]


async def test_a_sentinel_in_a_note_is_in_no_log_metric_or_error_whatever_goes_wrong(
    serve: Serve, logs: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def bug(note: NoteInput) -> None:
        raise KeyError(note.text) from ValueError(note.text)

    seen = []
    async with serve() as up:
        await up.coding.CodeNote(NOTE).read()
        up.coder.before = bug
        bad = pb.CodeSectionRequest(text=SENTINEL, date_of_service=SENTINEL)
        for call in (
            up.coding.CodeNote(NOTE).read(),
            up.coding.CodeSection(pb.CodeSectionRequest(text=SENTINEL)),
            up.coding.CodeSection(bad),
            up.coding.CodeSection(bad, metadata=(("x-request-id", f"{SENTINEL} {SENTINEL}"),)),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            seen.append(repr(caught.value) + repr(caught.value.trailing_metadata()))
        bulk = up.coding.CodeNotes(iter([pb.CodeNotesRequest(note=NOTE.note)]))
        seen += [str(event) async for event in bulk]
        await up.idle()
        seen.append(generate_latest(up.metrics.registry).decode())
    seen += [logs.getvalue(), caplog.text]
    assert lines(logs, "bug")[0]["error"] == "KeyError"
    assert all(SENTINEL not in text for text in seen)


async def test_what_the_event_loop_and_libraries_log_of_exceptions_is_their_type_and_place(
    logs: io.StringIO,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_unhandled)

    async def fail() -> None:
        raise KeyError(SENTINEL)

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    del task
    try:
        int(SENTINEL)
    except ValueError:
        logging.getLogger("library").exception("something failed")
    assert lines(logs, "unhandled")[0]["error"] == "KeyError"
    (line,) = lines(logs, "something failed")
    assert line["error"] == "ValueError"
    assert SENTINEL not in logs.getvalue()


async def test_metrics_count_calls_notes_and_stages(serve: Serve) -> None:
    async with serve() as up:
        await up.coding.CodeNote(NOTE).read()
        await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))
        with pytest.raises(grpc.aio.AioRpcError):
            await up.coding.CodeSection(pb.CodeSectionRequest())
        await up.idle()
        assert up.metric("rpcs_total", method="CodingService/CodeNote", code="OK") == 1
        assert up.metric("rpcs_total", method="CodingService/CodeSection", code="OK") == 1
        assert up.metric("rpcs_total", method="CodingService/CodeSection", code="INVALID_ARGUMENT") == 1
        assert up.metric("errors_total", reason="INVALID_REQUEST") == 1
        assert up.metric("rpc_seconds_count", method="CodingService/CodeNote") == 1
        assert up.metric("notes_total", code="OK") == 2
        assert up.metric("sections_total") == up.metric("codes_total") == 2
        for stage in ("queue", "tokenize", "infer", "link", "total"):
            assert up.metric("stage_seconds_count", stage=stage) == 2


async def test_metrics_count_what_the_scheduler_tells(serve: Serve) -> None:
    async with serve() as up:
        tokens = up.metric("tokens_total")
        assert tokens > 0  # of the warm-up
        encoding = up.metric("encoder_processor_seconds_total")
        up.metrics.batch(windows=3, tokens=60, padded_tokens=75, seconds=0.02, processor_seconds=0.5)
        up.metrics.queue_wait(0.01, Priority.BULK)
        up.metrics.shed(ShedReason.OVERLOADED)
        assert up.metric("tokens_total") == tokens + 60
        assert up.metric("encoder_processor_seconds_total") == pytest.approx(encoding + 0.5)
        assert up.metric("padding_tokens_total") == 15
        assert up.metric("queue_wait_seconds_count", priority="bulk") == 1
        assert up.metric("shed_total", reason="overloaded") == 1
        assert up.metric("shed_total", reason="draining") == 0
        assert up.metrics.registry.get_sample_value("bertillon_queue_windows", {"priority": "bulk"}) == 0


async def test_metrics_are_served_on_their_own_port(serve: Serve, unused_tcp_port: int) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    async with serve(metrics_address=address) as up:
        await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))

        def scrape() -> str:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as reply:
                return str(reply.read(), "utf-8")

        text = await asyncio.to_thread(scrape)
    assert 'bertillon_info{model="fake/1"' in text
    assert "process_resident_memory_bytes" in text
    assert "bertillon_rpcs_total" in text
