"""Scenarios run end to end, on real servers, as short as they can be.

What they measure here says nothing; that they measure it, and that every target of theirs has a figure, does.
"""

from __future__ import annotations

import contextlib
import math
import sys
from typing import Any, TypeVar

import pytest
from benchmarks.load.generator import run_open_loop
from benchmarks.notes import own_notes
from benchmarks.scenario import Bench, Scenario
from benchmarks.scenarios import SCENARIOS, drain, offering
from benchmarks.scenarios.offering import PATIENT_S
from benchmarks.service import BUNDLE
from benchmarks.targets import TARGETS

T = TypeVar("T")
SHORTER = 16
# `growth` is a figure of the long form alone.
LONG = {("soak", "growth")}
# Not run here: `profile` needs a sampler that may watch other processes, `server` offers 40 notes at every rate that
# it tries (the search has tests of its own), and so have `offsets` and `peers`.
ELSEWHERE = {"profile", "server", "offsets", "peers"}
NAMED = [scenario for scenario in SCENARIOS if scenario.name not in ELSEWHERE]


class ShortBench(Bench):
    """Chooses a sixteenth of what the short form has, and at least two of everything that is counted."""

    def choose(self, short: T, full: T) -> T:
        del full
        shorter: T = _sixteenth(short)
        return shorter


def _sixteenth(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_sixteenth(one) for one in value)
    return max(2, value // SHORTER) if isinstance(value, int) else value / SHORTER


@pytest.mark.parametrize("scenario", NAMED, ids=lambda scenario: scenario.name)
def test_a_scenario_measures_what_its_targets_ask_for(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[scenario.measure.__module__]
    for name in ("WARM_UP_NOTES", "WARM_UP_CALLS", "LOOP_WARM_UP_NOTES"):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, 2)
    bench = ShortBench(
        BUNDLE,
        tuple(own_notes())[:40],
        7,
        is_full=False,
        steps=lambda *_: contextlib.nullcontext(lambda: None),
        # These take seconds to start.
        flags=("--coding-processes=0",),
    )
    # The machine may be busy with other tests: what was sent late is no matter here.
    assert run_open_loop.__kwdefaults__ is not None
    monkeypatch.setitem(run_open_loop.__kwdefaults__, "max_lag_s", PATIENT_S)
    monkeypatch.setattr(offering, "MAX_LAG_S", PATIENT_S)
    monkeypatch.setattr(drain, "MAX_LAG_S", PATIENT_S)
    measured = scenario.measure(bench)
    wanted = {
        one.figure
        for one in TARGETS
        if one.scenario == scenario.name and (one.scenario, one.figure) not in LONG
    }
    assert wanted <= measured.figures.keys()
    finite = [name for name, figure in measured.figures.items() if math.isfinite(figure.value)]
    # Nobody may have been answered in time after an overload so short.
    assert wanted - set(finite) <= {"recovery_at_200", "answered_p99_at_200"}
