"""Callers that wait: a fixed number of requests is always under way. For capacity, never for latency."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.load.outcomes import Outcome


async def saturate(
    send: Callable[[int], Awaitable[Outcome]],
    requests: int,
    side_by_side: int,
    progress: Callable[[], None] | None = None,
) -> float:
    """Send the requests 0, 1, ... with so many under way at a time and return the answers a second.

    Raises RuntimeError when one of them is not answered: the rate would be that of something else.
    """
    indexes = itertools.count()
    loop = asyncio.get_running_loop()
    outcomes: Counter[Outcome] = Counter()

    async def caller() -> None:
        while (index := next(indexes)) < requests:
            outcomes[await send(index)] += 1
            if progress is not None:
                progress()

    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for _ in range(side_by_side):
            group.create_task(caller())
    rate = requests / (loop.time() - began)
    if outcomes[Outcome.OK] < requests:
        raise RuntimeError(f"only {outcomes[Outcome.OK]} of {requests} requests were answered")
    return rate
