"""A server process of one's own: started on free ports, watched through its metrics, stopped by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "models" / "current"
SERVER = Path(sys.executable).with_name("bertillon-server")

READY = "serving on "
LOG = "server.log"
ERRORS = "stderr.txt"
STOP_LIMIT_S = 60.0
"""Longer than the grace that a server gives to calls in progress."""

Sample = tuple[str, frozenset[tuple[str, str]]]


class Service:
    """A server that is serving, in a working directory of its own.

    `start_s` are the seconds from its spawn to the line that says it serves.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path, spawned: float) -> None:
        self.process = process
        self.folder = folder
        line = process.stdout.readline() if process.stdout is not None else ""
        self.start_s = time.monotonic() - spawned
        if not line.startswith(READY):
            process.wait(STOP_LIMIT_S)
            raise RuntimeError(f"the server did not start: {(folder / ERRORS).read_text().strip()}")
        self.target = line.removeprefix(READY).strip()
        self._metrics_port = next(
            entry["metrics_port"]
            for entry in self.log_entries()
            if entry["event"] == "serving" and "worker" not in entry
        )

    def log_entries(self) -> list[dict[str, Any]]:
        """Return what the server has logged so far."""
        return [json.loads(line) for line in (self.folder / LOG).read_text("utf-8").splitlines()]

    def scrape(self) -> str:
        """Return the metrics as Prometheus gets them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=30) as reply:
            return str(reply.read(), "utf-8")

    def metrics(self) -> dict[Sample, float]:
        """Return all samples by name and labels."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.scrape())
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float:
        """Return one sample of the server's own, 0 when it has none yet.

        Raises RuntimeError for a server of several workers, of which each has a sample: `total` adds them up.
        """
        samples, name = self.metrics(), f"bertillon_{name}"
        if any(found == name and "worker" in dict(told) for found, told in samples):
            raise RuntimeError(f"the server has several workers, and {name} is told of each of them")
        return samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str) -> float:
        """Return the sum of a sample over the server's workers, of which there may be one."""
        return sum(value for (found, _), value in self.metrics().items() if found == f"bertillon_{name}")

    def resident_bytes(self) -> float:
        """Return the resident memory of the process itself."""
        return self.metrics()["process_resident_memory_bytes", frozenset()]

    def memory_bytes(self) -> float:
        """Return the resident memory of the process and of its coding processes."""
        return self.resident_bytes() + self.total("coding_processes_resident_memory_bytes")

    def stop(self) -> int:
        """Ask the server to stop and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)


@contextmanager
def serving(
    folder: Path,
    *flags: str,
    bundle: Path = BUNDLE,
    environment: Mapping[str, str] | None = None,
    program: Path = SERVER,
) -> Iterator[Service]:
    """Run a server with `folder` as its working directory; stop it at the end of the block."""
    command: list[str | Path] = [
        program,
        "serve",
        f"--bundle={bundle.resolve()}",
        "--address=127.0.0.1:0",
        "--metrics-address=127.0.0.1:0",
        f"--log-file={LOG}",
        *flags,
    ]
    with (folder / ERRORS).open("w") as errors:
        spawned = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # Whatever code systems the user has imported are no part of what is measured.
            env=os.environ | {"XDG_DATA_HOME": str(folder.resolve())} | dict(environment or {}),
        )
    try:
        service = Service(process, folder, spawned)
        yield service
        service.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(STOP_LIMIT_S)
        if process.stdout is not None:
            process.stdout.close()
