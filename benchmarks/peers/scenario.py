"""The comparison as one scenario of a run of the benchmarks, measured in one go."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.load.generator import run
from benchmarks.peers.blocks import FULL, QUICK
from benchmarks.peers.comparison import failure_of, measured_of
from benchmarks.peers.contenders import NAMES, Contenders
from benchmarks.peers.environments import missing
from benchmarks.peers.kept import Kept
from benchmarks.peers.registry import PEERS
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.study import measure
from benchmarks.scenario import Bench, Measured, Scenario, Skipped


def compare(bench: Bench) -> Measured:
    """Measure ourselves and the peers whose environments are there; raises Skipped where none is.

    Raises RuntimeError where the generator could not keep up, or a peer answered something else.
    """
    if all(missing(name) for name in (*(peer.name for peer in PEERS), RULES)):
        raise Skipped("no peer has an environment; make them with `python -m benchmarks peers install`")
    plan = bench.choose(QUICK, FULL)
    contenders = Contenders(bench.bundle, None, plan, bench.seed, bench.flags)
    with tempfile.TemporaryDirectory() as folder, bench.steps("peers", plan.repeats * len(NAMES)) as step:
        kept = Kept(Path(folder) / "peers.jsonl", {})
        run(measure(contenders, kept, bench.notes, plan, seed=bench.seed, step=step))
    if failure := failure_of(kept.blocks):
        raise RuntimeError(failure)
    return measured_of(kept.blocks, kept.choices, plan.repeats)


SCENARIO = Scenario("peers", "the same job served by what others would pick, side by side", compare)
