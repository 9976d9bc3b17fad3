"""`bertillon-server catalog`: import code systems and flags, and list what there is."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bertillon_server.app.settings import Settings, load_settings
from bertillon_server.app.startup import StartupError
from bertillon_server.bundle.loader import BundleError
from bertillon_server.catalog.codes import CatalogError, Release
from bertillon_server.catalog.flags import FlagKind
from bertillon_server.catalog.folder import CatalogFolder

if TYPE_CHECKING:
    from bertillon_server.app.importing import Held

_FILE = click.Path(path_type=Path)
_SYSTEMS: Final = ("icd-10-cm", "icd-10-pcs", "hcpcs", "custom")
_MEGABYTE: Final = 1_000_000


@click.group()
def catalog() -> None:
    """Add code systems and flags to the built-in ICD-10-CM, and list what there is.

    What is imported lies in the catalog directory (setting `catalog_dir`). A running server takes it up when it is
    started again.
    """


def _date(_: click.Context, option: click.Parameter, value: str | None) -> dt.date | None:
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("a date is written YYYY-MM-DD", param=option) from None


_OPTIONS: Final = (
    click.option(
        "--from", "valid_from", required=True, callback=_date, metavar="DATE", help="First date of service."
    ),
    click.option(
        "--to", "valid_to", callback=_date, metavar="DATE", help="Last date of service; open if absent."
    ),
    click.option("--version", "release", help="Name of the release; by default its first date of service."),
    click.option("--replace", is_flag=True, help="Import a release again that is in the catalog already."),
)
_PLACES: Final = (
    click.option("--catalog-dir", type=str, help="Catalog directory. [env: BERTILLON_CATALOG_DIR]"),
    click.option(
        "--bundle", type=str, help="Bundle whose encoder makes the vectors. [env: BERTILLON_BUNDLE]"
    ),
    click.option(
        "--config",
        type=_FILE,
        envvar="BERTILLON_CONFIG",
        help="TOML file with settings. [env: BERTILLON_CONFIG]",
    ),
)


def _with(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:  # noqa: ANN401 - as click types its decorators
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@catalog.command("import")
@click.argument("codes", type=_FILE)
@click.option("--system", type=click.Choice(_SYSTEMS), required=True, help="What the file holds.")
@click.option("--id", "name", help="Id of a custom set in requests, such as `cpt`; by default `custom`.")
@click.option(
    "--tables", type=_FILE, help="icd-10-pcs: XML of the tables; only codes that they allow are taken."
)
@click.option(
    "--index", type=_FILE, help="icd-10-pcs: XML of the index; adds its names of procedures and body parts."
)
@click.option("--tabular", type=_FILE, help="icd-10-cm: XML of the tabular list; required.")
@_with((*_OPTIONS, *_PLACES))
def import_codes(**given: Any) -> None:  # noqa: ANN401 - one keyword for each option
    """Import a release of a code system from the files of its publisher.

    CODES is, for icd-10-pcs, the order file or the code file; for icd-10-cm, either of them or a list of codes; for
    hcpcs, the fixed-width file or its sheet as CSV; for custom, a CSV with the columns code and title, and where you
    have them terms, billable, valid_from and valid_to. A file with a bad line is refused as a whole.
    """
    from bertillon_server.app import importing  # noqa: PLC0415 - loads the numeric libraries

    kind, settings = given["system"], _settings(given)
    for option, system in (
        ("tables", importing.ICD_10_PCS),
        ("index", importing.ICD_10_PCS),
        ("tabular", importing.ICD_10_CM),
    ):
        if given[option] is not None and kind != system:
            raise click.UsageError(f"--{option} belongs to {system}")
    if given["name"] is not None and kind != importing.CUSTOM:
        raise click.UsageError("--id belongs to custom")
    order = importing.CodesImport(
        kind=kind,
        system=given["name"] or kind,
        codes=given["codes"],
        tables=given["tables"],
        tabular=given["tabular"],
        index=given["index"],
        version=given["release"] or given["valid_from"].isoformat(),
        valid_from=given["valid_from"],
        valid_to=given["valid_to"],
    )
    with _refused(), _progress() as progress:
        done = importing.import_codes(
            order,
            CatalogFolder(settings.catalog_dir),
            settings.bundle,
            settings.inference_threads,
            progress,
            replace=given["replace"],
        )
    _say(order.system, order.version, done)


@catalog.command("import-flags")
@click.argument("file", type=_FILE)
@click.option(
    "--list",
    "kind",
    type=click.Choice([kind.value for kind in FlagKind]),
    required=True,
    help="What the file is.",
)
@_with((*_OPTIONS, *_PLACES))
def import_flags(**given: Any) -> None:  # noqa: ANN401
    """Import a list of flags on ICD-10-CM codes: HCC, POA-exempt, CC, MCC, or edits of the Medicare Code Editor."""
    from bertillon_server.app import importing  # noqa: PLC0415

    kind, settings = FlagKind(given["kind"]), _settings(given)
    version = given["release"] or given["valid_from"].isoformat()
    release = Release(kind.value, version, given["valid_from"], given["valid_to"])
    with _refused():
        done = importing.import_flags(
            kind, given["file"], release, CatalogFolder(settings.catalog_dir), replace=given["replace"]
        )
    _say(f"flags: {kind.value}", version, done)


@catalog.command("list")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_with(_PLACES)
def list_releases(style: str, **given: Any) -> None:  # noqa: ANN401
    """List code systems and flags: release, dates of service, number of codes, size, and how it can be searched."""
    from bertillon_server.app import importing  # noqa: PLC0415

    settings = _settings(given)
    with _refused():
        found = importing.held(CatalogFolder(settings.catalog_dir), settings.bundle)
    if style == "json":
        click.echo(json.dumps([_document(item) for item in found], indent=2))
        return
    rows = [("SYSTEM", "RELEASE", "FROM", "TO", "CODES", "MB", "SEARCH")]
    rows += [
        (
            item.name,
            item.version,
            item.valid_from.isoformat(),
            "open" if item.valid_to is None else item.valid_to.isoformat(),
            f"{item.codes:,}",
            f"{item.size / _MEGABYTE:.1f}" if item.size else "-",
            item.search,
        )
        for item in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _document(item: Held) -> dict[str, object]:
    return {
        "system": item.name,
        "release": item.version,
        "valid_from": item.valid_from.isoformat(),
        "valid_to": None if item.valid_to is None else item.valid_to.isoformat(),
        "codes": item.codes,
        "bytes": item.size,
        "search": item.search,
    }


def _settings(given: dict[str, Any]) -> Settings:
    flags = {name: given[name] for name in ("catalog_dir", "bundle") if given[name] is not None}
    return load_settings(flags, given["config"])


def _say(name: str, version: str, done: Any) -> None:  # noqa: ANN401 - `importing.Imported`, which is loaded late
    size = f"{done.size / _MEGABYTE:.1f} MB"
    click.echo(
        f"{name} {version}: {done.codes:,} codes, {size}, {done.seconds:.1f} s; "
        "a running server takes it up on SIGHUP"
    )


@contextmanager
def _refused() -> Iterator[None]:
    """Turn what keeps an import from being made into one line and exit code 1."""
    try:
        yield
    except (CatalogError, BundleError) as error:
        raise StartupError(str(error)) from None


@contextmanager
def _progress() -> Iterator[Any]:
    """Show a bar on standard error while texts are encoded."""
    from bertillon_server.coding.imported import Progress  # noqa: PLC0415 - loads the numeric libraries

    bars: list[Any] = []

    def begun(total: int) -> None:
        bar: Any = click.progressbar(length=total, label="encoding", file=sys.stderr)
        bars.append(bar)
        bar.__enter__()

    def advance(done: int) -> None:
        bars[-1].update(done)

    try:
        yield Progress(begun, advance)
    finally:
        for bar in bars:
            bar.__exit__(None, None, None)
