"""Who may come in: capacity in tokens, reserved for a whole note before it is begun.

Shed early, never late: a note that gets in is answered, one that would not be is refused while the refusal
is still cheap, with advice when to come back. Every piece of work is expected to be admitted; the backlog by
which deadlines are judged is what was admitted and not yet released.
"""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.cost import BACKLOG_TOKENS, CostModel
from bertillon_server.inference.errors import DeadlineUnreachableError, DrainingError, OverloadedError
from bertillon_server.inference.observer import SchedulerObserver, ShedReason
from bertillon_server.inference.pending import rank
from bertillon_server.inference.turns import Turns

RESERVED = {Priority.INTERACTIVE: 1 / 4, Priority.STANDARD: 1 / 8, Priority.BULK: 1 / 16}
"""Share of the capacity that the other priorities cannot take: people are never locked out by programs, and
bulk work keeps trickling through a standing overload (ageing then brings it to the encoder)."""

SHORTEST_RETRY_S = 0.05
"""Advice below this is noise: a round trip and a batch take as long."""

LONGEST_RETRY_S = 30.0
"""Advice above this says more than the cost model knows."""


class Admission:
    """Capacity held by one note, until released; a context manager.

    Release as soon as the windows are encoded rather than when the caller has read the answer: a client that
    reads slowly should not keep others out.
    """

    __slots__ = ("_charge", "_control", "_open", "_share", "_tokens", "priority")

    def __init__(self, control: AdmissionControl, priority: Priority, tokens: int, charge: int) -> None:
        self._control = control
        self._tokens = tokens
        self._charge = charge
        self._open = True
        # What it takes of the work under way, once it is begun.
        self._share = 0
        self.priority = priority
        """The priority whose share it counts against."""

    @property
    def tokens(self) -> int:
        """Tokens still held."""
        return self._tokens

    async def turn(self, call: Call) -> None:
        """Wait until the note is to be begun; raises DeadlineUnreachableError when that would be too late."""
        self._share = await self._control.turns.take(self._tokens, call)

    def release(self, tokens: int | None = None, *, done: bool = True) -> None:
        """Give back `tokens` (a part that is encoded), or all that is left and leave; harmless when repeated.

        A note with nothing left to encode should leave: until then a drain waits for it. `done` tells whether it was
        worked off: what failed or was given up says nothing of the pace.
        """
        if not self._open:
            return
        left = 0 if tokens is None else max(0, self._tokens - tokens)
        charge = min(self._charge, left)
        freed, uncharged = self._tokens - left, self._charge - charge
        self._tokens, self._charge = left, charge
        self._open = tokens is not None
        share, self._share = self._share, min(self._share, left)
        if share:
            self._control.turns.end(self.priority, share - self._share)
        self._control.give_back(self.priority, freed, uncharged, leaves=not self._open, done=done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release(done=error is None)


class _Waiter:
    """A caller who waits for room."""

    __slots__ = ("call", "future", "order", "tokens")

    def __init__(self, order: float, tokens: int, call: Call, future: asyncio.Future[Admission]) -> None:
        self.order = order
        self.tokens = tokens
        self.call = call
        self.future = future


class AdmissionControl:
    """Keeps count of the tokens admitted and decides who gets in next. Owned by the event loop."""

    def __init__(
        self,
        *,
        max_tokens: int,
        cost: CostModel,
        clock: Callable[[], float],
        observer: SchedulerObserver,
        in_encoder: Callable[[], int],
        left: Callable[[], None],
    ) -> None:
        self._max_tokens = max_tokens
        self._cost = cost
        self._clock = clock
        self._observer = observer
        self._in_encoder = in_encoder
        self._left = left
        self.turns = Turns(workers=cost.workers, cost=cost, clock=clock, observer=observer)
        """Who of those admitted is begun next."""
        self._floor = [int(max_tokens * RESERVED[priority]) for priority in Priority]
        self._tokens = [0] * len(Priority)
        self._charged = [0] * len(Priority)
        self._open = 0
        # Since when there has been a backlog without a note worked off, None while there is none.
        self._busy_since: float | None = None
        self._waiting: list[_Waiter] = []
        self._draining = False

    @property
    def tokens(self) -> Sequence[int]:
        """Tokens admitted and not yet released, by priority."""
        return tuple(self._tokens)

    @property
    def open(self) -> int:
        """Admissions not yet released."""
        return self._open

    @property
    def waiting(self) -> int:
        """Callers who wait for room, and notes admitted that wait for their turn."""
        return len(self._waiting) + self.turns.waiting

    def admit(self, tokens: int, call: Call) -> Admission:
        """Reserve room for `tokens`, or refuse.

        Raises OverloadedError when there is none (or others of its priority wait for it),
        DeadlineUnreachableError when the work would end after the deadline, DrainingError when stopping.
        """
        self._refuse(tokens, call)
        ahead = any(waiter.call.priority <= call.priority for waiter in self._waiting)
        if ahead or not self._fits(tokens, call.priority):
            self._observer.shed(ShedReason.OVERLOADED)
            raise OverloadedError(self._retry_after(tokens, call.priority))
        return self._grant(tokens, call)

    async def admit_waiting(self, tokens: int, call: Call) -> Admission:
        """Reserve room for `tokens`, waiting for it in fair order, until the deadline is out of reach.

        Raises DeadlineUnreachableError and DrainingError, also while waiting.
        """
        self._refuse(tokens, call)
        if not self._waiting and self._fits(tokens, call.priority):
            return self._grant(tokens, call)
        loop = asyncio.get_running_loop()
        now = self._clock()
        waiter = _Waiter(rank(call.priority, now), tokens, call, loop.create_future())
        bisect.insort_right(self._waiting, waiter, key=lambda other: other.order)
        # It may fit although others wait: the order of waiting follows urgency.
        self._serve_waiting()
        timer: asyncio.TimerHandle | None = None
        if call.deadline is not None:
            latest = call.deadline - self._cost.estimate(tokens, 0)
            timer = loop.call_later(max(0.0, latest - now), self._give_up, waiter)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def give_back(self, priority: Priority, tokens: int, charge: int, *, leaves: bool, done: bool) -> None:
        """Take back capacity that an admission held; `leaves` when it has left, `done` if it was used."""
        self._tokens[priority] -= tokens
        self._charged[priority] -= charge
        if done or sum(self._tokens) < BACKLOG_TOKENS:
            now = self._clock()
            if done and self._busy_since is not None and tokens:
                self._cost.observe_pace(tokens, now - self._busy_since)
            # The time that went into what was given up counts as that of the next note done: nothing came of it.
            self._note_backlog(now)
        self._serve_waiting()
        if leaves:
            self._open -= 1
            self._left()

    def drain(self) -> None:
        """Admit nothing more, and turn away who waits."""
        self._draining = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            self._turn_away(waiter, ShedReason.DRAINING, DrainingError("the server is stopping"))

    def _refuse(self, tokens: int, call: Call) -> None:
        if tokens < 0:
            raise ValueError("a note has no fewer than 0 tokens")
        if self._draining:
            self._observer.shed(ShedReason.DRAINING)
            raise DrainingError("the server is stopping")
        if self._too_late(tokens, call):
            self._observer.shed(ShedReason.DEADLINE)
            raise DeadlineUnreachableError("the work would end after the deadline")

    def _too_late(self, tokens: int, call: Call) -> bool:
        if call.deadline is None:
            return False
        ahead = sum(self._tokens[: call.priority + 1])
        # Less urgent work goes after this call's, except for what the encoder has already begun.
        ahead += min(sum(self._tokens[call.priority + 1 :]), self._in_encoder())
        return self._clock() + self._cost.estimate(tokens, ahead) > call.deadline

    def _ceiling(self, priority: Priority) -> int:
        """Return the most that a priority can hold: all but what is kept for others."""
        return self._max_tokens - sum(self._floor) + self._floor[priority]

    def _charge(self, tokens: int, priority: Priority) -> int:
        # A note larger than the queue is legal: it counts as the whole of what its priority can have. One that is the
        # only one of its priority always gets in, and counts as what there is, which is its share at least: else work
        # of other priorities could keep it out for as long as it goes on.
        most = self._ceiling(priority) if self._tokens[priority] else self._room(priority)
        return min(tokens, most)

    def _room(self, priority: Priority) -> int:
        """Return the tokens that a priority can have now: all but what is taken or kept for others."""
        kept = sum(
            max(0, self._floor[other] - self._charged[other]) for other in Priority if other != priority
        )
        return self._max_tokens - sum(self._charged) - kept

    def _excess(self, tokens: int, priority: Priority) -> int:
        """Return the tokens by which a note does not fit; zero or less when it does."""
        return self._charge(tokens, priority) - self._room(priority)

    def _fits(self, tokens: int, priority: Priority) -> bool:
        return tokens == 0 or self._excess(tokens, priority) <= 0

    def _retry_after(self, tokens: int, priority: Priority) -> float:
        ahead = sum(waiter.tokens for waiter in self._waiting if waiter.call.priority <= priority)
        seconds = self._cost.drain_seconds(max(0, self._excess(tokens, priority)) + ahead)
        return min(max(seconds, SHORTEST_RETRY_S), LONGEST_RETRY_S)

    def _grant(self, tokens: int, call: Call) -> Admission:
        charge = self._charge(tokens, call.priority)
        self._tokens[call.priority] += tokens
        self._charged[call.priority] += charge
        self._open += 1
        if self._busy_since is None:
            self._note_backlog(self._clock())
        return Admission(self, call.priority, tokens, charge)

    def _note_backlog(self, now: float) -> None:
        self._busy_since = now if sum(self._tokens) >= BACKLOG_TOKENS else None

    def _serve_waiting(self) -> None:
        # The first in line holds the others back: else a large note would never find room.
        while self._waiting:
            waiter = self._waiting[0]
            late = self._too_late(waiter.tokens, waiter.call)
            if not late and not self._fits(waiter.tokens, waiter.call.priority):
                return
            del self._waiting[0]
            if late:
                self._turn_away_late(waiter)
            elif not waiter.future.done():
                waiter.future.set_result(self._grant(waiter.tokens, waiter.call))

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            self._turn_away_late(waiter)
            self._serve_waiting()

    def _abandon(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            self._serve_waiting()
        elif waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
            # Admitted and cancelled in one turn of the loop: nobody else will release it.
            waiter.future.result().release(done=False)

    def _turn_away_late(self, waiter: _Waiter) -> None:
        error = DeadlineUnreachableError("no room before the deadline came out of reach")
        self._turn_away(waiter, ShedReason.DEADLINE, error)

    def _turn_away(self, waiter: _Waiter, reason: ShedReason, error: Exception) -> None:
        if not waiter.future.done():
            self._observer.shed(reason)
            waiter.future.set_exception(error)
