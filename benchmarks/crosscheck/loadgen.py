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

from benchmarks.crosscheck.agreement import Percentiles, UnsoundError
from benchmarks.crosscheck.environments import Unavailable, environment
from benchmarks.service import ROOT

CLIENT = Path(__file__).with_name("loadgen_client.py")
# How LoadGen judges a run, what of, and how many queries it misses where it misses any.
_RESULT = re.compile(r"^Result is : (\w+)", re.MULTILINE)
_JUDGED = re.compile(r"^  (.+) satisfied ?: (\w+)", re.MULTILINE)
_MORE_QUERIES = re.compile(r"at least (\d+) more queries")
_ENOUGH_QUERIES = "Early stopping"
_PERCENTILE = re.compile(r"^(50|99)\.00 percentile latency \(ns\)\s*:\s*(\d+)", re.MULTILINE)


def measure(target: str, texts: Sequence[str], rate: float, seconds: float) -> Percentiles:
    """Send sections in Poisson arrivals and return the percentiles. Raises Unavailable and UnsoundError."""
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
        text = summary.read_text("utf-8")
        failed = json.loads((Path(folder) / "failed.json").read_text("utf-8"))
    if failed:
        raise UnsoundError(f"{len(failed)} of its calls failed, the first with {failed[0]}")
    return percentiles_in(text)


def percentiles_in(summary: str) -> Percentiles:
    """Return the percentiles of a summary that LoadGen wrote. Raises UnsoundError where it calls the run INVALID.

    One that is INVALID for want of queries alone counts, with a remark: to be sure of a p99 LoadGen asks for more of
    them than a comparison of two generators takes.
    """
    result = _RESULT.search(summary)
    missed = [name for name, answer in _JUDGED.findall(summary) if answer.upper() == "NO"]
    found = dict(_PERCENTILE.findall(summary))
    if result is None or set(found) != {"50", "99"}:
        raise UnsoundError("its summary has no result or no percentiles")
    is_valid = result[1] == "VALID"
    if not is_valid and missed != [_ENOUGH_QUERIES]:
        raise UnsoundError(
            f"its result is {result[1]}: not satisfied: {', '.join(missed) or 'it says not what'}"
        )
    more = _MORE_QUERIES.search(summary)
    wanted = f"{more[1]} more" if more else "more"
    return Percentiles(
        {f"p{percent}_ms": round(int(found[percent]) / 1e6, 3) for percent in ("50", "99")},
        "" if is_valid else f"its result is INVALID only for want of queries: MLPerf asks for {wanted}",
    )
