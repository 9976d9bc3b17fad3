"""What needs torch, which only the `train` extra of `bertillon-models` brings: skipped where it is not installed.

Each file asks for it on its own, with `pytest.importorskip`, before it imports what is built on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Keep torch to one core: the encoders here are so small that a second one only waits."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
