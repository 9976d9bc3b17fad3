"""Sections of a note that another process of the server codes, kept and joined as those that are coded here."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence

from bertillon_server.coding.note_stages import Coded, Piece
from bertillon_server.coding.processes import ElsewhereError, Processes
from bertillon_server.coding.results import SectionResult
from bertillon_server.coding.section_cache import Begun
from bertillon_server.coding.section_jobs import in_jobs, job_of
from bertillon_server.coding.section_work import SectionWork, microseconds_since


def shared_out(pieces: Sequence[Piece], ways: int) -> list[list[Piece]]:
    """Return sections by the job in which they go, for so many processes to work on at once (`in_jobs`)."""
    return [
        [pieces[index] for index in job] for job in in_jobs([piece.code_points for piece in pieces], ways)
    ]


async def code_elsewhere(
    work: SectionWork, pieces: Sequence[Piece], processes: Processes
) -> list[SectionResult]:
    """Return sections by themselves that another process codes; or this one, where that came to nothing."""
    cache = work.means.cache
    begun: dict[int, tuple[bytes, Begun]] = {}
    joined: list[Piece] = []
    chosen: list[Piece] = []
    for piece in pieces:
        if cache is not None and piece.key is not None:
            own = cache.begin(piece.key, piece.code_points, work.call)
            if own is None:
                joined.append(piece)
                continue
            begun[len(chosen)] = piece.key, own
        chosen.append(piece)
    # What each came to, also where the rest fails.
    packed: dict[int, bytes] = {}
    try:
        results = await _coded(work, chosen, packed, processes)
    finally:
        for index, (key, own) in begun.items():
            if cache is not None:
                cache.end(key, own, packed.get(index))
    for piece in joined:
        results += await work.section(piece)
    return results


async def _coded(
    work: SectionWork, pieces: Sequence[Piece], packed: dict[int, bytes], processes: Processes
) -> list[SectionResult]:
    if not pieces:
        return []
    with contextlib.suppress(ElsewhereError):
        return await _answered(work, pieces, packed, processes)
    results = []
    for index, piece in enumerate(pieces):
        coded: Coded = await work.code(piece)
        packed[index] = coded.packed
        results.append(work.result(piece, coded))
    return results


async def _answered(
    work: SectionWork, pieces: Sequence[Piece], packed: dict[int, bytes], processes: Processes
) -> list[SectionResult]:
    lones = [piece.lone for piece in pieces if piece.lone is not None]
    ((_, release),) = lones[0].versions.code_sets
    sent = time.perf_counter_ns()
    answer = await processes.code(job_of(release, lones), work.call)
    for one in answer.passes:
        work.means.scheduler.encoded_elsewhere(one)
    packed.update(enumerate(answer.packed))
    worked = sum(spent.tokenize_us + spent.infer_us + spent.link_us for spent in answer.timings)
    # They waited together: the time is told once.
    first, *others = answer.timings
    first = dataclasses.replace(first, queue_us=max(0, microseconds_since(sent) - worked))
    return await work.recalled(list(zip(pieces, answer.packed, strict=True)), [first, *others])
