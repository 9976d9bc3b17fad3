"""What a figure depends on besides the code: the machine, the versions, the revision, the time."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.service import ROOT

PACKAGES = ("bertillon", "bertillon-server", "grpcio", "onnxruntime", "tokenizers", "numpy", "hdrhistogram")
# Units of the processor that decide how fast int8 and fp32 products are.
_UNITS = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
)


def environment() -> dict[str, object]:
    """Return the environment of a run as plain values."""
    cpu = _cpu()
    return {
        "cpu": cpu.get("model name", platform.processor()),
        "cpu_units": [unit for unit in _UNITS if unit in cpu.get("flags", cpu.get("Features", "")).split()],
        "cores": usable_cores(),
        "memory_gib": _memory_gib(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {package: _version(package) for package in PACKAGES},
        "revision": _git("rev-parse", "HEAD"),
        "modified": _git("status", "--porcelain", "--untracked-files=no") != "",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def usable_cores() -> int:
    """Return the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _cpu() -> dict[str, str]:
    """Return what Linux says of the first processor."""
    info = Path("/proc/cpuinfo")
    first = info.read_text("utf-8").partition("\n\n")[0] if info.is_file() else ""
    pairs = [line.partition(":") for line in first.splitlines()]
    return {name.strip(): value.strip() for name, _, value in pairs}


def _memory_gib() -> float:
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0.0
    return round(pages / 2**30, 1)


def _git(*command: str) -> str:
    try:
        ended = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return ended.stdout.strip()
