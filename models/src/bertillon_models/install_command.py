"""The command that makes a bundle the current one, if it opens, codes its canary and is not worse."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bertillon_models.standing import objection
from bertillon_server.app.serve import check
from bertillon_server.app.settings import load_settings
from bertillon_server.app.startup import StartupError
from bertillon_server.bundle.loader import BundleError, load_bundle

CURRENT = Path("models/current")


@click.command("install")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--current",
    type=click.Path(path_type=Path),
    default=CURRENT,
    show_default=True,
    help="The link that is to point at it.",
)
@click.option(
    "--force", is_flag=True, help="Install it although it is worse, or nothing says that it is not."
)
def install(bundle: Path, current: Path, *, force: bool) -> None:
    """Make `models/current` point at BUNDLE, unless what is on record says that it codes worse.

    A bundle that does not open, or does not code its canary, is not installed at all. Compared are the figures that
    `report` leaves in a bundle; a current bundle that no longer opens is no hindrance.
    """
    try:
        candidate = load_bundle(bundle)
        check(load_settings({"bundle": bundle}, None))
    except (BundleError, StartupError) as error:
        raise click.ClickException(str(error)) from None
    if current.exists() and not current.is_symlink():
        raise click.ClickException(f"{current} is no link; move it away first")
    try:
        reason = "" if force else objection(candidate, load_bundle(current))
    except BundleError as error:
        if current.is_symlink():
            click.echo(f"{error}; it is replaced", err=True)
        reason = ""
    if reason:
        raise click.ClickException(f"{reason}; give --force to install it all the same")
    point(current, bundle)
    click.echo(f"{current} is now {candidate.label}", err=True)


def point(link: Path, target: Path) -> None:
    """Make a link point at a folder, relative to where the link lies, in one step: it is never missing."""
    link.parent.mkdir(parents=True, exist_ok=True)
    partial = link.with_name(f".{link.name}-{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()), target_is_directory=True)
    partial.replace(link)
