"""Two servers by turns on the same texts: this one, and one of another revision, with another bundle or other flags.

For what a change is worth. Both run all the time and one of them works; the machine's drift hits both.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.bulk import bulk_streams, start_processes
from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import Caller, calling, note_requests, section_requests
from benchmarks.load.outcomes import Outcome
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, take
from benchmarks.scenarios.offline import stream
from benchmarks.scenarios.single_stream import section_of
from benchmarks.service import ROOT, Service, serving

WARM_UP_NOTES = 60
"""Both meet the same notes first; what the codes of a category say is read when it is first met."""
BETWEEN_S = 0.15
"""Between notes and sections beside bulk: of people who are not in step with it."""
_FILL_S = 2.0
_OTHER_SEEDS = 1_000


@dataclass(frozen=True, slots=True)
class Version:
    """A server to measure: its program, its bundle and its flags."""

    program: Path
    bundle: Path
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each measure one turn holds."""

    bulk: int
    notes: int
    sections: int
    beside: int


SHORT, FULL = (
    Sizes(bulk=32, notes=12, sections=20, beside=10),
    Sizes(bulk=200, notes=50, sections=100, beside=40),
)


@contextmanager
def revision(name: str, say: Callable[[str], None]) -> Iterator[Path]:
    """Install a revision of this repository into a folder that goes with the block; yields the folder.

    Raises RuntimeError with what git or make said where that fails.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "revision"
        _run("git", "worktree", "add", "--detach", str(folder), name)
        try:
            say(f"installing {name}")
            _run("make", "-C", str(folder), ".venv/.runtime")
            yield folder
        finally:
            _run("git", "worktree", "remove", "--force", str(folder))


def program_of(folder: Path) -> Path:
    """Return the server's program of an installed checkout."""
    return folder / ".venv" / "bin" / "bertillon-server"


def compare(bench: Bench, this: Version, other: Version, repeats: int) -> dict[str, dict[str, Figure]]:
    """Return, for each measure, the medians of both versions and how many times as good this one is.

    Times count the other way round, so that above 1 this version is better throughout.
    """
    sizes = bench.choose(SHORT, FULL)
    texts, typed = bench.texts(), unrepeated([demo_note()], bench.seed)
    taken: dict[str, tuple[list[float], list[float]]] = {}
    with _served(this) as one, _served(other) as two:
        warm_up = take(texts, WARM_UP_NOTES)
        for server in (one, two):
            stream(server, warm_up)
        with bench.steps("one version, then the other", repeats) as done:
            for turn in range(repeats):
                notes, sections = (
                    take(texts, sizes.bulk + sizes.notes + sizes.beside),
                    _sections(typed, sizes),
                )
                pair = ((0, one), (1, two)) if turn % 2 == 0 else ((1, two), (0, one))
                # Other notes than those that are measured, and others each turn: nothing is coded twice.
                beside = bench.seed + _OTHER_SEEDS + turn
                for side, server in pair:
                    for name, value in _turn(server, notes, sections, sizes, bench.notes, beside).items():
                        taken.setdefault(name, ([], []))[side].append(value)
                done()
    return {name: _judged(name, *values) for name, values in taken.items()}


UNITS = {
    "bulk": "notes/s",
    "processor time": "ms/note",
    "note alone, p50": "ms",
    "section alone, p50": "ms",
    "note beside bulk, p50": "ms",
    "section beside bulk, p50": "ms",
    "section beside bulk, longest": "ms",
}
_MORE_IS_BETTER = frozenset({"bulk"})


def _turn(
    server: Service,
    notes: Sequence[str],
    sections: Sequence[str],
    sizes: Sizes,
    made_of: Sequence[str],
    seed: int,
) -> dict[str, float]:
    """Return one value for each measure; bulk beside them is made of notes `made_of`, by a seed."""
    bulk, alone, beside = (
        notes[: sizes.bulk],
        notes[sizes.bulk : sizes.bulk + sizes.notes],
        notes[-sizes.beside :],
    )
    before = _processor_s(server)
    seconds, _ = stream(server, bulk)
    spent = _processor_s(server) - before
    note_alone = run(_one_by_one(server, note_requests(alone), Caller.note))
    section_alone = run(_one_by_one(server, section_requests(sections[: sizes.sections]), Caller.section))
    with bulk_streams(server.target, made_of, seed, 1):
        time.sleep(_FILL_S)
        note_beside = run(_one_by_one(server, note_requests(beside), Caller.note, BETWEEN_S))
        section_beside = run(
            _one_by_one(server, section_requests(sections[sizes.sections :]), Caller.section, BETWEEN_S)
        )
    values = (
        len(bulk) / seconds,
        spent / len(bulk) * 1000,
        statistics.median(note_alone),
        statistics.median(section_alone),
        statistics.median(note_beside),
        statistics.median(section_beside),
        max(section_beside),
    )
    return dict(zip(UNITS, values, strict=True))


def _sections(typed: Iterator[str], sizes: Sizes) -> list[str]:
    return [section_of(text) for text in take(typed, 2 * sizes.sections)]


async def _one_by_one(
    server: Service,
    requests: Sequence[bytes],
    send: Callable[[Caller, bytes], Awaitable[Outcome]],
    between_s: float = 0.0,
) -> list[float]:
    """Return the milliseconds of each request; raises RuntimeError where one is not answered."""
    latencies = []
    async with calling(server.target, connections=1) as caller:
        for request in requests:
            began = time.perf_counter()
            outcome = await send(caller, request)
            if outcome is not Outcome.OK:
                raise RuntimeError(f"a request ended as {outcome}")
            latencies.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(between_s)
    return latencies


@contextmanager
def _served(version: Version) -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), *version.flags, bundle=version.bundle, program=version.program) as server,
    ):
        start_processes(server)
        yield server


def _processor_s(server: Service) -> float:
    own = server.metrics().get(("process_cpu_seconds_total", frozenset()), 0.0)
    return own + server.total("coding_processes_cpu_seconds")


def _judged(name: str, this: Sequence[float], other: Sequence[float]) -> dict[str, Figure]:
    over, under = (this, other) if name in _MORE_IS_BETTER else (other, this)
    return {
        "this": Figure.median(this, UNITS[name]),
        "other": Figure.median(other, UNITS[name]),
        "times": Figure.ratio(over, under),
    }


def _run(*command: str) -> None:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{command[0]} failed: {(ended.stderr or ended.stdout).strip()}")
