"""The command that trains on with a customer's own notes, on his own machine, to a bundle of his own."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from bertillon_models import options
from bertillon_models.build import BuildError
from bertillon_models.build_command import term_table
from bertillon_models.code_set import RELEASE
from bertillon_models.dequantise import weights_file
from bertillon_models.evaluation.note_sets import read_notes
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.recipe import (
    BUNDLE_STEPS,
    CACHE,
    Work,
    digest_of,
    fingerprints,
    make_bundle,
    place,
)
from bertillon_models.training.command import run_training
from bertillon_models.training.material import Folders, read_material
from bertillon_models.training.own_notes import OwnWindows, mixed, read_own
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.trainer import Settings
from bertillon_models.weights import WEIGHTS_FILE, WeightsError
from bertillon_server.bundle.loader import BundleError
from bertillon_server.coding.terms import TermIndex

# A third of what training begins with: what was learned is to stay.
_TRUNK_RATE, _HEAD_RATE = 3e-5, 3e-4


def tune(
    notes: Path,
    folders: Folders,
    folder: Path,
    *,
    steps: int,
    seed: int,
    device: str,
    rejects: Rejects,
    console: Console,
) -> OwnWindows:
    """Train on from weights with own notes among the project's; write checkpoint, log and weights into a folder.

    Raises DataError when no note has a code that can be learned from.
    """
    own_notes = list(read_notes(notes, rejects=rejects))
    material = read_material(folders)
    terms = term_table(folders.data, folders.lexicon)
    index = TermIndex(terms.rows, tuple(terms.codes))
    own = read_own(
        own_notes, material.codes.billable, index, material.tokenizer, material.stems, material.procedures
    )
    _tell(own, len(own_notes), rejects, console)
    if not own.windows:
        raise DataError(f"{notes}: no note has a code that can be learned from")
    settings = Settings(steps=steps, seed=seed, trunk_rate=_TRUNK_RATE, head_rate=_HEAD_RATE)
    sampler = Sampler(mixed(own.windows, material.notes), material.lines, material.bank, seed)
    run_training(material, sampler, settings, folders.weights, folder, device, console)
    return own


def _tell(own: OwnWindows, notes: int, rejects: Rejects, console: Console) -> None:
    for reason in rejects.reasons:
        click.echo(f"skipped {reason}", err=True)
    for code, count in sorted(own.unbillable.items()):
        console.print(f"{code} is not billable in {RELEASE}: not trained on, in {count:,} notes")
    console.print(
        f"{notes:,} notes: {own.marked:,} mentions marked, {own.aligned:,} found by their terms, "
        f"{own.unplaced:,} codes found nowhere"
    )


@click.command("fine-tune")
@click.option(
    "--notes",
    type=options.FILE,
    required=True,
    help="Own coded notes, JSON lines: note_id, text, codes, and may have evidence.",
)
@click.option(
    "--weights",
    type=options.FOLDER,
    default=Path("models/current"),
    show_default=True,
    help="What to begin from: a bundle, or the folder of weights that `make model` leaves.",
)
@options.data
@options.new_bundle
@click.option("--work", type=options.NEW, help="Folder of the run. Default: models/.cache/<name>-<version>.")
@options.corpus
@options.lexicon
@options.fine_tune_steps
@options.seed
@options.device
@click.option("--skip-bad-rows", is_flag=True, help="Leave out rows that cannot be used, and say which.")
@options.force_better
@click.pass_context
def fine_tune(
    ctx: click.Context,
    *,
    notes: Path,
    weights: Path,
    data: Path,
    out: Path,
    work: Path | None,
    corpus: Path,
    lexicon: Path,
    steps: int,
    seed: int,
    device: str,
    skip_bad_rows: bool,
    force: bool,
) -> None:
    """Train on with your own notes and make a bundle of your own; nothing leaves this machine.

    A bundle at OUT that evaluates better is not replaced without --force.
    """
    console = Console(stderr=True)
    folders = Folders(weights, data, corpus, lexicon)
    try:
        given: dict[str, object] = {
            "steps": steps,
            "seed": seed,
            "notes": digest_of([notes]),
            "weights": digest_of([weights_file(weights)]),
            **fingerprints(data, corpus, lexicon),
        }
        folder = work or CACHE / f"{out.resolve().parent.name}-{out.name}"
        run = Work(folder, given, 1 + BUNDLE_STEPS)
        rejects = Rejects(skip_bad_rows)

        def training() -> None:
            tune(
                notes,
                folders,
                folder,
                steps=steps,
                seed=seed,
                device=device,
                rejects=rejects,
                console=console,
            )

        trained = folder / "weights"
        run.step("fine-tune", trained / WEIGHTS_FILE, training)
        ready = make_bundle(ctx, run, trained, data=data, corpus=corpus, lexicon=lexicon, out=out)
        place(ready, out, force=force)
    except (BuildError, BundleError, DataError, WeightsError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
