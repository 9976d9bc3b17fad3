"""Several processes behind one address: starts them, lets them serve together, replaces those that end, stops them.

The kernel deals out connections (SO_REUSEPORT); calls on one connection stay with one process. The supervisor serves
nothing but the metrics of all, and loads nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final

import prometheus_client
import structlog

from bertillon_server.app.logs import configure_logs
from bertillon_server.app.orders import SIGNALS, Order, Report, Stage, Task, work
from bertillon_server.app.settings import Settings, join_address, split_address
from bertillon_server.app.startup import StartupError
from bertillon_server.app.worker_metrics import WorkerMetrics
from bertillon_server.restarts import pause_after

# What a worker may take to stop beside `settle_s` and `grace_s`.
_LEAVE_S: Final = 15.0


def supervise(settings: Settings) -> None:
    """Serve with several processes until SIGTERM or SIGINT; raises `StartupError` before anything is served."""
    configure_logs(settings.log_level, settings.log_file)
    Supervisor(settings).run()


class _Worker:
    """A process and what is known of it; `failures` counts those of its number that ended soon, one after another."""

    def __init__(self, number: int, failures: int, process: SpawnProcess, orders: Connection) -> None:
        self.number = number
        self.failures = failures
        self.process = process
        self.orders = orders
        self.stage = Stage.STARTING
        self.serving_since: float | None = None
        self.problem = Report(Stage.STARTING)

    def tell(self, order: Order) -> None:
        with suppress(OSError):  # it has ended; that is noticed elsewhere
            self.orders.send(order)


class Supervisor:
    """Runs the workers that the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = WorkerMetrics()
        self._workers: dict[int, _Worker] = {}
        # When the successor of a worker is due, in seconds of the monotonic clock, and the failures before it.
        self._due: dict[int, tuple[float, int]] = {}
        self._together = self._begun = self._stopping = False
        self._address = settings.address
        self._log = structlog.get_logger("bertillon.supervisor")

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises `StartupError` when a worker cannot start."""
        host, _ = split_address(self._settings.address)
        with ExitStack() as held:
            self._told = held.enter_context(_signals())
            port = held.enter_context(_reserved(self._settings.address))
            own = [held.enter_context(_reserved(address)) for address in self._own_addresses()]
            self._address = join_address(host, port)
            scraped = self._serve_metrics(held)
            try:
                began = time.monotonic()
                for number in range(self._settings.workers):
                    self._start(number, failures=0)
                self._until(Stage.READY)
                self._together = True
                for worker in self._workers.values():
                    worker.tell(Order.SERVE)
                self._until(Stage.SERVING)
                if not self._told.count:
                    self._begun = True
                    self._log.info(
                        "serving",
                        workers=self._settings.workers,
                        threads=self._settings.inference_threads,
                        start_ms=round((time.monotonic() - began) * 1000),
                        metrics_port=scraped,
                        worker_ports=own or None,
                    )
                    print(f"serving on {host}:{port}", flush=True)  # noqa: T201
                while not self._told.count:
                    self._step()
                    self._pass_on()
            finally:
                self._stop()

    def _pass_on(self) -> None:
        """Have all workers read the catalog directory anew, where that was asked for."""
        if self._told.reload:
            self._told.reload = False
            for worker in self._workers.values():
                worker.tell(Order.RELOAD)

    def _until(self, stage: Stage) -> None:
        """Go on until all workers have come to a stage, or a signal has."""
        while not self._told.count and any(
            worker.stage.value < stage.value for worker in self._workers.values()
        ):
            self._step()

    def _step(self) -> None:
        """Wait for something to happen and do what it asks for."""
        now = time.monotonic()
        for number, (due, failures) in list(self._due.items()):
            if due <= now:
                del self._due[number]
                self._start(number, failures)
        timeout = min((due - now for due, _ in self._due.values()), default=None)
        by_orders = {worker.orders: worker for worker in self._workers.values()}
        by_sentinel = {worker.process.sentinel: worker for worker in self._workers.values()}
        happened = wait([self._told.fd, *by_orders, *by_sentinel], timeout)
        for source in happened:
            if isinstance(source, Connection):
                self._hear(by_orders[source])
        for source in happened:
            if source == self._told.fd:
                self._told.read()
            elif isinstance(source, int):
                self._bury(by_sentinel[source])

    def _start(self, number: int, failures: int) -> None:
        orders, its_orders = multiprocessing.Pipe()
        scrapes, its_scrapes = multiprocessing.Pipe()
        values = dict(self._settings) | {
            "address": self._address,
            "metrics_address": "",
            "threads": self._settings.inference_threads,
        }
        task = Task(
            number,
            values,
            frozenset(self._settings.model_fields_set),
            next(iter(self._own_addresses()[number : number + 1]), None),
            sys.getswitchinterval(),
        )
        process = multiprocessing.get_context("spawn").Process(
            target=work, args=(task, its_orders, its_scrapes), name=f"bertillon-worker-{number}", daemon=True
        )
        # Until the worker knows what they mean, signals wait.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its_orders.close()
        its_scrapes.close()
        self._metrics.connect(number, scrapes)
        self._workers[number] = _Worker(number, failures, process, orders)

    def _hear(self, worker: _Worker) -> None:
        try:
            report: Report = worker.orders.recv()
        except (EOFError, OSError):
            worker.process.join()  # it closes its end by ending
            return
        if report.problem:
            worker.problem = report
            return
        worker.stage = report.stage
        if worker.stage is Stage.READY and self._together:
            worker.tell(Order.SERVE)
        elif worker.stage is Stage.SERVING:
            worker.serving_since = time.monotonic()
        self._count()

    def _bury(self, worker: _Worker) -> None:
        """See to what a worker leaves behind that has ended."""
        while worker.orders.poll():
            with suppress(EOFError, OSError):
                worker.problem = worker.orders.recv()
                continue
            break
        worker.process.join()
        worker.orders.close()
        del self._workers[worker.number]
        self._count()
        code = worker.process.exitcode
        if self._stopping:
            return
        if not self._begun:
            problem = worker.problem.problem or f"worker {worker.number} ended while it started"
            raise _failure(problem, worker.problem.exit_code)
        served = 0.0 if worker.serving_since is None else time.monotonic() - worker.serving_since
        pause, failures = pause_after(served, worker.failures)
        self._due[worker.number] = (time.monotonic() + pause, failures)
        self._metrics.restarts.inc()
        self._log.error(
            "worker_ended",
            worker=worker.number,
            exit_code=code,
            served_s=round(served, 1),
            problem=worker.problem.problem or None,
            again_s=pause,
        )

    def _stop(self) -> None:
        """Let all workers finish what they have; a second signal ends their grace."""
        self._stopping = True
        self._due.clear()
        for worker in self._workers.values():
            worker.tell(Order.STOP)
        patience = self._settings.settle_s + self._settings.grace_s + _LEAVE_S
        latest, cut = time.monotonic() + patience, False
        while self._workers and (left := latest - time.monotonic()) > 0:
            if self._told.count > 1 and not cut:
                cut = True
                for worker in self._workers.values():
                    worker.tell(Order.CUT)
            sources = {worker.process.sentinel: worker for worker in self._workers.values()}
            for source in wait([self._told.fd, *sources], left):
                if source == self._told.fd:
                    self._told.read()
                elif isinstance(source, int):
                    self._bury(sources[source])
        for worker in list(self._workers.values()):
            self._log.error("worker_killed", worker=worker.number)
            worker.process.kill()
            self._bury(worker)

    def _count(self) -> None:
        serving = [worker for worker in self._workers.values() if worker.stage is Stage.SERVING]
        self._metrics.serving.set(len(serving))

    def _own_addresses(self) -> list[str]:
        """Return the addresses on which one worker each answers, none without `worker_port`."""
        first = self._settings.worker_port
        if first is None:
            return []
        host, _ = split_address(self._settings.address)
        return [join_address(host, first + number) for number in range(self._settings.workers)]

    def _serve_metrics(self, held: ExitStack) -> int | None:
        if not self._settings.metrics_address:
            return None
        host, port = split_address(self._settings.metrics_address)
        try:
            server, _ = prometheus_client.start_http_server(port, addr=host, registry=self._metrics.registry)
        except OSError as error:
            reason = error.strerror or "the address cannot be used"
            raise StartupError(
                f"cannot serve metrics on {self._settings.metrics_address}: {reason}"
            ) from None
        held.callback(server.server_close)
        held.callback(server.shutdown)
        return int(server.server_port)


class _Signals:
    """Counts the signals that ask for an end, and notes those to reload; `fd` can be read when one has come."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.count = 0
        self.reload = False

    def read(self) -> None:
        """Take what has come."""
        came = os.read(self.fd, 64)
        ends = sum(number != signal.SIGHUP for number in came)
        self.count += ends
        self.reload |= ends < len(came)


@contextmanager
def _signals() -> Iterator[_Signals]:
    """Take SIGTERM, SIGINT and SIGHUP until the end of the block."""
    readable, writable = os.pipe()

    def note(number: int, _: object) -> None:
        os.write(writable, bytes([number]))

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield _Signals(readable)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(readable)
        os.close(writable)


@contextmanager
def _reserved(address: str) -> Iterator[int]:
    """Keep a port for the workers until the end of the block, and return it; raises `StartupError` when it is taken.

    The socket is bound and does not listen, so the kernel gives it no connection; it holds the port while a worker
    is replaced, and makes port 0 the same one for all.
    """
    host, port = split_address(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as alone:
            # By itself first: with the option, another server of the same user would be no obstacle.
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(where)
            where = alone.getsockname()
        held = socket.socket(family, kind, protocol)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(where)
    except OSError as error:
        raise StartupError(f"cannot listen on {address}: {error.strerror}") from None
    try:
        yield held.getsockname()[1]
    finally:
        held.close()


def _failure(problem: str, exit_code: int) -> StartupError:
    error = StartupError(problem)
    error.exit_code = exit_code or StartupError.exit_code
    return error
