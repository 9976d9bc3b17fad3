"""Virtual environments of other generators, made by a command and kept."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.service import ROOT

FOLDER = ROOT / ".crosscheck"
LOCKS = ROOT / "deploy" / "locks" / "crosscheck"


class Unavailable(Exception):  # noqa: N818 - no error: the message says why a generator cannot run here
    """Another generator cannot run on this machine; the message is the reason."""


def environment(name: str) -> Path:
    """Return the folder with the programs of an environment, installed from the lock of that name.

    Raises Unavailable when it cannot be installed.
    """
    folder = FOLDER / name
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    done = folder / ".installed"
    if not done.exists():
        try:
            venv.create(folder, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"its environment cannot be made: {error}") from None
        command = [programs / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        ended = subprocess.run(
            [*map(str, command), "--require-hashes", "--no-deps", "-r", str(LOCKS / f"{name}.txt")],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or ["no reason given"]
            raise Unavailable(f"it cannot be installed: {lines[-1]}")
        done.touch()
    return programs
