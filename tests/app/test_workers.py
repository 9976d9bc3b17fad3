"""Several real processes behind one address, through real channels: serving, stopping, and one that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from processes import Process, started
from prometheus_client.parser import text_string_to_metric_families

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from serving import CLIENT_OPTIONS

# The kernel deals connections out at random: of so many, each of two processes gets one but once in a million times.
CHANNELS = 21
FLAGS = ("--workers=2", "--metrics-address=127.0.0.1:0")


class Workers(Process):
    """A server of two processes."""

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "server.log").read_text().splitlines()]

    def metrics(self) -> dict[tuple[str, str], float]:
        """Return samples by name and worker, added up over other labels."""
        port = next(line["metrics_port"] for line in self.log() if line.get("metrics_port"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            text = reply.read().decode()
        found: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, sample.labels["worker"])
                found[key] = found.get(key, 0.0) + sample.value
        return found

    def pids(self) -> list[int]:
        """Return the processes that serve."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def until(self, condition: Callable[[dict[tuple[str, str], float]], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition(await asyncio.to_thread(self.metrics)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


@asynccontextmanager
async def workers(folder: Path, *flags: str) -> AsyncIterator[Workers]:
    async with started(folder, *FLAGS, f"--log-file={folder / 'server.log'}", *flags) as up:
        up.__class__ = Workers
        assert isinstance(up, Workers)
        yield up


@asynccontextmanager
async def channels(target: str, count: int = CHANNELS) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Open so many connections."""
    opened = [grpc.aio.insecure_channel(target, options=CLIENT_OPTIONS) for _ in range(count)]
    try:
        yield opened
    finally:
        await asyncio.gather(*[channel.close() for channel in opened])


async def answered(opened: list[grpc.aio.Channel]) -> int:
    """Return how many calls are answered, one on each channel."""
    calls = [
        CodingServiceStub(channel).CodeSection(pb.CodeSectionRequest(text="cough")) for channel in opened
    ]
    return len(await asyncio.gather(*calls))


async def calls_of_each(up: Workers) -> list[float]:
    """Return the calls that each of two workers has had."""
    metrics = await asyncio.to_thread(up.metrics)
    return [metrics.get(("bertillon_rpcs_total", str(number)), 0.0) for number in range(2)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for has no executable."""
    return Path(f"/proc/{pid}/exe").exists()


async def test_all_serve_from_the_first_line_on_and_their_metrics_are_on_one_port(tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    async with workers(tmp_path) as up, channels(up.target) as opened:
        health = [health_pb2_grpc.HealthStub(channel) for channel in opened]
        states = await asyncio.gather(*[stub.Check(health_pb2.HealthCheckRequest()) for stub in health])
        assert {state.status for state in states} == {health_pb2.HealthCheckResponse.SERVING}
        assert await answered(opened) == CHANNELS
        metrics = up.metrics()
        counts = [metrics["bertillon_rpcs_total", str(number)] for number in range(2)]
        assert min(counts) > 0
        assert sum(counts) == CHANNELS
        assert metrics["bertillon_workers", "supervisor"] == 2
        assert {line["worker"] for line in up.log() if line["event"] == "rpc"} == {0, 1}


async def test_a_drain_answers_what_all_have_admitted(tmp_path: Path) -> None:
    async with workers(tmp_path) as up, channels(up.target) as opened:
        note = pb.CodeNoteRequest(note=pb.Note(text="cough"))
        calls: list[Any] = [CodingServiceStub(channel).CodeNote(note) for channel in opened]
        assert all([(await call.read()).HasField("outline") for call in calls])
        # As a terminal or a service manager does: to every process at once.
        for pid in (up.process.pid, *up.pids()):
            os.kill(pid, signal.SIGTERM)
        (tmp_path / "open").touch()
        for call in calls:
            assert [(await call.read()).WhichOneof("event") for _ in range(2)] == ["section", "summary"]
            assert await call.read() is grpc.aio.EOF
        assert await up.ended() == (0, "")


async def test_a_worker_that_is_killed_is_replaced_while_the_other_goes_on(tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    async with workers(tmp_path) as up:
        await up.until(lambda metrics: metrics["bertillon_workers", "supervisor"] == 2)
        victim, survivor = up.pids()
        os.kill(victim, signal.SIGKILL)
        await up.until(lambda metrics: metrics["bertillon_worker_restarts_total", "supervisor"] == 1)
        async with channels(up.target, 3) as opened:
            assert await answered(opened) == 3
        await up.until(lambda metrics: metrics["bertillon_workers", "supervisor"] == 2)
        assert survivor in up.pids()
        async with channels(up.target) as opened:
            assert await answered(opened) == CHANNELS
        (ended,) = [line for line in up.log() if line["event"] == "worker_ended"]
        assert ended["exit_code"] == -signal.SIGKILL
        # Without their supervisor the workers end as well: nothing serves that nothing watches.
        remaining = up.pids()
        up.process.kill()
        async with asyncio.timeout(20):
            while any(alive(pid) for pid in remaining):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_a_worker_that_is_being_replaced_takes_up_the_catalog_once_it_serves(tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    async with workers(tmp_path) as up:
        before = up.pids()
        (tmp_path / "slow").touch()
        os.kill(before[0], signal.SIGKILL)
        await _until(lambda: len(_marks(tmp_path, "loading")) == 3)
        (new,) = _marks(tmp_path, "loading") - set(before)
        up.process.send_signal(signal.SIGHUP)
        await _until(lambda: _marks(tmp_path, "reloaded") == {before[1]})
        (tmp_path / "slow").unlink()
        await _until(lambda: _marks(tmp_path, "reloaded") == {before[1], new})


def _marks(folder: Path, what: str) -> set[int]:
    """Return the processes that have left a mark in the folder."""
    return {int(path.name.partition("-")[2]) for path in folder.glob(f"{what}-*")}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - other processes change it, which do not tell
            await asyncio.sleep(0.05)


async def test_a_client_that_knows_the_ports_of_the_workers_balances_call_by_call(tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    with socket.create_server(("127.0.0.1", 0)) as one:
        first = one.getsockname()[1]
    async with workers(tmp_path, f"--worker-port={first}") as up:
        config = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
        options = [*CLIENT_OPTIONS, ("grpc.service_config", config)]
        target = f"ipv4:127.0.0.1:{first},127.0.0.1:{first + 1}"
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            # Until the second connection stands, on a busy machine after many calls, the first has them all.
            async with asyncio.timeout(30):
                while min(before := await calls_of_each(up)) == 0:
                    await answered([channel])
            for _ in range(20):
                await answered([channel])
            after = await calls_of_each(up)
        assert [now - then for now, then in zip(after, before, strict=True)] == [10, 10]


def test_when_one_cannot_start_none_serves(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("-1")
    script = Path(__file__).with_name("fake_process.py")
    command = [sys.executable, str(script), str(tmp_path), "serve", "--address=127.0.0.1:0", *FLAGS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == "bertillon-server: something is missing\n"
