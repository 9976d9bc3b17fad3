"""Server processes around a fake coder, and channels to them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2_grpc  # type: ignore[import-untyped]

from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from serving import CLIENT_OPTIONS


class Process:
    """A server process, its port, and a channel to it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.target = f"127.0.0.1:{port}"
        self.channel = grpc.aio.insecure_channel(self.target, options=CLIENT_OPTIONS)
        self.coding = CodingServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    async def ended(self) -> tuple[int, str]:
        async with asyncio.timeout(20):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


@asynccontextmanager
async def started(folder: Path, *flags: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("fake_process.py")),
        str(folder),
        "serve",
        "--address=127.0.0.1:0",
        "--metrics-address=",
        *flags,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        limit=2**20,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("serving on 127.0.0.1:"), line
        up = Process(process, int(line.rpartition(":")[2]), folder)
        yield up
        await up.channel.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
