"""One of several processes that serve an address together; `app.supervisor` starts it and tells it what to do.

It loads, says so, and serves when told to, so that none serves before all can. It ends when told to, on SIGTERM, and
when the supervisor is gone. SIGINT is the supervisor's: a terminal sends it to every process.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from bertillon_server.app import serve as process
from bertillon_server.app.garbage import Garbage
from bertillon_server.app.logs import configure_logs, log_unhandled
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.orders import SIGNALS, Order, Report, Stage, Task
from bertillon_server.app.server import Server
from bertillon_server.app.settings import Settings
from bertillon_server.app.startup import StartupError


def run(task: Task, orders: Connection, scrapes: Connection) -> None:
    """Run one worker until it is told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(task.switch_interval_s)
    settings = task.read_settings()
    try:
        configure_logs(settings.log_level, settings.log_file, worker=task.number)
        asyncio.run(_run(task, settings, orders, scrapes))
    except StartupError as error:
        with suppress(OSError):
            orders.send(Report(Stage.STARTING, str(error), error.exit_code))
        sys.exit(error.exit_code)


async def _run(task: Task, settings: Settings, orders: Connection, scrapes: Connection) -> None:
    # A server belongs to the loop that runs when it is made.
    await _Worker(task, settings, orders, scrapes).run()


class _Worker:
    def __init__(self, task: Task, settings: Settings, orders: Connection, scrapes: Connection) -> None:
        self._task = task
        self._settings = settings
        self._orders = orders
        self._scrapes = scrapes
        self._metrics = Metrics()
        self._server = Server(settings, self._metrics, shares_address=True)
        self._garbage = Garbage(lambda: not self._server.in_flight)
        # What goes on beside calls, and ends when the worker is told to stop.
        self._beside: set[asyncio.Task[None]] = set()
        self._serve, self._stop, self._cut = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._serves = self._is_stale = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log_unhandled)
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # the supervisor passes it on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        for listen in (self._take_orders, self._answer_scrapes):
            threading.Thread(target=listen, args=(loop,), daemon=True).start()
        self._garbage.hold()
        try:
            await self._server.load(await process.build(self._settings, self._metrics))
            self._report(Stage.READY)
            if await self._told_to_serve():
                own = self._task.own_address
                await self._server.bind(*([] if own is None else [own]))
                await self._server.serve()
                self._garbage.settle()
                self._begin(self._garbage.tend())
                self._report(Stage.SERVING)
                self._serves = True
                if self._is_stale:
                    self._reload()
                await self._stop.wait()
        finally:
            for task in self._beside:
                task.cancel()
            await process.stop(self._server, self._cut)

    async def _told_to_serve(self) -> bool:
        """Wait for either order; false when it is to stop."""
        waits = [asyncio.create_task(event.wait()) for event in (self._serve, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return not self._stop.is_set()

    def _reload(self) -> None:
        # One that takes another's place may have read what is there before it was changed.
        self._is_stale = not self._serves
        if self._serves:
            self._begin(self._take_up())

    async def _take_up(self) -> None:
        if await self._server.reload():
            self._garbage.forget()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _report(self, stage: Stage) -> None:
        with suppress(OSError):
            self._orders.send(Report(stage))

    def _take_orders(self, loop: asyncio.AbstractEventLoop) -> None:
        told = {
            Order.SERVE: self._serve.set,
            Order.RELOAD: self._reload,
            Order.STOP: self._stop.set,
            Order.CUT: self._cut.set,
        }
        with suppress(EOFError, OSError):
            while True:
                _call_on(loop, told[self._orders.recv()])
        # The supervisor is gone; nobody would start another worker in place of this one.
        _call_on(loop, self._stop.set)

    def _answer_scrapes(self, _: asyncio.AbstractEventLoop) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._scrapes.recv()
                self._scrapes.send(list(self._metrics.registry.collect()))


def _call_on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and the process with it
        loop.call_soon_threadsafe(call)
