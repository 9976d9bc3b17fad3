"""`python -m benchmarks`: run scenarios, report on what they wrote, compare two versions, check the generator."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import table
from benchmarks.machine import environment
from benchmarks.notes import notes_of, own_notes
from benchmarks.peers import scenario as peers_scenario
from benchmarks.peers.cli import peers
from benchmarks.runner import EXPECTED, Screen, Stopped, stopping
from benchmarks.runner import run as run_scenarios
from benchmarks.scenario import Bench
from benchmarks.scenarios import SCENARIOS
from benchmarks.service import BUNDLE, ROOT, SERVER
from benchmarks.targets import Verdict, judged
from bertillon_server.bundle.loader import BundleError

NAMES = tuple(scenario.name for scenario in SCENARIOS)
PEERS = peers_scenario.SCENARIO.name
# Of tables, for terminals and files alike.
_WIDTH = 130


def _of_one_worker(_: click.Context, __: click.Parameter, flags: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a flag for several workers: each of them counts for itself, and the figures would be of none."""
    if any(flag.startswith("--workers") for flag in flags):
        raise click.UsageError(
            "servers of one worker are measured here; `run workers` compares numbers of them"
        )
    return flags


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    """Tell what failed in one sentence instead of a traceback; stop the servers at SIGTERM and Ctrl-C."""
    try:
        with stopping():
            yield
    except EXPECTED as error:
        raise click.ClickException(" ".join(str(error).split()) or type(error).__name__) from None


