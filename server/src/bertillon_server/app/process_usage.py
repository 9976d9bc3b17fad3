"""What processes take, as the system tells it under /proc; zero where it does not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def resident_bytes(pids: Sequence[int]) -> int:
    """Return the resident memory of processes, as far as the system tells."""
    return sum(int(_told(pid, "statm", 1)) for pid in pids) * _PAGE_BYTES


def processor_seconds(pids: Sequence[int]) -> float:
    """Return the processor time of processes, the system's for them included, as far as the system tells."""
    # User and system time are fields 14 and 15; the second is the name, which may have blanks and stands in brackets.
    ticks = sum(int(_told(pid, "stat", field, after=")")) for pid in pids for field in (11, 12))
    return ticks / _TICKS_A_SECOND


def _told(pid: int, file: str, field: int, after: str = "") -> str:
    try:
        text = Path(f"/proc/{pid}/{file}").read_text("utf-8", errors="replace")
        return text[text.rfind(after) + len(after) if after else 0 :].split()[field]
    except (OSError, IndexError):
        return "0"
