"""Fixtures of more than one folder; what they need is imported when they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from serving import Serve

# The same examples in every run, and no verdict by the clock: the machine may be busy with other tests.
settings.register_profile("bertillon", deadline=None, derandomize=True)
settings.load_profile("bertillon")


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Start servers on ephemeral ports, with a coder that the test holds in its hand."""
    from serving import serving  # noqa: PLC0415 - heavy, and most folders do without

    return serving(tmp_path)