def _write(out: Path, told: Mapping[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Measure Bertillon from outside, through servers that are started for it on free ports.

    Run on an idle machine: `run`, then `report`. docs/benchmarks.md says what each scenario measures.
    """


@cli.command("list")
def list_scenarios() -> None:
    """List the scenarios."""
    for scenario in SCENARIOS:
        click.echo(f"{scenario.name:14} {scenario.about}")


@cli.command()
@click.argument("scenarios", nargs=-1, type=click.Choice(NAMES), metavar="[SCENARIO]...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench"),
    show_default=True,
    help="Folder for one JSON file a scenario.",
)
@click.option("--full", is_flag=True, help="Longer runs and more repeats: hours instead of minutes.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    default=BUNDLE,
    help="Bundle to serve [models/current].",
)
@click.option(
    "--notes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="File with notes to offer as they are, in place of the project's: JSON lines with a `text` (.jsonl, "
    ".ndjson), or one note as plain text. May be repeated.",
)
@click.option("--seed", default=7, show_default=True, help="What everything random follows from.")
@click.option(
    "--server-flag",
    "flags",
    multiple=True,
    callback=_of_one_worker,
    help="Flag for every server, e.g. --server-flag=--threads=1. May be repeated.",
)
def run(
    scenarios: tuple[str, ...],
    out: Path,
    *,
    full: bool,
    bundle: Path,
    notes: tuple[Path, ...],
    seed: int,
    flags: tuple[str, ...],
) -> None:
    """Run scenarios (all but the peers unless some are named) and print targets beside what was measured.

    Exits 1 when a scenario failed, 0 otherwise: a missed target is a finding, no failure. SIGTERM and Ctrl-C stop the
    servers; what was finished is kept and printed, and the exit code is 143 or 130.
    """
    texts = tuple(text for path in notes for text in notes_of(path)) or tuple(own_notes())
    bench = Bench(bundle, texts, seed, full, lambda *_: contextlib.nullcontext(lambda: None), flags)
    chosen = [one for one in SCENARIOS if one.name in (scenarios or set(NAMES) - {PEERS})]
    try:
        records = run_scenarios(chosen, bench, out, Console(stderr=True))
        exit_code = int(any(record["failure"] for record in records))
    except BundleError as error:
        raise click.BadParameter(str(error), param_hint="--bundle") from None
    except Stopped as stopped:
        records, exit_code = stopped.records, stopped.exit_code
        left = ", ".join(one.name for one in chosen[len(records) :])
        click.echo(f"stopped by a signal; not measured: {left or 'none'}", err=True)
    table.show(records, Console())
    if not scenarios:
        click.echo(
            f"{PEERS}: not asked for: `python -m benchmarks peers run` compares with what others would pick"
        )
    sys.exit(exit_code)


@cli.command()
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="Sections a second.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="How long each generator sends.",
)
@click.option("--seed", default=7, show_default=True, help="What everything random follows from.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    default=BUNDLE,
    help="Bundle to serve [models/current].",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the JSON as well.")
def crosscheck(rate: float, seconds: float, seed: int, bundle: Path, out: Path | None) -> None:
    """Compare the generator with k6 and MLPerf LoadGen.

    Each is installed below `.crosscheck/` when it is first needed, and skipped with the reason where that fails.
    Exits 1 when one ran and did not do what it was asked for.
    """
    from benchmarks.crosscheck import crosscheck as checked  # noqa: PLC0415 - nothing else needs it

    console = Console(stderr=True)
    with _failures_told():
        found = checked(bundle, rate, seconds, seed, lambda text: console.print(text, highlight=False))
    table.show_agreement(found, Console())
    for one in found:
        if one.failure:
            click.echo(f"{one.generator}: failed: {one.failure}")
        if one.remark:
            click.echo(f"{one.generator}: {one.remark}")
    if out is not None:
        _write(
            out,
            {
                "rate": rate,
                "seconds": seconds,
                "seed": seed,
                "environment": environment(),
                "generators": [asdict(one) for one in found],
            },
        )
    sys.exit(any(one.failure for one in found))


@cli.command()
@click.option("--revision", help="The other server is that of this revision of the repository, e.g. HEAD~1.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The other server has this bundle.",
)
@click.option(
    "--server-flag",
    "flags",
    multiple=True,
    callback=_of_one_worker,
    help="The other server has this flag. May be repeated.",
)
@click.option("--repeats", type=click.IntRange(min=2), default=5, show_default=True, help="Turns of each.")
@click.option("--full", is_flag=True, help="Longer turns.")
@click.option("--seed", default=7, show_default=True, help="What everything random follows from.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the JSON as well.")
def compare(
    revision: str | None,
    bundle: Path | None,
    flags: tuple[str, ...],
    *,
    repeats: int,
    full: bool,
    seed: int,
    out: Path | None,
) -> None:
    """Measure this server and another by turns on the same texts: what a change is worth.

    The other differs by revision, bundle or flags; a revision is installed into a folder that goes afterwards.
    """
    from benchmarks import versions  # noqa: PLC0415 - nothing else needs it

    if not (revision or bundle or flags):
        raise click.UsageError("say how the other server differs: --revision, --bundle or --server-flag")
    console = Console(stderr=True)
    with _failures_told(), contextlib.ExitStack() as stack:
        folder = stack.enter_context(versions.revision(revision, console.print)) if revision else ROOT
        other = versions.Version(
            versions.program_of(folder) if revision else SERVER,
            bundle or folder / "models" / "current",
            flags,
        )
        screen = stack.enter_context(Screen(console).shown())
        bench = Bench(BUNDLE, tuple(own_notes()), seed, full, screen.steps)
        found = versions.compare(bench, versions.Version(SERVER, BUNDLE), other, repeats)
    table.show_versions(found, Console(width=_WIDTH))
    if out is not None:
        told: dict[str, Any] = {
            "other": {"revision": revision, "bundle": str(bundle or ""), "flags": flags},
            "repeats": repeats,
            "seed": seed,
            "environment": environment(),
            "measures": {
                name: {side: figure.told() for side, figure in row.items()} for name, row in found.items()
            },
        }
        _write(out, told)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="Page to write.",
)
def report(folder: Path, out: Path) -> None:
    """Make one HTML page of the JSON files that runs left in FOLDER; others of JSON are named and left out."""
    from benchmarks.page import page  # noqa: PLC0415 - plots are not needed to run
    from benchmarks.page.records import read  # noqa: PLC0415

    records = read(folder, lambda text: click.echo(text, err=True))
    if not records:
        raise click.ClickException(
            f"there is no record of a run in {folder}; begin with `run --out {folder}`"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(records), "utf-8")
    rows = judged(records)
    missed = sum(one.verdict is Verdict.MISS for one in rows)
    unmeasured = sum(one.verdict is None for one in rows)
    failed = sum(bool(record["failure"]) for record in records)
    click.echo(
        f"{out}: {len(records)} scenarios, {failed} failed; {missed} targets missed, {unmeasured} not measured"
    )


cli.add_command(peers)
