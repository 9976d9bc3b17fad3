"""Whether a request is lost when a server is told to stop under load."""

from __future__ import annotations

import asyncio
import enum
import signal
from collections import Counter

import grpc

from benchmarks.load.arrivals import poisson_arrivals
from benchmarks.load.generator import run, run_open_loop
from benchmarks.load.grpc_calls import calling, note_requests
from benchmarks.load.outcomes import Outcome, outcome_of
from benchmarks.scenario import Bench, Figure, Measured, Scenario, take
from benchmarks.scenarios.offering import MAX_LAG_S, PATIENT_S, NoteLoad
from benchmarks.service import Service
from bertillon._details import STATUS_KEY, read_details

# Of the capacity; enough that calls are always in progress.
LOAD = 0.8
BEFORE_S, AFTER_S = 3.0, 2.0


class End(enum.StrEnum):
    """How a request ended, as its caller can tell."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The server said that it is stopping."""
    NOT_CONNECTED = "not_connected"
    """There was no connection any more: nothing was sent."""
    LOST = "lost"
    """Anything else: the caller cannot know what became of it."""


def measure(bench: Bench) -> Measured:
    """Stop servers with SIGTERM while notes come in."""
    rounds = bench.choose(2, 10)
    ends: Counter[End] = Counter()
    lost_as: Counter[str] = Counter()
    codes = []
    under_way = 0
    for round_number in range(rounds):
        with bench.server() as server:
            ended, began = run(_drained(bench, server, bench.seed + round_number, lost_as))
            ends += ended
            under_way += began
            codes.append(server.stop())
    return Measured(
        {
            "lost": Figure(ends[End.LOST], "requests"),
            **{end.value: Figure(ends[end], "requests") for end in End if end is not End.LOST},
            "under_way": Figure(under_way, "requests"),
            # One that a signal ended has a code below 0.
            "exit_code": Figure(max(map(abs, codes)), "code"),
        },
        details={"rounds": rounds, "lost_as": dict(lost_as)},
    )


async def _drained(
    bench: Bench, server: Service, seed: int, lost_as: Counter[str]
) -> tuple[Counter[End], int]:
    """Return how requests ended, and how many were under way when the server was told to stop."""
    ends: Counter[End] = Counter()
    began = at_stop = 0
    async with calling(server.target, timeout_s=PATIENT_S) as caller:
        texts = bench.texts()
        load = NoteLoad(bench, caller, texts)
        await load.warm_up()
        capacity = (await load.capacity(bench.choose(40, 200))).notes
        schedule = poisson_arrivals(LOAD * capacity, BEFORE_S + AFTER_S, seed)
        requests = note_requests(take(texts, len(schedule)))

        async def send(index: int) -> Outcome:
            nonlocal began
            began += 1
            try:
                await caller.note_or_raise(requests[index])
            except grpc.aio.AioRpcError as error:
                end = _end(error)
                ends[end] += 1
                if end is End.LOST:
                    lost_as[f"{error.code().name}: {error.details()}"] += 1
                return outcome_of(error)
            ends[End.ANSWERED] += 1
            return Outcome.OK

        def stop() -> None:
            nonlocal at_stop
            at_stop = began - ends.total()
            server.process.send_signal(signal.SIGTERM)

        asyncio.get_running_loop().call_later(BEFORE_S, stop)
        with bench.steps("notes while it stops", len(schedule)) as done:
            await run_open_loop(send, schedule, max_lag_s=MAX_LAG_S, progress=done)
    return ends, at_stop


def _end(error: grpc.aio.AioRpcError) -> End:
    details = dict(error.trailing_metadata() or ()).get(STATUS_KEY)
    if isinstance(details, bytes) and read_details(details).reason == "DRAINING":
        return End.REFUSED
    # What gRPC says when no connection could be made; one that broke under a call reads otherwise.
    connects = "failed to connect to all addresses" in (error.details() or "")
    return End.NOT_CONNECTED if connects and error.code() is grpc.StatusCode.UNAVAILABLE else End.LOST


SCENARIO = Scenario("drain", "requests lost when a server is stopped under load", measure)
