"""How a measurement is told: one JSON object with the machine, the versions and the revision it holds for."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.service import BUNDLE, ROOT, Service, serving

PACKAGES = ("bertillon", "bertillon-server", "grpcio", "onnxruntime", "tokenizers", "numpy")


def arguments(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every measurement takes."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle to serve [models/current]")
    parser.add_argument("--seed", type=int, default=7, help="seed of whatever is drawn at random [7]")
    parser.add_argument("--out", type=Path, help="file for the JSON object, besides standard output")
    return parser


@contextmanager
def own_server(bundle: Path) -> Iterator[Service]:
    """Run a server with the default settings, in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), bundle=bundle) as service:
        yield service


def report(options: argparse.Namespace, name: str, model: str, figures: dict[str, object]) -> None:
    """Print the figures, and write them where the caller asked for it."""
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    told = {
        "benchmark": name,
        "model": model,
        "settings": {key: _plain(value) for key, value in settings.items()},
        "figures": figures,
        "environment": environment(),
    }
    text = json.dumps(told, indent=2)
    print(text)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n", "utf-8")


def environment() -> dict[str, object]:
    """Return what a figure depends on besides the code: machine, versions, revision, time."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "revision": _git("rev-parse", "HEAD"),
        "modified": _git("status", "--porcelain", "--untracked-files=no") != "",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the slow end of durations, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    named = {"p50_ms": cuts[49], "p90_ms": cuts[89], "p99_ms": cuts[98], "max_ms": max(seconds)}
    return {name: round(value * 1000, 2) for name, value in named.items()}


def progress(text: str) -> None:
    """Tell a person on standard error how far it is."""
    print(text, file=sys.stderr, flush=True)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _git(*command: str) -> str:
    ended = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout.strip()
