"""How long an interactive caller waits while a bulk stream takes all that the server has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.bulk import bulk_streams
from benchmarks.load.generator import LoadResult, run, run_open_loop
from benchmarks.load.grpc_calls import Caller, calling, section_requests
from benchmarks.load.outcomes import Outcome
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, Measured, Scenario, percentile_figures, take
from benchmarks.scenarios.single_stream import section_of
from benchmarks.service import Service

RATE = 8.0
"""Sections a second: some forty people who type."""
BULK_STREAMS = 2
# Time for the bulk streams to start and to fill the server.
_FILL_S = 4.0


def measure(bench: Bench) -> Measured:
    """Measure CodeSection at an idle server, then with bulk streams beside it."""
    with bench.server() as server:
        return run(_measure(bench, server))


async def _measure(bench: Bench, server: Service) -> Measured:
    duration_s = bench.choose(15.0, 90.0)
    texts = unrepeated([demo_note()], bench.seed)
    async with calling(server.target) as caller:
        warm_up = section_requests([section_of(text) for text in take(texts, 20)])
        for request in warm_up:
            await caller.section(request)
        alone = await _sections(bench, caller, texts, duration_s, "sections alone")
        with bulk_streams(server.target, bench.notes, bench.seed, BULK_STREAMS):
            await asyncio.sleep(_FILL_S)
            copied = await _copied(server)
            began, before = time.perf_counter(), await _texts(server)
            beside = await _sections(bench, caller, texts, duration_s, "sections beside bulk")
            bulk = await _texts(server) - before - beside.outcomes[Outcome.OK]
            seconds = time.perf_counter() - began
            found, looked_for = (now - then for now, then in zip(await _copied(server), copied, strict=True))
    return Measured(
        figures={
            **percentile_figures("section_alone", alone.latency),
            **percentile_figures("section_beside_bulk", beside.latency),
            # That bulk has the rest of the server: what `offline` gives, without what the sections take.
            "bulk_beside_sections": Figure(bulk / seconds, "notes/s"),
            # Percentiles are of what was answered: a target of its own holds that all were.
            "unanswered": Figure(
                alone.sent + beside.sent - alone.latency.count - beside.latency.count, "requests"
            ),
            # Of the text of sections what had come before and was kept: next to nothing, or bulk is not what it is.
            "bulk_copied": Figure(found / looked_for if looked_for else 0.0, "share"),
        },
        histograms={"section_alone": alone.latency, "section_beside_bulk": beside.latency},
        details={"alone": alone.told(), "beside_bulk": beside.told()},
    )


async def _texts(server: Service) -> float:
    """Return how many notes and sections a server has coded so far."""
    return await asyncio.to_thread(server.metric, "notes_total", code="OK")


async def _copied(server: Service) -> tuple[float, float]:
    """Return the code points of sections that a server has found among results kept, and of all it looked for."""
    samples = await asyncio.to_thread(server.metrics)
    by_result = {
        dict(labels)["result"]: value
        for (name, labels), value in samples.items()
        if name == "bertillon_section_lookup_code_points_total"
    }
    return sum(by_result.values()) - by_result.get("miss", 0.0), sum(by_result.values())


async def _sections(
    bench: Bench, caller: Caller, texts: Iterator[str], duration_s: float, text: str
) -> LoadResult:
    schedule = poisson_arrivals(RATE, duration_s, bench.seed)
    requests = section_requests([section_of(one) for one in take(texts, len(schedule))])
    with bench.steps(text, len(schedule)) as done:
        return await run_open_loop(lambda index: caller.section(requests[index]), schedule, progress=done)


SCENARIO = Scenario("mixed", "latency of CodeSection while bulk streams saturate the server", measure)
