"""Two servers by turns on the same texts: this one, and one of another revision, with another bundle or other flags.

For what a change is worth. Both run all the time and one of them works; the machine's drift hits both. Both get the
same texts, of which none comes twice; what the codes of a category say they have read when they are measured.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.bulk import start_processes
from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import Caller, bulk_requests, calling, note_requests, section_requests
from benchmarks.load.outcomes import Outcome
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, take
from benchmarks.scenarios.offline import stream
from benchmarks.scenarios.single_stream import section_of
from benchmarks.service import ROOT, Service, serving

BETWEEN_S = 0.15
"""Between notes and sections beside bulk: of people who are not in step with it."""
# A server that uses less of a core than this has done what it had in hand.
_QUIET_SHARE, _LOOK_S, _LONGEST_S = 0.1, 0.3, 20.0


@dataclass(frozen=True, slots=True)
class Version:
    """A server to measure: its program, its bundle and its flags."""

    program: Path
    bundle: Path
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each measure one turn holds; `behind` are the bulk notes beside which others are measured.

    Before the first turn each version codes `warm_up` notes; bulk runs for `fill_s` before others come beside it.
    """

    bulk: int
    notes: int
    sections: int
    beside: int
    behind: int
    warm_up: int = 150
    fill_s: float = 2.0


SHORT = Sizes(bulk=32, notes=12, sections=20, beside=10, behind=300)
FULL = Sizes(bulk=200, notes=50, sections=100, beside=40, behind=1_200)

UNITS = {
    "bulk": "notes/s",
    "processor time": "ms/note",
    "note alone, p50": "ms",
    "section alone, p50": "ms",
    "note beside bulk, p50": "ms",
    "section beside bulk, p50": "ms",
    "section beside bulk, longest": "ms",
}
"""What is measured, each in its unit."""
_MORE_IS_BETTER = frozenset({"bulk"})


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one turn, the same for both versions."""

    bulk: list[str]
    notes: list[str]
    sections: list[str]
    notes_beside: list[str]
    sections_beside: list[str]
    behind: list[str]

    @classmethod
    def drawn(cls, notes: Iterator[str], typed: Iterator[str], sizes: Sizes) -> Texts:
        """Take texts that were not taken before."""
        return cls(
            bulk=take(notes, sizes.bulk),
            notes=take(notes, sizes.notes),
            sections=[section_of(text) for text in take(typed, sizes.sections)],
            notes_beside=take(notes, sizes.beside),
            sections_beside=[section_of(text) for text in take(typed, sizes.sections)],
            behind=take(notes, sizes.behind),
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
            _run("make", "-C", str(folder), f"PYTHON={sys.executable}", ".venv/.runtime")
            yield folder
        finally:
            _run("git", "worktree", "remove", "--force", str(folder))


def program_of(folder: Path) -> Path:
    """Return the server's program of an installed checkout."""
    return folder / ".venv" / "bin" / "bertillon-server"


def compare(
    bench: Bench, this: Version, other: Version, repeats: int, sizes: Sizes | None = None
) -> dict[str, dict[str, Figure]]:
    """Return, for each measure, the medians of both versions and how many times as good this one is.

    Times count the other way round, so that above 1 this version is better throughout. `sizes` are those of the
    bench (`SHORT`, `FULL`) unless given.
    """
    sizes = sizes or bench.choose(SHORT, FULL)
    notes, typed = bench.texts(), unrepeated([demo_note()], bench.seed)
    taken: dict[str, tuple[list[float], list[float]]] = {}
    with _served(this) as one, _served(other) as two:
        warm_up = take(notes, sizes.warm_up)
        for server in (one, two):
            stream(server, warm_up)
        with bench.steps("one version, then the other", repeats) as done:
            for turn in range(repeats):
                texts = Texts.drawn(notes, typed, sizes)
                pair = ((0, one), (1, two)) if turn % 2 == 0 else ((1, two), (0, one))
                for side, server in pair:
                    for name, value in _turn(server, texts, sizes.fill_s).items():
                        taken.setdefault(name, ([], []))[side].append(value)
                done()
    return {name: _judged(name, *values) for name, values in taken.items()}


def _turn(server: Service, texts: Texts, fill_s: float) -> dict[str, float]:
    """Return one value for each measure."""
    before = _processor_s(server)
    seconds, _ = stream(server, texts.bulk)
    spent = _processor_s(server) - before
    notes = run(_one_by_one(server, note_requests(texts.notes), Caller.note))
    sections = run(_one_by_one(server, section_requests(texts.sections), Caller.section))
    notes_beside, sections_beside = run(_beside_bulk(server, texts, fill_s))
    _wait_until_quiet(server)
    return {
        "bulk": len(texts.bulk) / seconds,
        "processor time": spent / len(texts.bulk) * 1000,
        "note alone, p50": statistics.median(notes),
        "section alone, p50": statistics.median(sections),
        "note beside bulk, p50": statistics.median(notes_beside),
        "section beside bulk, p50": statistics.median(sections_beside),
        "section beside bulk, longest": max(sections_beside),
    }


async def _beside_bulk(server: Service, texts: Texts, fill_s: float) -> tuple[list[float], list[float]]:
    """Return the milliseconds of notes and of sections while a bulk stream runs; RuntimeError where it ends first."""
    async with calling(server.target, connections=1) as caller:
        bulk = asyncio.ensure_future(caller.bulk(list(bulk_requests(texts.behind))))
        await asyncio.sleep(fill_s)
        notes = await _one_by_one(server, note_requests(texts.notes_beside), Caller.note, BETWEEN_S)
        sections = await _one_by_one(
            server, section_requests(texts.sections_beside), Caller.section, BETWEEN_S
        )
        if bulk.done():
            raise RuntimeError("the bulk notes ended before what was measured beside them")
        bulk.cancel()
        await asyncio.gather(bulk, return_exceptions=True)
    return notes, sections


def _wait_until_quiet(server: Service) -> None:
    """Wait until a server has done what it had in hand, so that the next one has the cores."""
    latest = time.monotonic() + _LONGEST_S
    while time.monotonic() < latest:
        before = _processor_s(server)
        time.sleep(_LOOK_S)
        if _processor_s(server) - before < _QUIET_SHARE * _LOOK_S:
            return
    raise RuntimeError("a server does not come to rest")


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
    """Return the processor seconds of a server of one worker and of its coding processes."""
    metrics = server.metrics()
    return metrics["process_cpu_seconds_total", frozenset()] + server.total("coding_processes_cpu_seconds")


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
