"""Where the processor time of a note goes, by stage, and how many cores one process can use at most."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import bulk_requests, calling
from benchmarks.scenario import Bench, Figure, Measured, Scenario, Skipped, take
from benchmarks.service import Service
from benchmarks.stacks import SERVER, Stacks, by_stage, sampled

# Enough that what is kept of codes and titles is there, as after minutes of service.
WARM_UP_NOTES = 150
# Stages that compute without the interpreter's lock, so beside each other on any number of cores.
ENCODER = "encoder"
PARALLEL = (ENCODER, "vector search", "tokenizing")
CORES_ON_PAPER = 8
_MOST_STACKS = 4_000


def measure(bench: Bench) -> Measured:
    """Look at the stacks of a server a hundred times a second while a bulk stream saturates it."""
    seconds = bench.choose(15.0, 60.0)
    texts = bench.texts()
    with bench.server() as server:
        _stream(server, take(texts, WARM_UP_NOTES))
        before = _spent(server)
        stacks = _under_load(bench, server, texts, seconds)
        cpu_s, encoder_s, notes = (now - then for now, then in zip(_spent(server), before, strict=True))
    shares = _shares(stacks, encoder_s / cpu_s)
    per_note_ms = cpu_s / notes * 1000
    outside = sum(share for stage, share in by_stage(stacks).items() if stage != ENCODER)
    held = sum(share for stage, share in by_stage(stacks, SERVER).items() if stage not in PARALLEL)
    # What computes one at a time: the server process alone has a lock that all notes share.
    serial = held / outside * (1 - shares[ENCODER])
    figures = {
        "cpu_per_note": Figure(per_note_ms, "ms"),
        "outside_encoder": Figure(1 - shares[ENCODER], "share"),
        "serial_share": Figure(serial, "share"),
        "most_cores_a_process": Figure(1 / serial, "cores"),
        "speedup_on_8_cores_1_process": Figure(amdahl(serial, CORES_ON_PAPER), "x"),
        "speedup_on_8_cores_4_processes": Figure(4 * amdahl(serial, CORES_ON_PAPER / 4), "x"),
    }
    return Measured(
        figures | {f"share_{stage}": Figure(share, "share") for stage, share in shares.items()},
        details={
            "stages_ms": {stage: round(share * per_note_ms, 3) for stage, share in shares.items()},
            "stacks": [
                [list(frames), count]
                for frames, count in sorted(stacks.items(), key=lambda one: -one[1])[:_MOST_STACKS]
            ],
        },
    )


def amdahl(serial: float, cores: float) -> float:
    """Return how many times faster so many cores are than one, by Amdahl's law.

    It has every core wait while what is serial runs, as for one note alone. With many notes at a time others go on
    meanwhile, and all that bounds a process is that the serial part of one note after the other takes its time:
    `most_cores_a_process`.
    """
    return 1 / (serial + (1 - serial) / cores)


def _under_load(bench: Bench, server: Service, texts: Iterator[str], seconds: float) -> Stacks:
    """Sample the server while a stream runs, which is cut off after that."""
    found: list[Stacks | OSError] = []

    def sample() -> None:
        try:
            found.append(sampled(server.process.pid, seconds))
        except OSError as reason:
            found.append(reason)

    async def streaming() -> None:
        async with calling(server.target, connections=1) as caller:
            stream = asyncio.create_task(caller.bulk(bulk_requests(texts)))
            thread = threading.Thread(target=sample)
            thread.start()
            with bench.steps("seconds of samples", round(seconds)) as done:
                while thread.is_alive() and not stream.done():
                    await asyncio.sleep(1)
                    done()
            ended_early = stream.done()
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)
            await asyncio.to_thread(thread.join)
            if ended_early:
                raise RuntimeError("the bulk stream ended before the samples were taken")

    run(streaming())
    stacks = found[0]
    if isinstance(stacks, OSError):
        raise Skipped(str(stacks))
    return stacks


def _stream(server: Service, texts: list[str]) -> None:
    async def streaming() -> None:
        async with calling(server.target, connections=1) as caller:
            await caller.bulk(bulk_requests(texts))

    run(streaming())


def _shares(stacks: Stacks, encoder: float) -> dict[str, float]:
    """Return the share of each stage: the encoder's as its threads' clocks have it, the rest as sampled.

    A sampler takes a thread that comes back from the encoder and waits for the interpreter for one that encodes.
    """
    sampled_shares = dict(by_stage(stacks))
    others = 1 - sampled_shares.pop(ENCODER, 0.0)
    return {ENCODER: encoder} | {
        stage: share / others * (1 - encoder) for stage, share in sampled_shares.items()
    }


def _spent(server: Service) -> tuple[float, float, float]:
    """Return the processor seconds of a server so far, those of its encoder, and its notes."""
    return (
        server.metrics()["process_cpu_seconds_total", frozenset()]
        + server.metric("coding_processes_cpu_seconds"),
        server.metric("encoder_processor_seconds_total"),
        server.metric("notes_total", code="OK"),
    )


SCENARIO = Scenario(
    "profile", "where the processor time of a note goes, by stage, with a flame graph", measure
)
