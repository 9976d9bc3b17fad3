"""Where windows of all requests meet and become micro-batches: the one way to the encoder.

A note is admitted (`admission`), its windows wait (`queue`), become batches of one length (`batching`) and go
to a worker thread and back (`dispatch`, `workers`); what that costs is learned on the way (`cost`) and decides
who is admitted next. Here is the face of all that, and its life cycle.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.admission import Admission, AdmissionControl
from bertillon_server.inference.batching import BATCH_TOKENS, MAX_ROWS
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.cost import CostModel
from bertillon_server.inference.dispatch import Dispatcher
from bertillon_server.inference.errors import DrainingError
from bertillon_server.inference.observer import NullObserver, SchedulerObserver, ShedReason
from bertillon_server.inference.passes import Pass
from bertillon_server.inference.pending import Encoded, PendingCall
from bertillon_server.inference.workers import WindowEncoder

MAX_QUEUED_TOKENS = 65_536
"""Tokens admitted at once: some 80 typical notes, 1.4 s of encoding for two cores."""

WORKER_EXIT_S = 5.0
"""Seconds given to calls of the encoder that still run when everything else has stopped; one takes 20 ms."""

WARM_UP_LENGTHS = (4, 8, 12, 16, 24, 32, 64)
"""Window lengths in tokens that a warm-up encodes: what notes are made of, and a long one."""


class _State(Enum):
    NEW = auto()
    RUNNING = auto()
    DRAINING = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """Where the scheduler stands; all zero when it has nothing to do."""

    queued_windows: dict[Priority, int]
    """Windows that wait to be put into a batch."""
    queued_tokens: dict[Priority, int]
    """Their tokens."""
    in_flight_windows: int
    """Windows handed to the workers, up to one batch ahead of each worker included."""
    in_flight_tokens: int
    """Their tokens."""
    admitted_tokens: dict[Priority, int]
    """Tokens of notes admitted and not yet released."""
    admissions: int
    """Notes admitted and not yet released."""
    waiting_admissions: int
    """Callers of `admit_waiting` without room yet, and notes admitted that wait for their turn."""
    calls: int
    """Calls of `encode` not yet answered."""


class Scheduler:
    """Encodes windows for many calls at once, in order of urgency, with bounded work admitted.

    All methods belong to the event loop that called `start`.
    """

    def __init__(
        self,
        encoder: WindowEncoder,
        *,
        workers: int,
        batch_tokens: int = BATCH_TOKENS,
        max_queued_tokens: int = MAX_QUEUED_TOKENS,
        observer: SchedulerObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if min(workers, batch_tokens, max_queued_tokens) < 1:
            raise ValueError("workers, batch_tokens and max_queued_tokens are at least 1")
        self._clock = clock
        self._observer = observer or NullObserver()
        self._batch_tokens = batch_tokens
        self._cost = CostModel(workers=workers)
        self._dispatcher = Dispatcher(
            encoder,
            workers=workers,
            batch_tokens=batch_tokens,
            cost=self._cost,
            observer=self._observer,
            clock=clock,
        )
        self._admission = AdmissionControl(
            max_tokens=max_queued_tokens,
            cost=self._cost,
            clock=clock,
            observer=self._observer,
            in_encoder=lambda: self._dispatcher.handed_tokens,
            left=self._notice_idle,
        )
        self._state = _State.NEW
        self._idle = asyncio.Event()
        self._calls: set[PendingCall] = set()

    @property
    def cost(self) -> CostModel:
        """What encoding costs, as learned so far."""
        return self._cost

    async def start(self) -> None:
        """Start the workers on the running loop."""
        if self._state is not _State.NEW:
            raise RuntimeError("a scheduler is started once")
        self._dispatcher.start()
        self._state = _State.RUNNING

    async def warm_up(self, lengths: Sequence[int] = WARM_UP_LENGTHS) -> None:
        """Encode made-up windows of `lengths` tokens, twice: to allocate, then to learn what they cost.

        Their ids are at most `MAX_ROWS`, which every vocabulary has. Raises what `encode` raises.
        """
        for _ in range(2):
            self._cost.forget()
            for length in lengths:
                rows = min(max(1, self._batch_tokens // length), MAX_ROWS)
                made_up = [np.full(length, row + 1, dtype=np.int64) for row in range(rows)]
                await self.encode(made_up, Call())

    def admit(self, tokens: int, call: Call) -> Admission:
        """Reserve room for a note of `tokens` tokens before it is begun, or refuse at once.

        Raises OverloadedError (with advice when to retry), DeadlineUnreachableError, DrainingError.
        """
        return self._admission.admit(tokens, call)

    async def admit_waiting(self, tokens: int, call: Call) -> Admission:
        """Reserve room for a note of `tokens` tokens, waiting in fair order: back-pressure, not shedding.

        Raises DeadlineUnreachableError and DrainingError; cancelling gives up the place.
        """
        return await self._admission.admit_waiting(tokens, call)

    async def encode(self, windows: Sequence[NDArray[np.int64]], call: Call) -> Encoded:
        """Return what the encoder says of `windows` (token ids, int64, one dimension, not empty) in the order given.

        Cancelling withdraws what is not encoded yet. Raises DeadlineUnreachableError when the deadline
        passed before all windows were begun, DrainingError when stopped, EncodingFailedError when the
        encoder failed on a batch with one of the windows.
        """
        self._require_open()
        if not windows:
            return Encoded((), 0, 0)
        keys = [_identity(window) for window in windows]
        future: asyncio.Future[Encoded] = asyncio.get_running_loop().create_future()
        pending = PendingCall(call, len(keys), self._clock(), future)
        self._calls.add(pending)
        self._dispatcher.submit(pending, keys)
        try:
            return await future
        finally:
            self._dispatcher.withdraw(pending)
            self._calls.discard(pending)
            self._notice_idle()

    @property
    def is_busy(self) -> bool:
        """Whether every worker has a batch, so that bulk and standard windows that came now would wait."""
        return self._dispatcher.is_busy

    def encode_here(self, windows: Sequence[NDArray[np.int64]]) -> Encoded:
        """Encode windows in the calling thread, beside what the workers run; the one method for any thread.

        For a few windows of a caller who waits, with an admission that is held meanwhile. Raises EncodingFailedError.
        """
        return self._dispatcher.encode_here(windows)

    def encoded_elsewhere(self, call: Pass) -> None:
        """Count, and learn from, a call of the encoder in another process of the server."""
        self._cost.observe(call.tokens, call.seconds)
        self._observer.batch(call.windows, call.tokens, call.tokens, call.seconds, call.processor_s)

    def stats(self) -> SchedulerStats:
        """Return where the scheduler stands."""
        waiting = self._dispatcher.queue
        return SchedulerStats(
            queued_windows=dict(zip(Priority, waiting.windows, strict=True)),
            queued_tokens=dict(zip(Priority, waiting.tokens, strict=True)),
            in_flight_windows=self._dispatcher.handed_windows,
            in_flight_tokens=self._dispatcher.handed_tokens,
            admitted_tokens=dict(zip(Priority, self._admission.tokens, strict=True)),
            admissions=self._admission.open,
            waiting_admissions=self._admission.waiting,
            calls=len(self._calls),
        )

    async def stop(self, grace_s: float) -> None:
        """Answer everything admitted within `grace_s` seconds, then fail what is left, and end the workers.

        New work raises DrainingError from the first moment; what is left after the grace gets it too.
        """
        self._admission.drain()
        if self._state in {_State.RUNNING, _State.DRAINING}:
            self._state = _State.DRAINING
            self._notice_idle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace_s)
        self._state = _State.STOPPED
        for pending in tuple(self._calls):
            error = DrainingError("the server stopped before the work was done")
            self._dispatcher.abandon(pending, error, ShedReason.DRAINING)
        await self._dispatcher.halt(WORKER_EXIT_S)

    def _require_open(self) -> None:
        if self._state is _State.NEW:
            raise RuntimeError("start the scheduler first")
        if self._state is _State.STOPPED or (self._state is _State.DRAINING and not self._admission.open):
            # While it drains, notes that were admitted go on with their next section.
            self._observer.shed(ShedReason.DRAINING)
            raise DrainingError("the server is stopping")

    def _notice_idle(self) -> None:
        if self._state is _State.DRAINING and not self._calls and not self._admission.open:
            self._idle.set()


def _identity(window: NDArray[np.int64]) -> bytes:
    if window.ndim != 1 or window.dtype != np.int64 or not window.size:
        raise ValueError("a window is a non-empty one-dimensional array of int64")
    return window.tobytes()
