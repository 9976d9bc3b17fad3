"""The comparison as one scenario of a run of the benchmarks, measured in one go."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.load.generator import run
from benchmarks.peers.blocks import FULL, QUICK
from benchmarks.peers.comparison import measured_of
from benchmarks.peers.contenders import NAMES, Contenders
from benchmarks.peers.environments import missing
from benchmarks.peers.registry import PEERS
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.study import Kept, measure
from benchmarks.scenario import Bench, Measured, Scenario, Skipped


def compare(bench: Bench) -> Measured:
    """Measure ourselves and the peers whose environments are there; raises Skipped where none is."""
    if all(missing(name) for name in (*(peer.name for peer in PEERS), RULES)):
        raise Skipped("no peer has an environment; make them with `python -m benchmarks peers install`")
    plan = bench.choose(QUICK, FULL)
    contenders = Contenders(bench.bundle, None, plan, bench.seed)
    with tempfile.TemporaryDirectory() as folder, bench.steps("peers", plan.repeats * len(NAMES)) as step:
        kept = Kept(Path(folder) / "peers.jsonl", {})
        run(measure(contenders, kept, bench.notes, plan, seed=bench.seed, say=lambda _: step()))
    return measured_of(kept.blocks, kept.choices, plan.repeats)


SCENARIO = Scenario("peers", "the same job served by what others would pick, side by side", compare)
