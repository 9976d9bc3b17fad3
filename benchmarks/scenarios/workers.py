"""Whether two processes of a server do more than one on the same cores."""

from __future__ import annotations

import subprocess

from benchmarks.load.closed import saturate
from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import calling, note_requests
from benchmarks.scenario import Bench, Figure, Measured, Scenario, Skipped, take
from benchmarks.scenarios.offering import PATIENT_S
from benchmarks.service import SERVER, Service

# Connections enough that a kernel that deals them out at random leaves no process without.
CONNECTIONS = 16
CALLERS = 16
WARM_UP_NOTES = 32


def measure(bench: Bench) -> Measured:
    """Alternate between a server of one process and one of two; both have their cores to themselves in turn."""
    _check()
    repeats, notes = bench.choose((3, 50), (7, 400))
    texts = bench.texts()
    one: list[float] = []
    two: list[float] = []
    with (
        bench.server() as single,
        bench.server("--workers=2") as double,
        bench.steps("one process, then two", repeats) as done,
    ):
        warm_up = take(texts, WARM_UP_NOTES)
        for server in (single, double):
            _rate(server, warm_up)
        for _ in range(repeats):
            # The same for both, which keep nothing of each other: notes differ in length.
            chosen = take(texts, notes)
            one.append(_rate(single, chosen))
            two.append(_rate(double, chosen))
            done()
    return Measured(
        {
            "two_over_one": Figure.ratio(two, one),
            "one_process": Figure.median(one, "notes/s"),
            "two_processes": Figure.median(two, "notes/s"),
        },
    )


def _check() -> None:
    """Raise Skipped for a server whose workers are threads of one process: it has no flag for these."""
    shown = subprocess.run([SERVER, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    if "--threads " not in shown:
        raise Skipped("this server has no option for several processes")


def _rate(server: Service, texts: list[str]) -> float:
    requests = note_requests(texts)

    async def saturated() -> float:
        async with calling(server.target, connections=CONNECTIONS, timeout_s=PATIENT_S) as caller:
            return await saturate(lambda index: caller.note(requests[index]), len(requests), CALLERS)

    return run(saturated())


SCENARIO = Scenario("workers", "throughput of two processes against one on the same cores", measure)
