"""Processes that code sections beside the server's own.

Python computes in one thread of a process at a time, and what surrounds the encoder is Python: one process cannot use
two cores for it, and what bulk notes compute delays whoever types. So notes are coded elsewhere, each section from
beginning to end in one thread, and the server's own process keeps to calls and to those that type. These processes
stand back for all others. Idle ones share what someone waits for (`section_jobs.in_jobs`); of bulk notes that wait,
one takes several at a time, for better batches.

They are started when they are first of use, in about the time that the server took to load, and until one is ready
everything is coded here. One that ends is replaced, and what it was working on is coded here instead: no note fails
by it. One that hangs is ended, and the notes that it was at fail: one of them may be why. They end with the server:
when their socket is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from bertillon_server.coding.job_queue import JobQueue, WaitingJob
from bertillon_server.coding.process_messages import receive, write_message
from bertillon_server.coding.section_jobs import Answer, Failed, Identity, Job, Jobs, Ready
from bertillon_server.inference.call import Call
from bertillon_server.inference.passes import Pass
from bertillon_server.restarts import pause_after

DEPTH = 2
"""Jobs in a process's hands below which it gets more: while it codes the last one, so that it never waits for the
event loop, and whoever comes waits for little more than what is coded together."""

LEAVE_S = 5.0
"""Seconds given to a process to end by itself."""

HANGS_S = 60.0
"""Seconds without an answer after which a process with jobs in its hands is ended, and more for their length: what
waits for it may have no deadline, and it would keep their places for ever."""

HANGS_S_PER_CODE_POINT = 0.001
"""Thirty times what a code point takes."""

_LOOKS = 12

_LOG = structlog.get_logger("bertillon.processes")


class HungError(Exception):
    """The process that had the job in hand answered nothing for far too long: it might hang here as well."""


class ElsewhereError(Exception):
    """A job was not done: no process is ready, it ended, or it failed. The sections can be coded here."""


class _Process:
    """A process that is ready, and the jobs in its hands, first the one that it codes."""

    def __init__(self, program: asyncio.subprocess.Process, writer: asyncio.StreamWriter) -> None:
        self.program = program
        self.pid = program.pid
        self.writer = writer
        self.jobs: deque[WaitingJob] = deque()
        # Whether those given last are of bulk notes.
        self.is_in_bulk = False
        self.messages = 0
        self.was_ended = False
        # Seconds in which it had jobs and answered none. They are counted by looks, not read off a clock: where the
        # whole server was held up, that was one.
        self.quiet_s = 0.0

    @property
    def code_points(self) -> int:
        """Length of what is in its hands."""
        return sum(waiting.job.code_points for waiting in self.jobs)


class Processes:
    """Several processes that code sections. Belongs to one event loop.

    `command` starts one, which finds its socket under the number that is added as the last argument; `settings` is
    what it is told first. `observe` is given each call of the encoder there. One that answers nothing for `hangs_s`
    seconds and more is ended.
    """

    def __init__(
        self,
        count: int,
        command: Sequence[str],
        settings: object,
        observe: Callable[[Pass], None],
        *,
        hangs_s: float = HANGS_S,
    ) -> None:
        self._count = count
        self._command = command
        self._settings = settings
        self._observe = observe
        self._hangs_s = hangs_s
        self._identity: Identity = ()
        self._waiting = JobQueue()
        self._ready: list[_Process] = []
        self._keepers: set[asyncio.Task[None]] = set()
        self._ending = False
        self.restarts = 0
        """How often a process was started in place of one that had ended."""

    @property
    def wanted(self) -> int:
        """How many there are to be."""
        return self._count

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are ready."""
        return tuple(process.pid for process in self._ready)

    @property
    def has_ready(self) -> bool:
        """Whether any is ready."""
        return bool(self._ready)

    @property
    def idle(self) -> int:
        """How many are ready and have nothing to code."""
        return sum(not process.jobs for process in self._ready)

    @property
    def are_busy(self) -> bool:
        """Whether all that are ready have something to code, and with it the cores."""
        return bool(self._ready) and not self.idle

    @property
    def are_in_bulk(self) -> bool:
        """Whether all that are ready code bulk notes, for which anything else that came now would wait."""
        return bool(self._ready) and all(process.jobs and process.is_in_bulk for process in self._ready)

    def use(self, identity: Identity) -> None:
        """Code with what was loaded here under this identity; processes with anything else are replaced."""
        if identity != self._identity:
            self._identity = identity
            for process in list(self._ready):
                self._dismiss(process)

    def are_ready(self) -> bool:
        """Whether a job would find a process; the first time, starts them."""
        if not self._keepers and not self._ending:
            for _ in range(self._count):
                task = asyncio.ensure_future(self._keep())
                self._keepers.add(task)
        return bool(self._ready)

    async def code(self, job: Job, call: Call) -> Answer:
        """Have sections coded.

        Raises DeadlineUnreachableError, ElsewhereError where the caller has to code them, and HungError where a
        process hung on them, or on what it coded with them.
        """
        if not self._ready:
            raise ElsewhereError
        future = self._waiting.put(job, call)
        self._serve()
        return await future

    async def stop(self) -> None:
        """End all processes."""
        self._ending = True
        for process in list(self._ready):
            self._dismiss(process)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def _serve(self) -> None:
        while self._waiting and self._ready:
            process = min(self._ready, key=lambda one: len(one.jobs))
            if len(process.jobs) >= DEPTH:
                return
            if together := self._waiting.take(len(self._ready)):
                process.jobs.extend(together)
                process.messages += 1
                for waiting in together:
                    waiting.message = process.messages
                process.is_in_bulk = together[0].is_bulk
                process.writer.write(write_message(Jobs(tuple(waiting.job for waiting in together))))

    def _dismiss(self, process: _Process) -> None:
        """Let a process end, once it has done what is in its hands."""
        if process in self._ready:
            self._ready.remove(process)
            if process.writer.can_write_eof():
                process.writer.write_eof()
        self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        if self._ready:
            return
        for future in self._waiting.clear():
            future.set_exception(ElsewhereError())

    async def _keep(self) -> None:
        """Keep one process going until all are to end."""
        failures = 0
        while not self._ending:
            began = time.monotonic()
            try:
                as_told = await self._run()
            except Exception as error:  # noqa: BLE001 - a keeper that ended would say nothing, and keep nothing
                # No memory or no file for one more process, for one, which may pass.
                _LOG.error("process_failed", reason=type(error).__name__)
                as_told = False
            lasted = time.monotonic() - began
            if not as_told:
                pause, failures = pause_after(lasted, failures)
                _LOG.error("process_ended", lasted_s=round(lasted, 1), again_s=pause)
                await asyncio.sleep(pause)
            self.restarts += 1

    async def _run(self) -> bool:
        """Run a process to its end; returns whether it ended because it was to."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            program = await asyncio.create_subprocess_exec(
                *self._command,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
            reader, writer = await asyncio.open_connection(sock=ours)
            process = _Process(program, writer)
            watch = asyncio.ensure_future(self._watch(process))
            identity = self._identity
            try:
                writer.write(write_message(self._settings))
                ready = await receive(reader)
                if not isinstance(ready, Ready) or ready.identity != identity or identity != self._identity:
                    # What is loaded here will be loaded anew soon, or what is there was changed without a word.
                    _LOG.warning("process_has_other_releases")
                    return False
                self._ready.append(process)
                self._serve()
                _LOG.info("process_ready", pid=program.pid)
                while True:
                    self._take(process, await receive(reader))
            except (EOFError, OSError, asyncio.IncompleteReadError):
                return process not in self._ready and not process.jobs
            finally:
                watch.cancel()
                if process in self._ready:
                    self._ready.remove(process)
                elif not process.jobs:
                    # It may be loading, which only a kill ends early; one that was dismissed has nothing left to do.
                    with contextlib.suppress(ProcessLookupError):
                        program.kill()
                _give_up(process)
                self._give_up_waiting()
                writer.close()
                await _ended(program)

    async def _watch(self, process: _Process) -> None:
        """End a process that hangs."""
        look_s = self._hangs_s / _LOOKS
        while process.quiet_s < self._hangs_s + HANGS_S_PER_CODE_POINT * process.code_points:
            await asyncio.sleep(look_s)
            process.quiet_s = process.quiet_s + look_s if process.jobs else 0.0
        _LOG.error("process_hangs", pid=process.pid)
        process.was_ended = True
        with contextlib.suppress(ProcessLookupError):
            process.program.kill()

    def _take(self, process: _Process, message: object) -> None:
        if isinstance(message, Answer):
            # Also where nobody waits for it any more: they may be for other jobs, and took their time.
            for one in message.passes:
                self._observe(one)
        process.quiet_s = 0.0
        future = process.jobs.popleft().future
        if not future.done():
            if isinstance(message, Answer):
                future.set_result(message)
            else:
                _LOG.error("job_failed", reason=message.reason if isinstance(message, Failed) else "")
                future.set_exception(ElsewhereError())
        self._serve()


def _give_up(process: _Process) -> None:
    """Leave what a process had in hand to the callers, but for the jobs that may be why it was ended."""
    for waiting in process.jobs:
        hung = process.was_ended and waiting.message == process.jobs[0].message
        if not waiting.future.done():
            waiting.future.set_exception(HungError() if hung else ElsewhereError())


async def _ended(program: asyncio.subprocess.Process) -> None:
    """See a process end; it does so when its socket is closed."""
    with contextlib.suppress(ProcessLookupError):
        try:
            await asyncio.wait_for(program.wait(), LEAVE_S)
        except TimeoutError:
            program.kill()
            await program.wait()
