"""The two things a process can do: serve until it is told to stop, or check that it could."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

from bertillon_server.app.components import Components, build_components
from bertillon_server.app.garbage import Garbage
from bertillon_server.app.logs import configure_logs, log_unhandled
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.server import Server
from bertillon_server.app.settings import Settings, join_address, split_address


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, and load the catalog again on SIGHUP.

    Raises `StartupError` before anything is served.
    """
    configure_logs(settings.log_level, settings.log_file)
    asyncio.run(_serve(settings))


def check(settings: Settings) -> str:
    """Load everything, code the canary and return what was proved; raises `StartupError`."""
    configure_logs(settings.log_level, settings.log_file)
    return asyncio.run(_check(settings))


async def build(settings: Settings, metrics: Metrics) -> Components:
    """Load everything beside the loop; raises `StartupError`."""
    return await asyncio.to_thread(build_components, settings, metrics)


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_unhandled)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    metrics = Metrics()
    server = Server(settings, metrics)
    garbage = Garbage(lambda: not server.in_flight)
    garbage.hold()
    # What goes on beside calls, and ends when the process is told to stop.
    beside: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        if await server.reload():
            garbage.forget()

    def begin(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        beside.add(task)
        task.add_done_callback(beside.discard)

    # Before anything is served it is ignored: what is there is being read.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        own = settings.worker_port
        host, _ = split_address(settings.address)
        port = await server.bind(*([] if own is None else [join_address(host, own)]))
        await server.start(await build(settings, metrics))
        garbage.settle()
        begin(garbage.tend())
        loop.add_signal_handler(signal.SIGHUP, lambda: begin(reload()))
        print(f"serving on {host}:{port}", flush=True)  # noqa: T201
        await told.wait()
        told.clear()
    finally:
        for task in beside:
            task.cancel()
        await stop(server, told)


async def stop(server: Server, told_again: asyncio.Event) -> None:
    """Stop with grace; at once when told a second time."""
    stopping = asyncio.create_task(server.stop())
    hurrying = asyncio.create_task(told_again.wait())
    await asyncio.wait({stopping, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        await server.cut()
    hurrying.cancel()
    await stopping


async def _check(settings: Settings) -> str:
    began = time.monotonic()
    components = await build(settings, Metrics())
    try:
        await components.start()
    finally:
        await components.stop()
    took = time.monotonic() - began
    return f"{components.model} codes its canary as recorded ({len(components.canary.codes)} codes, {took:.1f} s)"
