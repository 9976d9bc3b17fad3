"""Runs scenarios one after the other and writes a JSON file for each."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.load.generator import GeneratorLagError
from benchmarks.machine import environment
from benchmarks.scenario import Bench, Scenario, Skipped, record
from bertillon import BertillonError
from bertillon_server.bundle.loader import load_bundle

FORMAT = 3
"""Of the JSON files; counts up when what is there already changes its meaning."""
EXPECTED = (GeneratorLagError, grpc.RpcError, BertillonError, RuntimeError, OSError)
"""What says enough by itself; anything else is an error of the benchmarks, and shown from where it came."""


class Screen:
    """Progress bars on standard error: one for the scenarios, one for the part that runs."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<46}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    @contextmanager
    def shown(self) -> Iterator[Screen]:
        """Show the bars while the block runs."""
        with self._progress:
            yield self

    @contextmanager
    def steps(self, text: str, steps: int) -> Iterator[Callable[[], None]]:
        """Show a bar of so many steps; see `scenario.Steps`."""
        task = self._progress.add_task(text, total=steps)
        try:
            yield lambda: self._progress.advance(task)
        finally:
            self._progress.remove_task(task)

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, highlight=False)


def run(scenarios: Sequence[Scenario], bench: Bench, out: Path, console: Console) -> list[dict[str, Any]]:
    """Measure each scenario, write `out/NAME.json` and return what was written.

    A scenario that fails or cannot run here is recorded with the reason, and the others go on.
    """
    out.mkdir(parents=True, exist_ok=True)
    told = []
    with Screen(console).shown() as screen, screen.steps("scenarios", len(scenarios)) as done:
        bench = replace(bench, steps=screen.steps)
        for scenario in scenarios:
            one = _told(scenario, bench)
            (out / f"{scenario.name}.json").write_text(json.dumps(one, indent=2) + "\n", "utf-8")
            told.append(one)
            reason = one["failure"] or one["skipped_reason"]
            ended = "failed" if one["failure"] else "skipped" if reason else "done"
            screen.say(
                f"{scenario.name}: {ended} after {one['seconds']:.0f} s{f': {reason}' if reason else ''}"
            )
            done()
    return told


def _told(scenario: Scenario, bench: Bench) -> dict[str, Any]:
    told: dict[str, Any] = {
        "format": FORMAT,
        "scenario": scenario.name,
        "about": scenario.about,
        "settings": {
            "full": bench.is_full,
            "seed": bench.seed,
            "notes": len(bench.notes) if scenario.takes_notes else "the sample note",
            "flags": bench.flags,
        },
        "model": load_bundle(bench.bundle).label,
        "environment": environment(),
        "skipped_reason": None,
        "failure": None,
        "figures": {},
        "histograms": {},
        "details": {},
    }
    began = time.monotonic()
    try:
        told |= record(scenario.measure(bench))
    except Skipped as reason:
        told["skipped_reason"] = str(reason)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the others go on
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        told["failure"] = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        if not isinstance(error, EXPECTED):
            traceback.print_exception(error)
    told["seconds"] = round(time.monotonic() - began, 1)
    return told
