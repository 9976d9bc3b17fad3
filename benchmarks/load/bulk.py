"""Bulk streams in a process of their own, so that what they compute delays no request that the generator sends."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import bulk_requests, calling
from benchmarks.notes import variations
from benchmarks.service import Service

_END_S = 10.0
_READY_S = 60.0
_LOOK_AGAIN_S = 0.1


@contextmanager
def bulk_streams(target: str, notes: Sequence[str], seed: int, streams: int) -> Iterator[None]:
    """Keep so many streams of CodeNotes busy while the block runs, with endlessly many notes, no two alike.

    Raises RuntimeError when they ended before the block did.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=_stream, args=(target, tuple(notes), seed, streams), daemon=True
    )
    process.start()
    try:
        yield
        if not process.is_alive():
            raise RuntimeError("the bulk streams ended before the measurement did")
    finally:
        process.terminate()
        process.join(_END_S)


def start_processes(service: Service) -> None:
    """Have a server start its coding processes; RuntimeError when they are not ready within a minute."""
    latest = time.monotonic() + _READY_S

    async def ask() -> None:
        # Each connection goes to another of several workers, or to the same one again.
        async with calling(service.target, connections=1) as caller:
            await caller.bulk(bulk_requests(["Assessment: essential hypertension."]))

    while service.total("coding_processes") < service.total("coding_processes_wanted"):
        if time.monotonic() > latest:
            raise RuntimeError("the coding processes of the server are not ready")
        run(ask())
        time.sleep(_LOOK_AGAIN_S)


def _stream(target: str, notes: tuple[str, ...], seed: int, streams: int) -> None:
    # One source for all: of two, each would repeat a third of what the other sent, and the server keeps that.
    texts = variations(notes, seed)

    async def streaming() -> None:
        async with calling(target, connections=streams) as caller:
            await asyncio.gather(*(caller.bulk(bulk_requests(texts)) for _ in range(streams)))

    run(streaming())
