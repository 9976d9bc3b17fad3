"""An open-loop generator: requests are sent when they are due, however many are still unanswered.

A caller that waits for an answer before it sends the next request hides a slow server: while it waits it measures
nothing (coordinated omission). So latency is counted here from the time at which a request was *due*. What the
generator itself was late by is kept apart, and a run whose generator could not keep up fails instead of blaming the
server. The generator runs in another process than the server.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome

Send = Callable[[int], Awaitable[Outcome]]
"""Sends the request of an index and returns how it ended. It has a deadline of its own and does not raise."""

MAX_LAG_S = 0.010
"""What 99 % of the requests may be late by. Less than any latency that is promised here, and more than the scheduler
of a busy machine takes to wake a process."""

_HEAD_START_S = 0.05
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a schedule of requests met.

    `duration_s` spans the schedule, `wall_s` also the last answers. `latency` holds the answered requests
    (`Outcome.OK`), `refusal` the time to the end of those shed, both from the intended time; `lag` is what requests
    were sent late by. `timeline` has, in the order in which requests ended, when each was due (seconds from the
    start), how it ended and how long that took. `cpu_s` is the processor time that the generator's process took.
    """

    sent: int
    duration_s: float
    wall_s: float
    cpu_s: float
    outcomes: Counter[Outcome]
    latency: Latencies = field(repr=False)
    refusal: Latencies = field(repr=False)
    lag: Latencies = field(repr=False)
    timeline: list[tuple[float, Outcome, float]] = field(repr=False)

    @property
    def rate(self) -> float:
        """Requests a second that were due."""
        return self.sent / self.duration_s

    def served_share(self, objective_s: float) -> float:
        """Return the share of all requests due that were answered within the objective; refusals count as late."""
        return self.latency.within(objective_s) / self.sent if self.sent else 0.0

    def goodput(self, objective_s: float) -> float:
        """Return the requests a second answered within the objective."""
        return self.latency.within(objective_s) / self.duration_s

    def told(self) -> dict[str, Any]:
        """Return the result as plain values, histograms included."""
        return {
            "rate": round(self.rate, 3),
            "sent": self.sent,
            "duration_s": round(self.duration_s, 3),
            "wall_s": round(self.wall_s, 3),
            "outcomes": {outcome.value: self.outcomes[outcome] for outcome in Outcome},
            "latency": self.latency.summary(),
            "lag": self.lag.summary(),
            "generator_cores": round(self.cpu_s / self.wall_s, 3),
            "histograms": {"latency": self.latency.encoded(), "lag": self.lag.encoded()},
        }


class GeneratorLagError(Exception):
    """The generator could not keep up with its schedule: the run says nothing about the server."""

    def __init__(self, result: LoadResult, max_lag_s: float) -> None:
        late = result.lag.percentile(99)
        super().__init__(
            f"the generator could not keep up: at {result.rate:.1f} requests/s 1 % were sent {late * 1000:.1f} ms "
            f"late or later, {max_lag_s * 1000:.0f} ms is the limit"
        )
        self.result = result


async def run_open_loop(
    send: Send,
    schedule: Sequence[float],
    *,
    max_lag_s: float = MAX_LAG_S,
    progress: Callable[[], None] | None = None,
) -> LoadResult:
    """Send the requests 0, 1, ... when they are due and return what they met once all have ended.

    `schedule` holds seconds from the start, ascending; `progress` is called for each request that ended. Raises
    `GeneratorLagError` when 1 % of the requests were sent later than `max_lag_s` after they were due.
    """
    loop = asyncio.get_running_loop()
    outcomes: Counter[Outcome] = Counter()
    latency, refusal, lag = Latencies(), Latencies(), Latencies()
    timeline: list[tuple[float, Outcome, float]] = []

    async def request(index: int, offset: float) -> None:
        due = began + offset
        lag.record(loop.time() - due)
        outcome = await send(index)
        took = loop.time() - due
        outcomes[outcome] += 1
        timeline.append((offset, outcome, took))
        if outcome is Outcome.OK:
            latency.record(took)
        elif outcome is Outcome.SHED:
            refusal.record(took)
        if progress is not None:
            progress()

    began, cpu = loop.time() + _HEAD_START_S, time.process_time()
    async with asyncio.TaskGroup() as group:
        for index, offset in enumerate(schedule):
            # Sleeping for no time at all, when late, still lets the requests begin that were due before.
            await asyncio.sleep(max(0.0, began + offset - loop.time()))
            group.create_task(request(index, offset))
    result = LoadResult(
        sent=len(schedule),
        duration_s=schedule[-1] if schedule else 0.0,
        wall_s=loop.time() - began,
        cpu_s=time.process_time() - cpu,
        outcomes=outcomes,
        latency=latency,
        refusal=refusal,
        lag=lag,
        timeline=timeline,
    )
    if lag.count and lag.percentile(99) > max_lag_s:
        raise GeneratorLagError(result, max_lag_s)
    return result


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop that sleeps to the microsecond.

    That of epoll, which asyncio takes by itself, rounds every sleep up to a whole millisecond.
    """
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(main)
