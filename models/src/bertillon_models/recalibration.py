"""Gives a bundle another calibration: the rest of it is copied as it is, and the manifest written anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import click

from bertillon_models.build import BuildError, BundleDescription, new_bundle, write_manifest
from bertillon_models.build_command import CONFIDENCE_SOURCES
from bertillon_server.bundle.loader import Bundle, BundleError, load_bundle
from bertillon_server.bundle.manifest import Manifest, SourceEntry
from bertillon_server.coding.knowledge import CALIBRATION_FILE


def recalibrated(bundle: Path, confidence: Path, out: Path, *, force: bool = False) -> Manifest:
    """Write a bundle that is another one but for its calibration, name and version; return its manifest.

    Raises BundleError when the bundle does not open, BuildError when `out` exists and `force` is not given.
    """
    opened = load_bundle(bundle)
    others = tuple(source for source in opened.manifest.sources if source not in CONFIDENCE_SOURCES)

    def calibrate(folder: Path) -> None:
        shutil.copyfile(confidence, folder / CALIBRATION_FILE)

    return rewritten(opened, calibrate, (*others, *CONFIDENCE_SOURCES), out, force=force)


def rewritten(
    opened: Bundle,
    change: Callable[[Path], None],
    sources: tuple[SourceEntry, ...],
    out: Path,
    *,
    force: bool = False,
) -> Manifest:
    """Write a bundle that is another one but for what `change` does to its files; return its manifest.

    Raises BuildError when `out` exists and `force` is not given.
    """
    old = opened.manifest
    with new_bundle(out, force=force) as folder:
        for entry in old.files:
            (folder / entry.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(opened.path(entry.path), folder / entry.path)
        change(folder)
        return write_manifest(
            folder,
            BundleDescription(
                name=out.resolve().parent.name,
                version=out.name,
                licence=old.licence,
                sources=sources,
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
