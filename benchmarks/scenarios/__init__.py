"""What can be measured; one module a scenario."""

from __future__ import annotations

from benchmarks.peers import scenario as peers
from benchmarks.scenario import Scenario
from benchmarks.scenarios import (
    audit,
    cold_start,
    copy_forward,
    drain,
    mixed,
    offline,
    offsets,
    overload,
    profile,
    scheduler,
    server,
    single_stream,
    soak,
    streaming,
    workers,
)

SCENARIOS: tuple[Scenario, ...] = tuple(
    module.SCENARIO
    for module in (
        single_stream,
        streaming,
        audit,
        offline,
        profile,
        server,
        overload,
        mixed,
        copy_forward,
        workers,
        cold_start,
        drain,
        soak,
        scheduler,
        offsets,
        peers,
    )
)
"""In the order in which they run."""
