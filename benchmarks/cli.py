"""`python -m benchmarks`: run scenarios, report on what they wrote, compare two versions, check the generator."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import grpc
from rich.console import Console

from benchmarks import table
from benchmarks.machine import environment
from benchmarks.notes import notes_of, own_notes
from benchmarks.peers import scenario as peers_scenario
from benchmarks.peers.cli import peers
from benchmarks.runner import Screen
from benchmarks.runner import run as run_scenarios
from benchmarks.scenario import Bench
from benchmarks.scenarios import SCENARIOS
from benchmarks.service import BUNDLE, ROOT, SERVER
from benchmarks.targets import Verdict, judged

NAMES = tuple(scenario.name for scenario in SCENARIOS)
PEERS = peers_scenario.SCENARIO.name
# Of tables, for terminals and files alike.
_WIDTH = 130


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
    help="File with notes in place of the project's: JSON lines with a `text`, or plain text. May be repeated.",
)
@click.option("--seed", default=7, show_default=True, help="What everything random follows from.")
@click.option(
    "--server-flag",
    "flags",
    multiple=True,
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

    Exits 1 when a scenario failed, 0 otherwise: a missed target is a finding, no failure.
    """
    texts = tuple(text for path in notes for text in notes_of(path)) or tuple(own_notes())
    bench = Bench(bundle, texts, seed, full, lambda *_: contextlib.nullcontext(lambda: None), flags)
    chosen = [one for one in SCENARIOS if one.name in (scenarios or set(NAMES) - {PEERS})]
    records = run_scenarios(chosen, bench, out, Console(stderr=True))
    table.show(records, Console())
    if not scenarios:
        click.echo(
            f"{PEERS}: not asked for: `python -m benchmarks peers run` compares with what others would pick"
        )
    sys.exit(any(record["failure"] for record in records))


@cli.command()
@click.option("--rate", default=8.0, show_default=True, help="Sections a second.")
@click.option("--seconds", default=30.0, show_default=True, help="How long each generator sends.")
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
    """
    from benchmarks.crosscheck import crosscheck as checked  # noqa: PLC0415 - nothing else needs it

    console = Console(stderr=True)
    found = checked(bundle, rate, seconds, seed, lambda text: console.print(text, highlight=False))
    table.show_agreement(found, Console())
    if out is not None:
        told = {
            "rate": rate,
            "seconds": seconds,
            "environment": environment(),
            "generators": [asdict(one) for one in found],
        }
        out.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    """Tell what failed in one sentence instead of a traceback."""
    try:
        yield
    except (RuntimeError, grpc.RpcError) as error:
        raise click.ClickException(str(error)) from None


@cli.command()
@click.option("--revision", help="The other server is that of this revision of the repository, e.g. HEAD~1.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The other server has this bundle.",
)
@click.option(
    "--server-flag", "flags", multiple=True, help="The other server has this flag. May be repeated."
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
    if any(flag.startswith("--workers") for flag in flags):
        raise click.UsageError("this compares servers of one worker; `run workers` compares numbers of them")
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack, _failures_told():
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
        told = {
            "other": {"revision": revision, "bundle": str(bundle or ""), "flags": flags},
            "repeats": repeats,
            "seed": seed,
            "environment": environment(),
            "measures": {
                name: {side: figure.told() for side, figure in row.items()} for name, row in found.items()
            },
        }
        out.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


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
    """Make one HTML page of the JSON files that runs left in FOLDER."""
    from benchmarks.page import page  # noqa: PLC0415 - plots are not needed to run

    records = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    if not records:
        raise click.ClickException(f"there is no JSON file in {folder}; begin with `run --out {folder}`")
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
