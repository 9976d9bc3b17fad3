"""`python -m benchmarks.peers`: make the peers' environments, run the comparison, show what it found."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.load.generator import run as run_loop
from benchmarks.machine import environment
from benchmarks.notes import notes_of, own_notes
from benchmarks.peers.blocks import FULL, QUICK, Plan
from benchmarks.peers.comparison import TITLES, failure_of, measured_of
from benchmarks.peers.contenders import CEILING, NAMES, OURS, Contenders, OwnServerError
from benchmarks.peers.environments import install as install_environment
from benchmarks.peers.environments import missing
from benchmarks.peers.kept import Kept, OtherRunError, stated
from benchmarks.peers.registry import PEERS
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.scenario import SCENARIO
from benchmarks.peers.study import measure
from benchmarks.runner import FORMAT, Screen
from benchmarks.scenario import record
from benchmarks.service import BUNDLE
from benchmarks.table import number, show_left_out
from bertillon_server.bundle.loader import load_bundle

INSTALLED = (*(peer.name for peer in PEERS), RULES)
"""Contenders with an environment of their own."""
_WIDTH = 130
UNFINISHED = 3
"""Exit code of a run that stopped because its minutes were over."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def peers() -> None:
    """Compare with what a user would pick instead; docs/benchmark-peers.md says how and why."""


@peers.command("list")
def list_peers() -> None:
    """List the peers and whether their environments are there."""
    for name in (CEILING, *INSTALLED):
        state = None if name == CEILING else missing(name)
        click.echo(f"{name:10} {TITLES[name]:24} {state or 'ready'}")


@peers.command()
@click.argument("names", nargs=-1, type=click.Choice(INSTALLED), metavar="[PEER]...")
def install(names: tuple[str, ...]) -> None:
    """Make the virtual environments of peers (all of them unless some are named) from their locks."""
    failed = False
    for name in names or INSTALLED:
        click.echo(f"{name} ...", err=True)
        try:
            install_environment(name)
        except (subprocess.CalledProcessError, OSError) as error:
            failed = True
            click.echo(f"{name}: it cannot be installed: {error}", err=True)
    sys.exit(failed)


@peers.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES), metavar="[PEER]...")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("bench"), show_default=True
)
@click.option("--full", is_flag=True, help="Five repeats, each with the search for the highest rate: hours.")
@click.option(
    "--bundle", type=click.Path(path_type=Path, exists=True), default=BUNDLE, help="[models/current]"
)
@click.option(
    "--notes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="File with notes in place of the project's: JSON lines with a `text`, or plain text. May be repeated.",
)
@click.option(
    "--terms",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Terms that the bundle was made from (terms.tsv), for the pipeline of rules; else titles and lexicon.",
)
@click.option("--seed", default=7, show_default=True, help="What everything random follows from.")
@click.option(
    "--repeats", type=click.IntRange(1), help="How often everything is measured [2, or 5 with --full]."
)
@click.option(
    "--rates", type=click.IntRange(0), help="In how many repeats rates are searched [0, or 5 with --full]."
)
@click.option(
    "--minutes", type=float, help="Begin nothing more after so long; the same command goes on from there."
)
@click.option(
    "--fresh", is_flag=True, help="Measure anew in place of what an earlier run left in the folder."
)
def run(
    names: tuple[str, ...],
    out: Path,
    *,
    full: bool,
    bundle: Path,
    notes: tuple[Path, ...],
    terms: Path | None,
    seed: int,
    minutes: float | None,
    repeats: int | None,
    rates: int | None,
    fresh: bool,
) -> None:
    """Measure ourselves and peers (all of them unless some are named) in turn, and print the comparison.

    Exits 1 when the generator could not keep up or a peer did not answer as we do, 3 when minutes were over before
    all was measured.
    """
    # So that what was started is ended when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = FULL if full else QUICK
    plan = replace(
        plan,
        repeats=plan.repeats if repeats is None else repeats,
        rate_repeats=plan.rate_repeats if rates is None else rates,
    )
    given: list[str] = [text for path in notes for text in notes_of(path)]
    texts = tuple(given or own_notes())
    model = load_bundle(bundle).label
    machine = environment()
    settings = {"full": full, "seed": seed, "notes": len(texts), "terms": terms is not None}
    holds_for = stated(machine, model, texts, terms, plan, full=full, seed=seed)
    try:
        kept = Kept(out / "peers.jsonl", holds_for, fresh=fresh)
    except OtherRunError as error:
        raise click.UsageError(str(error)) from error
    chosen = tuple(name for name in NAMES if not names or name in names or name == OURS)
    contenders = Contenders(bundle, terms, plan, seed)
    until = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    bar = Screen(Console(stderr=True))
    try:
        with bar.shown() as screen, screen.steps("peers", plan.repeats * len(chosen)) as step:
            done = run_loop(
                measure(
                    contenders,
                    kept,
                    texts,
                    plan,
                    names=chosen,
                    seed=seed,
                    until=until,
                    say=screen.say,
                    step=step,
                )
            )
    except OwnServerError as error:
        raise click.ClickException(str(error)) from error
    told = _told(kept, {"settings": settings, "model": model, "environment": machine}, plan)
    (out / "peers.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    console = _console()
    show_table(told["peers"], console)
    if told["failure"]:
        console.print(f"failed: {told['failure']}", highlight=False, markup=False)
    sys.exit(UNFINISHED if not done else bool(told["failure"]))


@peers.command()
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=Path("bench/peers.json")
)
def show(file: Path) -> None:
    """Show what a run wrote."""
    show_table(json.loads(file.read_text("utf-8"))["peers"], _console())


def show_table(rows: list[dict[str, Any]], console: Console) -> None:
    """Print a line for each peer and metric, and what was skipped with its reason."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "Peer",
        "Setting",
        "Metric",
        "Ours",
        "Theirs",
        "We are x times better",
        "Repeats",
        "Equal notes",
    ):
        table.add_column(heading, justify="left" if heading in {"Peer", "Setting", "Metric"} else "right")
    for row in rows:
        if row["ratio"] is None:
            continue
        interval = "" if row["interval"] is None else " [{:.2f}, {:.2f}]".format(*row["interval"])
        table.add_row(
            row["title"],
            row["setting"],
            f"{row['metric']}, {row['unit']}",
            number(_middle(row["ours"])),
            number(_middle(row["values"])),
            f"{row['ratio']:.2f}{interval}",
            str(len(row["values"])),
            str(row["compared"]) if row["outputs_equal"] else "",
        )
    console.print(table)
    show_left_out(rows, console)


def _told(kept: Kept, about: dict[str, Any], plan: Plan) -> dict[str, Any]:
    # A run of fewer repeats than an earlier one in the same folder tells those that it was asked for. That a peer
    # answered something else is told whenever it was.
    blocks = [block for block in kept.blocks if block.repeat < plan.repeats or block.equal is False]
    measured = measured_of(blocks, kept.choices, plan.repeats)
    return {
        "format": FORMAT,
        "scenario": SCENARIO.name,
        "about": SCENARIO.about,
        **about,
        "skipped_reason": None,
        "failure": failure_of(blocks),
        "seconds": None,
        **record(measured),
        "peers": measured.details["peers"],
    }


def _console() -> Console:
    """Return a console wide enough for the table, in a file too."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
