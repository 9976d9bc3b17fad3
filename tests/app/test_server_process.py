from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from processes import Process, started

from bertillon.coding.v1 import coding_service_pb2 as pb

SENTINEL = "xyzzyphus"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_under_load_turns_health_and_answers_what_was_admitted(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with started(tmp_path, "--settle-s=0.2") as up:
        watch = up.health.Watch(health_pb2.HealthCheckRequest(service="bertillon.coding.v1.CodingService"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        calls: list[Any] = [
            up.coding.CodeNote(pb.CodeNoteRequest(note=pb.Note(note_id=str(n), text=f"{SENTINEL} cough")))
            for n in range(20)
        ]
        assert all([(await call.read()).HasField("outline") for call in calls])
        up.process.send_signal(number)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        (tmp_path / "open").touch()
        for call in calls:
            assert [(await call.read()).WhichOneof("event") for _ in range(2)] == ["section", "summary"]
            assert await call.read() is grpc.aio.EOF
        code, err = await up.ended()
    assert code == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["code"] for line in lines if line["event"] == "rpc"] == ["OK"] * 20
    assert lines[-1] | {"event": "stopped", "in_flight": 0} == lines[-1]
    assert SENTINEL not in err


async def test_calls_that_arrive_while_the_server_stops_are_answered_or_unavailable_never_dropped(
    tmp_path: Path,
) -> None:
    (tmp_path / "open").touch()

    async def outcome(up: Process) -> str:
        try:
            await up.coding.CodeSection(pb.CodeSectionRequest(text="cough"))
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    async with started(tmp_path) as up:
        assert await outcome(up) == "OK"
        burst = [asyncio.create_task(outcome(up)) for _ in range(250)]
        await asyncio.sleep(0)
        up.process.terminate()
        assert set(await asyncio.gather(*burst)) <= {"OK", "UNAVAILABLE"}
        code, _ = await up.ended()
    assert code == 0


async def test_a_second_signal_ends_the_grace(tmp_path: Path) -> None:
    async with started(tmp_path) as up:
        call: Any = up.coding.CodeNote(pb.CodeNoteRequest(note=pb.Note(text="cough")))
        assert await call.read()
        watch = up.health.Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        up.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        up.process.send_signal(signal.SIGTERM)
        code, _ = await up.ended()
    assert code == 0
    assert await call.code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}


async def test_calls_that_outlast_the_grace_are_ended(tmp_path: Path) -> None:
    async with started(tmp_path, "--grace-s=0.2") as up:
        call: Any = up.coding.CodeNote(pb.CodeNoteRequest(note=pb.Note(text="cough")))
        assert await call.read()
        up.process.terminate()
        code, _ = await up.ended()
    assert code == 0


async def test_logs_go_to_a_file_on_request(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    async with started(tmp_path, f"--log-file={log}", "--log-level=debug") as up:
        await up.coding.CodeSection(pb.CodeSectionRequest(text=f"canary cough {SENTINEL}"))
        up.process.terminate()
        code, err = await up.ended()
    assert (code, err) == (0, "")
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert {"serving", "rpc", "stopping", "stopped"} <= set(events)
    assert SENTINEL not in log.read_text()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("bertillon-server")
    return subprocess.run(
        [script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--bundle=/nonexistent"], 1, "no bundle at /nonexistent"),
        (["--workers=0"], 2, "workers"),
        (["--config=/nonexistent.toml"], 2, "does not exist"),
        (["--log-file=/nonexistent/server.log"], 1, "cannot be written"),
        (["--address=0.0.0.0:0"], 2, "not loopback"),
    ],
)
def test_what_keeps_a_server_from_starting_is_one_line_and_an_exit_code(
    command: str, flags: list[str], code: int, message: str
) -> None:
    ended = run(command, "--metrics-address=", *flags)
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("flag", ["--address", "--metrics-address"])
def test_a_busy_port_is_one_line_and_exit_code_1(flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        others = {"--address": "127.0.0.1:0", "--metrics-address": ""}
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("serve", *(f"{name}={value}" for name, value in (others | {flag: busy}).items()))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert busy in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("serve", "--no-such-flag"), ("sreve",), ("serve", "--grace-s", "soon"), ("check", "extra")]
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("bertillon-server: ")


def test_no_command_gets_the_help() -> None:
    assert "Commands:" in run().stderr


def test_help_shows_every_setting_but_secrets() -> None:
    text = run("serve", "--help").stdout
    assert "--max-note-code-points" in text
    assert "BERTILLON_GRACE_S" in text
    assert "--tokens " not in text


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("bertillon-server, version ")
