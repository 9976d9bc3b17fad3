"""A real server with the real bundle, and the client's way to it; one per test process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are no distribution
pytest.register_assert_rewrite("gauges", "replies")

from benchmarks.load.bulk import start_processes  # noqa: E402
from benchmarks.service import BUNDLE, Service, serving  # noqa: E402

from bertillon import Bertillon, Retries  # noqa: E402

# Short, so that a client that reads nothing is found out within a test; every other reads at once.
STALL_S = 2


@pytest.fixture(scope="session")
def bundle() -> Path:
    """Return the bundle that `make serve` serves, or the one that BERTILLON_TEST_BUNDLE names."""
    path = Path(os.environ.get("BERTILLON_TEST_BUNDLE", BUNDLE))
    if not (path / "manifest.json").is_file():
        pytest.fail(f"there is no bundle at {path}; build one with `make model` or set BERTILLON_TEST_BUNDLE")
    return path.resolve()


@pytest.fixture(scope="session")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one server for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "tmp").mkdir()
    here = {"TMPDIR": str(folder / "tmp"), "HOME": str(folder)}
    flags = ("--log-level=debug", f"--stall-timeout-s={STALL_S}")
    with serving(folder, *flags, bundle=bundle, environment=here) as service:
        start_processes(service)
        yield service


@pytest.fixture(scope="session")
def client(server: Service) -> Iterator[Bertillon]:
    """Connect to that server; nothing is tried again, so that no error is hidden."""
    with Bertillon(server.target, retries=Retries(attempts=1)) as connected:
        yield connected


@pytest.fixture(scope="session")
def demo_note() -> str:
    """Return the note of the demonstration."""
    return (ROOT / "deploy" / "demo" / "note.txt").read_text("utf-8")
