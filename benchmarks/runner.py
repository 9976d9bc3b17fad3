"""Runs scenarios one after the other and writes a JSON file for each."""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.load.generator import GeneratorLagError
from benchmarks.machine import environment
from benchmarks.scenario import Bench, Scenario, Skipped, record
from bertillon import BertillonError
from bertillon_server.bundle.loader import BundleError, load_bundle

FORMAT = 3
"""Of the JSON files; counts up when what is there already changes its meaning."""
EXPECTED = (GeneratorLagError, grpc.RpcError, BertillonError, BundleError, RuntimeError, OSError)
"""What says enough by itself; anything else is an error of the benchmarks, and shown from where it came."""


class Stopped(Exception):  # noqa: N818 - no error: somebody wanted it
    """A signal ended a run: what was recorded until then, and the exit code that tells of the signal."""

    def __init__(self, records: list[dict[str, Any]], exit_code: int) -> None:
        super().__init__(f"stopped after {len(records)} scenarios")
        self.records = records
        self.exit_code = exit_code


@contextmanager
def stopping() -> Iterator[None]:
    """Have SIGTERM and Ctrl-C end the block in the way of `sys.exit`, so that what was started in it is stopped.

    The exit code is that of a program which the signal ended: 143 or 130. Called from the main thread.
    """

    def end(number: int, _: object) -> NoReturn:
        # A second one would cut short what the first one asks for.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)


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
        self._progress.console.print(text, highlight=False, markup=False)


def run(scenarios: Sequence[Scenario], bench: Bench, out: Path, console: Console) -> list[dict[str, Any]]:
    """Measure each scenario, write `out/NAME.json` and return what was written.

    A scenario that fails or cannot run here is recorded with the reason, and the others go on. Raises BundleError,
    before any of them, where the bundle cannot be served, and Stopped at SIGTERM or Ctrl-C, with the servers stopped.
    """
    load_bundle(bench.bundle)
    out.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, Any]] = []
    try:
        with (
            stopping(),
            Screen(console).shown() as screen,
            screen.steps("scenarios", len(scenarios)) as done,
        ):
            bench = replace(bench, steps=screen.steps)
            for scenario in scenarios:
                one = _told(scenario, bench)
                (out / f"{scenario.name}.json").write_text(json.dumps(one, indent=2) + "\n", "utf-8")
                told.append(one)
                screen.say(_ended(one))
                done()
    except SystemExit as stop:
        raise Stopped(told, int(stop.code or 0)) from None
    return told


def _ended(record: dict[str, Any]) -> str:
    reason = record["failure"] or record["skipped_reason"]
    ended = "failed" if record["failure"] else "skipped" if reason else "done"
    return f"{record['scenario']}: {ended} after {record['seconds']:.0f} s{f': {reason}' if reason else ''}"


def _told(scenario: Scenario, bench: Bench) -> dict[str, Any]:
    told: dict[str, Any] = {
        "format": FORMAT,
        "scenario": scenario.name,
        "about": scenario.about,
        "settings": {
            "full": bench.is_full,
            "seed": bench.seed,
            "notes": len(bench.notes) if scenario.takes_notes else "the sample note",
            "characters": sum(map(len, bench.notes)) if scenario.takes_notes else None,
            "flags": bench.flags,
        },
        "model": None,
        "environment": environment(),
        "skipped_reason": None,
        "failure": None,
        "figures": {},
        "histograms": {},
        "details": {},
    }
    began = time.monotonic()
    try:
        # Of each scenario: a link like `models/current` may come to lead elsewhere while a long run goes on.
        told["model"] = load_bundle(bench.bundle).label
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
