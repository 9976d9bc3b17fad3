"""The peers' virtual environments: one each, made by a command from a lock with hashes, none of them ours.

They lie in `.peers/` of the checkout and see the coding library of the server by `PYTHONPATH`, from the sources.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.service import ROOT

FOLDER = ROOT / ".peers"
LOCKS = ROOT / "deploy" / "locks" / "peers"
_MADE = ".made"
_SOURCES = (ROOT, ROOT / "server" / "src")
# One thread for whatever numpy multiplies, as in our server: cores are given out by processes and onnxruntime.
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM"), "1"
) | {"TOKENIZERS_PARALLELISM": "false"}


def lock_of(name: str) -> Path:
    """Return the file with the versions and hashes of a peer's packages."""
    return LOCKS / f"{name}.txt"


def python_of(name: str) -> Path:
    """Return the interpreter of a peer's environment, which may not exist."""
    return FOLDER / name / "bin" / "python"


def missing(name: str) -> str | None:
    """Return why a peer's environment cannot be used, None when it can."""
    made = FOLDER / name / _MADE
    if not made.is_file():
        return f"no environment; make it with `python -m benchmarks peers install {name}`"
    if made.read_text("utf-8") != lock_of(name).read_text("utf-8"):
        return f"its environment is of an older lock; make it anew with `python -m benchmarks peers install {name}`"
    return None


def install(name: str) -> None:
    """Make the environment of a peer, anew where one is there; raises CalledProcessError when pip gives up."""
    folder = FOLDER / name
    venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    words = "-m pip --disable-pip-version-check install --quiet --require-hashes -r"
    subprocess.run([str(python_of(name)), *words.split(), str(lock_of(name))], check=True)
    (folder / _MADE).write_text(lock_of(name).read_text("utf-8"), "utf-8")


def version_of(name: str, package: str) -> str:
    """Return the version of a package in a peer's environment, as its lock states it."""
    for line in lock_of(name).read_text("utf-8").splitlines():
        locked, _, version = line.partition("==")
        if locked == package:
            return version.split()[0]
    raise LookupError(f"{package} is not in {lock_of(name)}")


def environment_for(name: str, bundle: Path, *, processes: int, threads: int, batch: int) -> dict[str, str]:
    """Return the variables that a peer's processes run with."""
    scripts = str(python_of(name).parent)
    return (
        {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        | _ONE_THREAD
        | {
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(map(str, _SOURCES)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PEER_BUNDLE": str(bundle.resolve()),
            "PEER_PROCESSES": str(processes),
            "PEER_THREADS": str(threads),
            "PEER_BATCH": str(batch),
            "PEER_CORES": str(cores()),
        }
    )


def cores() -> int:
    """Return the cores that a process may use: the budget of each of those compared."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
