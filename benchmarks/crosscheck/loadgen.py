"""MLPerf LoadGen, in its Server scenario."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crosscheck.environments import Unavailable, environment
from benchmarks.service import ROOT

CLIENT = Path(__file__).with_name("loadgen_client.py")
_PERCENTILE = re.compile(r"^(50|99)\.00 percentile latency \(ns\)\s*:\s*(\d+)", re.MULTILINE)


def measure(target: str, texts: Sequence[str], rate: float, seconds: float) -> dict[str, float]:
    """Send sections in Poisson arrivals and return the percentiles in milliseconds. Raises Unavailable."""
    python = environment("loadgen") / "python"
    with tempfile.TemporaryDirectory() as folder:
        asked = {"target": target, "texts": list(texts), "rate": rate, "seconds": seconds}
        (Path(folder) / "asked.json").write_text(json.dumps(asked), "utf-8")
        # The client of gRPC is ours; only LoadGen comes from the environment.
        paths = os.pathsep.join([*site.getsitepackages(), str(ROOT), str(ROOT / "client" / "src")])
        ended = subprocess.run(
            [python, CLIENT, "asked.json"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        summary = Path(folder) / "mlperf_log_summary.txt"
        if ended.returncode or not summary.exists():
            lines = ended.stderr.strip().splitlines() or ["no reason given"]
            raise Unavailable(f"it failed: {lines[-1]}")
        found = dict(_PERCENTILE.findall(summary.read_text("utf-8")))
    if set(found) != {"50", "99"}:
        raise Unavailable("its summary has no percentiles")
    return {f"p{percent}_ms": round(int(found[percent]) / 1e6, 3) for percent in ("50", "99")}
