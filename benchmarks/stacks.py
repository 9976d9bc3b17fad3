"""Sampled stacks of a process, and the stage of coding that each belongs to."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

Stacks = Mapping[tuple[str, ...], int]
"""How often each stack was seen, outermost frame first; a frame reads `function (file:line)`."""

STAGES: tuple[tuple[str, str], ...] = (
    ("encoder", r"inference/(encoder|onnx_session)\.py"),
    ("vector search", r"inference/(vectors|concepts|flat_vectors)\.py"),
    ("tokenizing", r"inference/tokenizer\.py|coding/windows\.py"),
    ("scheduling", r"inference/"),
    ("sections", r"coding/section(_|s\.)(?!jobs|work)"),
    ("assertion rules", r"coding/(assertion/|fusion)"),
    (
        "linking",
        r"coding/(linking|ranking|relinking|decoding|axes|context|standing|candidates|overlaps|heads|coder)",
    ),
    ("encounter rules", r"coding/(encounter|combinations|symptoms|detail|confidence|codeable|history|usage)"),
    ("flow and threads", r"coding/(flow|pool|process|elsewhere|section_jobs|section_work|job_queue)|app/"),
    ("reading", r"coding/"),
    ("protobuf and API", r"api/|google/protobuf"),
)
"""The stages by what their files match, the first that fits; read from the innermost frame outwards."""
SERVER, CODING = "server process", "coding processes"
"""Where a stack was seen: its outermost frame."""
OTHER = "gRPC, asyncio, rest"

# Where a thread waits that a sampler now and then takes for computing: no processor time is spent there.
_WAITS = re.compile(r"^(_PollLikeSelector|\w*Selector)\.select |^(Condition|Event)\.wait |^_?Queue\.get ")
_OURS = re.compile(r"bertillon_server/(\S+\.py)|(google/protobuf)")
# What several stages call: the frame that called it tells for which.
_PROCESS = re.compile(r"process (\d+)")
_SHARED = re.compile(r"coding/(words|spans|results|vocabulary|terms)\.py")
_LINE = re.compile(r":\d+\)$")


def sampled(process_id: int, seconds: float, rate: int = 100) -> Stacks:
    """Sample what a process and those that it started compute on, for so many seconds, with py-spy.

    The outermost frame of a stack is SERVER or CODING.

    Threads that wait are left out; native code counts for the Python function that called it. Raises OSError with a
    reason where the process cannot be looked into.
    """
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        raise OSError("py-spy is not installed (deploy/locks/bench.txt)")
    record = [program, "record", "--nonblocking", "--subprocesses", "--format=raw", "--full-filenames"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stacks.txt"
        out.touch()
        ended = subprocess.run(
            [
                *record,
                f"--output={out}",
                f"--pid={process_id}",
                f"--rate={rate}",
                f"--duration={seconds:.0f}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        stacks = folded(out.read_text("utf-8"), process_id)
    if ended.returncode or not stacks:
        lines = ended.stderr.strip().splitlines() or ["no reason given"]
        raise OSError(f"py-spy cannot look into the server: {lines[-1]}")
    return stacks


def folded(text: str, process_id: int) -> Counter[tuple[str, ...]]:
    """Read stacks in the folded format: frames between semicolons, processes first, then a blank and a count."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        rest = frames.split(";")
        # py-spy names a process and, before it, those that started it.
        inner = process_id
        while rest and (found := _PROCESS.match(rest[0])) is not None:
            inner = int(found[1])
            del rest[0]
        stack = (SERVER if inner == process_id else CODING, *map(_short, rest))
        if frames and count.isdigit() and not _WAITS.match(stack[-1]):
            stacks[stack] += int(count)
    return stacks


def by_stage(stacks: Stacks, process: str | None = None) -> dict[str, float]:
    """Return the share of the samples in each stage, largest first; of all samples those seen in one process."""
    counts: Counter[str] = Counter()
    for frames, count in stacks.items():
        if process in {None, frames[0]}:
            counts[stage_of(frames)] += count
    total = sum(stacks.values())
    return {stage: count / total for stage, count in counts.most_common()}


def stage_of(frames: Sequence[str]) -> str:
    """Return the stage that a stack belongs to: that of the innermost frame of ours that works for one alone."""
    files = [ours[1] or ours[2] for frame in reversed(frames) if (ours := _OURS.search(frame)) is not None]
    own = [file for file in files if not _SHARED.match(file)]
    for file in own or files:
        for stage, pattern in STAGES:
            if re.match(pattern, file):
                return stage
    return OTHER


def _short(frame: str) -> str:
    """Return a frame without its line and without what stands before the package."""
    frame = _LINE.sub(")", frame)
    return re.sub(r"\((?:.*/)?(?:site-packages|src|lib/python[\d.]+)/", "(", frame)
