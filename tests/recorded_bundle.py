"""Bundles with figures on record."""

from __future__ import annotations

import shutil
from pathlib import Path

from bertillon_models.standing import Measure, Standing, write_record
from bertillon_server.bundle.loader import load_bundle
from small_bundle import edit_manifest


def another(small: Path, folder: Path, **figures: float) -> Path:
    """Copy a small bundle under another version and put figures on record, if there are any."""
    shutil.copytree(small, folder)
    edit_manifest(folder, version=folder.name)
    if figures:
        record(folder, **figures)
    return folder


def record(folder: Path, fingerprint: str = "f", /, **figures: float) -> None:
    """Put figures on record, all of one set."""
    measures = {name: Measure(value, 10, fingerprint) for name, value in figures.items()}
    write_record(folder, Standing(load_bundle(folder).label, measures), {})
