"""Sections of a note that another process of the server codes, kept and joined as those that are coded here."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bertillon_server.coding.note_stages import Coded, Piece
from bertillon_server.coding.processes import ElsewhereError, Processes
from bertillon_server.coding.results import SectionResult
from bertillon_server.coding.section_cache import Begun
from bertillon_server.coding.section_jobs import SMALLEST_JOB_CODE_POINTS, in_jobs, job_of
from bertillon_server.coding.section_work import SectionWork, microseconds_since
from bertillon_server.inference.call import Priority

LEAST_IDLE = 2
"""Processes that have to be idle for a note that is alone to be shared: it would end later in one than here."""

LARGEST_SHARE = 0.5
"""Part of its text that no section of a note that is alone may exceed for it to be shared, for the same reason."""


class Plan(NamedTuple):
    """Which sections of a note are coded in the server process, and which go elsewhere, by job.

    `stays` tells that all are coded here because they would wait for bulk notes elsewhere.
    """

    here: list[Piece]
    jobs: list[list[Piece]]
    stays: bool = False


class Others(Protocol):
    """What a plan asks of the other processes; `Processes` answers it."""

    @property
    def has_ready(self) -> bool:
        """Whether any is ready."""
        ...

    @property
    def idle(self) -> int:
        """How many are ready and have nothing to code."""
        ...

    @property
    def are_in_bulk(self) -> bool:
        """Whether all that are ready code bulk notes."""
        ...

    def are_ready(self) -> bool:
        """Whether a job would find one; the first time, starts them."""
        ...


def plan_of(
    pieces: Sequence[Piece], priority: Priority, others: Others, *, has_company: bool, has_room: bool
) -> Plan:
    """Say where the sections of a note are coded.

    What is done elsewhere uses all cores and is in nobody's way. The others are started for bulk notes, and for notes
    that have company. Idle ones share a standard note; one that is alone and that they could not share about evenly
    has all cores here. With none idle it goes to one of them, unless all are in bulk and there is room here
    (`has_room`). Interactive notes stay, and those whose sections are coded in their note.
    """
    is_bulk = priority is Priority.BULK
    all_here = Plan(list(pieces), [])
    if priority is Priority.INTERACTIVE or any(piece.lone is None for piece in pieces):
        return all_here
    if not (is_bulk or has_company or others.has_ready) or not others.are_ready():
        return all_here
    if is_bulk or not others.idle:
        stays = not is_bulk and others.are_in_bulk and has_room
        return all_here._replace(stays=True) if stays else Plan([], _shared_out(pieces, 1))
    if not has_company and not _is_shared_evenly(pieces, others.idle):
        return all_here
    return _shared(pieces, others.idle)


def _is_shared_evenly(pieces: Sequence[Piece], ways: int) -> bool:
    lengths = [piece.code_points for piece in pieces]
    return ways >= LEAST_IDLE and max(lengths, default=0) <= LARGEST_SHARE * sum(lengths)


def _shared(pieces: Sequence[Piece], ways: int) -> Plan:
    """Share a note; its shortest section stays, to be done, and streamed, while the others are being read."""
    first = min(pieces, key=lambda piece: piece.code_points, default=None)
    if first is None or len(pieces) == 1 or first.code_points > SMALLEST_JOB_CODE_POINTS:
        return Plan([], _shared_out(pieces, ways))
    return Plan([first], _shared_out([piece for piece in pieces if piece is not first], ways))


def _shared_out(pieces: Sequence[Piece], ways: int) -> list[list[Piece]]:
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
    packed.update(enumerate(answer.packed))
    worked = sum(spent.tokenize_us + spent.infer_us + spent.link_us for spent in answer.timings)
    # They waited together: the time is told once.
    first, *others = answer.timings
    first = dataclasses.replace(first, queue_us=max(0, microseconds_since(sent) - worked))
    return await work.recalled(list(zip(pieces, answer.packed, strict=True)), [first, *others])
