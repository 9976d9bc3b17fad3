"""What a report says of its making: the command, the bundle, the rules, the day and the machine."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shlex
import sys
from pathlib import Path

from bertillon_models.evaluation.local import LocalCoder


def facts_of(coder: LocalCoder, seed: int) -> dict[str, str]:
    """Say what was run, on what and when."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    versions = coder.knowledge.versions
    return {
        "command": f"`{command}`",
        "bundle": versions.model,
        "release": coder.release,
        "rules": versions.rules,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "intervals": f"95 %, bootstrap, seed {seed}",
    }


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()
