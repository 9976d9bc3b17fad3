"""What the scheduler costs: per window, and against a plain loop over the same encoder; no server, no network.

- `overhead`: an encoder that does nothing, notes of 64 windows; microseconds per window on the event loop's
  thread (processor time) and in all (wall clock), one note at a time and 32 side by side.
- `efficiency`: an encoder that holds a worker for the time a real one needs (0.3 ms a call and 42 us a
  token, the interpreter lock released). The loop it is compared with is what one would write without a scheduler:
  as many threads as workers (one for one note at a time), each taking a note, grouping its windows by
  length and encoding the groups. Ratios are notes per second, scheduler over loop; `ideal` is against calls
  of 512 tokens on all workers and nothing else.
- `contended`: the same while a thread computes in Python, as the stages after the encoder do.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenario import Bench, Figure, Measured, Scenario
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.workers import WindowEncoder

WORKERS = 2
WIDTH = 384
WINDOWS = 64
CALL_S = 0.0003
TOKEN_S = 0.000042

_UNITS = {
    "loop_us_per_window": "us",
    "wall_us_per_window": "us",
    "notes_per_s": "notes/s",
    "over_loop": "x",
    "over_ideal": "x",
}

Note = list[NDArray[np.int64]]


class _NoWork:
    """Answers at once."""

    def __init__(self) -> None:
        self._zeros = np.zeros((512, WIDTH), dtype=np.float32)

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        return self._zeros[: ids.shape[0]]


class _RealTime(_NoWork):
    """Holds the calling thread for as long as a 3-layer x 384 int8 encoder would."""

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        time.sleep(CALL_S + TOKEN_S * ids.size)
        return super().encode(ids)


def _notes(count: int) -> list[Note]:
    draw = random.Random(7)
    ids = np.random.default_rng(7)
    return [
        [ids.integers(1, 30_000, draw.randint(4, 20), dtype=np.int64) for _ in range(WINDOWS)]
        for _ in range(count)
    ]


async def _code(scheduler: Scheduler, note: Note, gate: asyncio.Semaphore) -> None:
    async with gate:
        call = Call(Priority.STANDARD)
        with await scheduler.admit_waiting(sum(window.size for window in note), call):
            await scheduler.encode(note, call)


async def _through_scheduler(
    encoder: WindowEncoder, notes: Sequence[Note], side_by_side: int
) -> tuple[float, float]:
    """Return seconds of the wall clock and of the loop's thread for all of `notes`."""
    scheduler = Scheduler(encoder, workers=WORKERS)
    await scheduler.start()
    gate = asyncio.Semaphore(side_by_side)
    wall, thread = time.perf_counter(), time.thread_time()
    await asyncio.gather(*(_code(scheduler, note, gate) for note in notes))
    wall, thread = time.perf_counter() - wall, time.thread_time() - thread
    await scheduler.stop(1.0)
    return wall, thread


def _through_loop(encoder: WindowEncoder, notes: Sequence[Note], threads: int) -> float:
    """Return seconds for all of `notes` without a scheduler."""

    def code(note: Note) -> NDArray[np.float32]:
        vectors = np.empty((len(note), WIDTH), dtype=np.float32)
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for index, window in enumerate(note):
            groups[window.size].append(index)
        for group in groups.values():
            vectors[group] = encoder.encode(np.stack([note[index] for index in group]))
        return vectors

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(code, notes))
    return time.perf_counter() - started


def _overhead(notes: Sequence[Note], side_by_side: int) -> dict[str, float]:
    runs = [asyncio.run(_through_scheduler(_NoWork(), notes, side_by_side)) for _ in range(5)]
    per_window = 1e6 / (len(notes) * WINDOWS)
    return {
        "loop_us_per_window": round(statistics.median(thread for _, thread in runs) * per_window, 2),
        "wall_us_per_window": round(statistics.median(wall for wall, _ in runs) * per_window, 2),
    }


def _efficiency(notes: Sequence[Note], side_by_side: int) -> dict[str, float]:
    encoder = _RealTime()
    plain = _through_loop(encoder, notes, min(WORKERS, side_by_side))
    wall, _ = asyncio.run(_through_scheduler(encoder, notes, side_by_side))
    tokens = sum(window.size for note in notes for window in note)
    ideal = (tokens * TOKEN_S + tokens / 512 * CALL_S) / WORKERS
    return {
        "notes_per_s": round(len(notes) / wall, 1),
        "over_loop": round(plain / wall, 3),
        "over_ideal": round(ideal / wall, 3),
    }


def _contended(notes: Sequence[Note], side_by_side: int) -> dict[str, float]:
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            sum(range(2_000))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        return _efficiency(notes, side_by_side)
    finally:
        done.set()
        thread.join()


def measure(bench: Bench) -> Measured:
    """Measure each case in turn."""
    notes = _notes(64)
    cases: dict[str, tuple[Callable[[Sequence[Note], int], dict[str, float]], int, int]] = {
        "overhead_of_one_note": (_overhead, 64, 1),
        "overhead_of_32_notes": (_overhead, 64, 32),
        "efficiency_of_one_note": (_efficiency, 16, 1),
        "efficiency_of_16_notes": (_efficiency, 48, 16),
        "contended_of_16_notes": (_contended, 48, 16),
    }
    figures: dict[str, Figure] = {}
    with bench.steps("cases", len(cases)) as done:
        for name, (case, count, side_by_side) in cases.items():
            for value_name, value in case(notes[:count], side_by_side).items():
                figures[f"{name}_{value_name}"] = Figure(value, _UNITS[value_name])
            done()
    return Measured(figures)


SCENARIO = Scenario(
    "scheduler", "cost of the scheduler by itself, against a plain loop", measure, takes_notes=False
)
