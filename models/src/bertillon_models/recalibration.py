"""Gives a bundle another calibration: the rest of it is copied as it is, and the manifest written anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from bertillon_models.build import BuildError, BundleDescription, new_bundle, write_manifest
from bertillon_models.build_command import CONFIDENCE_SOURCES
from bertillon_server.bundle.loader import BundleError, load_bundle
from bertillon_server.bundle.manifest import Manifest
from bertillon_server.coding.knowledge import CALIBRATION_FILE


def recalibrated(bundle: Path, confidence: Path, out: Path, *, force: bool = False) -> Manifest:
    """Write a bundle that is another one but for its calibration, name and version; return its manifest.

    Raises BundleError when the bundle does not open, BuildError when `out` exists and `force` is not given.
    """
    opened = load_bundle(bundle)
    old = opened.manifest
    with new_bundle(out, force=force) as folder:
        for entry in old.files:
            if entry.path != CALIBRATION_FILE:
                (folder / entry.path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(opened.path(entry.path), folder / entry.path)
        shutil.copyfile(confidence, folder / CALIBRATION_FILE)
        others = tuple(source for source in old.sources if source not in CONFIDENCE_SOURCES)
        return write_manifest(
            folder,
            BundleDescription(
                name=out.resolve().parent.name,
                version=out.name,
                licence=old.licence,
                sources=(*others, *CONFIDENCE_SOURCES),
                code_sets=old.code_sets,
                canary=old.canary,
                recipe=old.recipe,
                metrics=old.metrics,
            ),
        )


@click.command("recalibrate")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The bundle that `calibrate` was given.",
)
@click.option(
    "--confidence",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="What `calibrate` wrote.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write: <name>/<version>."
)
@click.option("--force", is_flag=True, help="Replace a bundle that exists.")
def recalibrate(bundle: Path, confidence: Path, out: Path, *, force: bool) -> None:
    """Write a bundle again with another calibration; takes a second, where building takes minutes."""
    try:
        recalibrated(bundle, confidence, out, force=force)
    except (BuildError, BundleError, OSError) as error:
        raise click.ClickException(str(error)) from None
