"""How a lone request uses two cores: windows spread over two workers, or one call on two threads.

`python -m benchmarks.lone_request` prints one JSON object. For requests of a few windows with nobody beside them,
milliseconds from `encode` to its answer through a scheduler with two workers over a session of one thread (as
served), and with one worker over a session of two threads; and the same for as many requests at once as keep both
busy. Interleaved; `ratio` is the median over pairs, above 1 where two threads take less time.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.service import BUNDLE
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.inference.call import Call
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.scheduler import Scheduler

CORES = 2
REPEATS = 40
# Lengths of windows, in tokens: a line, a short section, one of 300 characters, a long one, a whole note.
REQUESTS = {
    "1 x 16": (16,),
    "1 x 32": (32,),
    "1 x 64": (64,),
    "38 + 41": (38, 41),
    "3 x 60": (58, 60, 61),
    "12 windows": (64, 63, 61, 60, 58, 57, 55, 52, 47, 41, 33, 21),
}
AT_ONCE = 8

Request = list[NDArray[np.int64]]


async def measure() -> dict[str, dict[str, dict[str, float]]]:
    """Return milliseconds of both, and their ratio, by load and request."""
    path = BUNDLE / ENCODER_FILE
    spread = Scheduler(Encoder(path), workers=CORES)
    joint = Scheduler(Encoder(path, intra_op_threads=CORES), workers=1)
    schedulers = (spread, joint)
    for scheduler in schedulers:
        await scheduler.start()
        await scheduler.warm_up()
    try:
        return {
            f"{load} at once": {
                name: await _compared(schedulers, lengths, load) for name, lengths in REQUESTS.items()
            }
            for load in (1, AT_ONCE)
        }
    finally:
        for scheduler in schedulers:
            await scheduler.stop(1.0)


async def _compared(schedulers: Sequence[Scheduler], lengths: Sequence[int], load: int) -> dict[str, float]:
    draw = np.random.default_rng(7)
    seconds: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        for scheduler, taken in zip(schedulers, seconds, strict=True):
            requests = [[draw.integers(1_000, 20_000, length) for length in lengths] for _ in range(load)]
            taken.append(await _seconds(scheduler, requests))
    spread, joint = seconds
    return {
        "spread_ms": round(statistics.median(spread) * 1e3, 2),
        "two_threads_ms": round(statistics.median(joint) * 1e3, 2),
        "ratio": round(statistics.median(one / two for one, two in zip(spread, joint, strict=True)), 2),
    }


async def _seconds(scheduler: Scheduler, requests: Sequence[Request]) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(scheduler.encode(request, Call()) for request in requests))
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
