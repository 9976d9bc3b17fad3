"""A peer's server: started in a session of its own, waited for until it codes, ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.peers.callers import FAILURES, Caller
from benchmarks.peers.environments import environment_for, missing
from benchmarks.peers.registry import Peer, Setting, interpreter

START_LIMIT_S, STOP_LIMIT_S = 180.0, 20.0
PROBE = "ASSESSMENT: Essential hypertension."
_LOG = "output.txt"
_LOG_TAIL = 400


class UnavailableError(Exception):
    """A peer does not run on this machine; the message says why."""


@asynccontextmanager
async def running(peer: Peer, setting: Setting, bundle: Path) -> AsyncIterator[Caller]:
    """Run a peer's server with its output in a folder that goes with it; raises UnavailableError."""
    reason = missing(peer.name)
    if reason is not None:
        raise UnavailableError(reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, port = _started(peer, setting, bundle, folder)
        try:
            await _until_it_codes(peer, port, process, folder)
            caller = peer.caller(port)
            try:
                yield caller
            finally:
                await caller.close()
        finally:
            _end(process)


def _started(peer: Peer, setting: Setting, bundle: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    port = _free_ports()
    words, variables = peer.command(interpreter(peer), port, setting)
    environment = environment_for(
        peer.name, bundle, processes=setting.processes, threads=setting.threads, batch=setting.batch
    )
    # Some of them write beside themselves; none of that is to outlive them.
    environment |= {"HOME": str(folder), "TMPDIR": str(folder)} | variables
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    return process, port


async def _until_it_codes(peer: Peer, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise UnavailableError(f"it ended with exit code {process.returncode}: {_last_words(folder)}")
        # A caller for each try: a channel that was refused once waits before it connects again.
        caller = peer.caller(port)
        try:
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(caller.code(PROBE), 10)
                return
        finally:
            await caller.close()
        await asyncio.sleep(0.2)
    raise UnavailableError(f"it did not serve within {START_LIMIT_S:.0f} s: {_last_words(folder)}")


def _last_words(folder: Path) -> str:
    lines = (folder / _LOG).read_text("utf-8", errors="replace").strip().splitlines()
    return " / ".join(line.strip() for line in lines[-6:])[-_LOG_TAIL:] or "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, then end whatever is left of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_LIMIT_S)


def _free_ports(count: int = 3) -> int:
    """Return the first of some ports in a row that nothing listens on."""
    while True:
        with contextlib.ExitStack() as held:
            sockets = [held.enter_context(socket.socket()) for _ in range(count)]
            sockets[0].bind(("127.0.0.1", 0))
            first: int = sockets[0].getsockname()[1]
            try:
                for offset, other in enumerate(sockets[1:], start=1):
                    other.bind(("127.0.0.1", first + offset))
            except OSError:
                continue
            return first
