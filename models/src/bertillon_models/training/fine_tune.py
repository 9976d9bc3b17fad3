"""The command that trains on with a customer's own notes, on his own machine, to a bundle of his own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import torch
from rich.console import Console

from bertillon_models.build import BuildError
from bertillon_models.build_command import term_table
from bertillon_models.evaluation.note_sets import read_notes
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.recipe import (
    BUNDLE_STEPS,
    CACHE,
    SEED,
    Work,
    digest_of,
    fingerprints,
    make_bundle,
    place,
)
from bertillon_models.training.command import RELEASE, SYSTEM, beginning, read_bank, read_windows
from bertillon_models.training.network import ClinicalEncoder
from bertillon_models.training.own_notes import OwnWindows, mixed, read_own
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.stems import Stems
from bertillon_models.training.trainer import Settings, Trainer
from bertillon_models.weights import TOKENIZER_FILE, WEIGHTS_FILE, WeightsError, save_weights
from bertillon_server.bundle.loader import BundleError
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.terms import TermIndex
from bertillon_server.inference.tokenizer import Tokenizer

STEPS = 300
# A third of what training begins with: what was learned is to stay.
_TRUNK_RATE, _HEAD_RATE = 3e-5, 3e-4


@dataclass(frozen=True, slots=True)
class Sources:
    """What fine-tuning reads: own notes, the weights it begins from, and what keeps it from forgetting."""

    notes: Path
    weights: Path
    data: Path
    corpus: Path
    lexicon: Path


def tune(
    sources: Sources, folder: Path, *, steps: int, seed: int, device: str, rejects: Rejects, console: Console
) -> OwnWindows:
    """Train on from weights with own notes among the project's; write checkpoint, log and weights into a folder.

    Raises DataError when no note has a code that can be learned from.
    """
    own_notes = list(read_notes(sources.notes, rejects=rejects))
    tokenizer = Tokenizer.from_file(sources.weights / TOKENIZER_FILE)
    with Catalog.open() as catalog:
        table = catalog.code_table(SYSTEM, RELEASE)
        titles = {code: table.title(code) for code in table.codes}
        billable = frozenset(code for code, may in zip(table.codes, table.billable, strict=True) if may)
    stems = Stems(titles)
    procedures = Procedures.read(sources.lexicon)
    bank = read_bank(sources.data, sources.lexicon, titles, stems)
    terms = term_table(sources.data, sources.lexicon)
    index = TermIndex(terms.rows, tuple(terms.codes))
    own = read_own(own_notes, billable, index, tokenizer, stems, procedures)
    _tell(own, len(own_notes), rejects, console)
    if not own.windows:
        raise DataError(f"{sources.notes}: no note has a code that can be learned from")
    notes, lines = read_windows(sources.corpus, billable, tokenizer, stems, procedures)
    torch.manual_seed(seed)
    model = ClinicalEncoder.from_weights(beginning(sources.weights, tokenizer))
    settings = Settings(steps=steps, seed=seed, trunk_rate=_TRUNK_RATE, head_rate=_HEAD_RATE)
    sampler = Sampler(mixed(own.windows, notes), lines, bank, seed)
    trainer = Trainer(model, sampler, bank, tokenizer, settings, folder, torch.device(device))
    done = trainer.resume()
    if done:
        console.print(f"going on after step {done:,}")
    trainer.run(console)
    save_weights(model.to_weights(), sources.weights, folder / "weights")
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
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Own coded notes, JSON lines: note_id, text, codes, and may have evidence.",
)
@click.option(
    "--bundle-weights",
    "weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Weights to begin from: models/.cache/<version>/weights, which `make model` leaves. A bundle has none.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of the data sets; see models/README.md.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The bundle to write: <name>/<version>."
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="Folder of the run. Default: models/.cache/<name>-<version>.",
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("models/corpus"),
    show_default=True,
    help="Folder of the project's annotated notes, which are mixed in.",
)
@click.option(
    "--lexicon",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("models/lexicon"),
    show_default=True,
    help="Folder of the project's own terms.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=STEPS, show_default=True, help="Steps of training."
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Seed of everything that is drawn.")
@click.option(
    "--device", default="cpu", show_default=True, help="Where to train: cpu, or cuda where there is a GPU."
)
@click.option("--skip-bad-rows", is_flag=True, help="Leave out rows that cannot be used, and say which.")
@click.option("--force", is_flag=True, help="Replace a bundle at OUT although it is better.")
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
    sources = Sources(notes, weights, data, corpus, lexicon)
    try:
        given: dict[str, object] = {
            "steps": steps,
            "seed": seed,
            "notes": digest_of([notes]),
            "weights": digest_of([weights / WEIGHTS_FILE]),
            **fingerprints(data, corpus, lexicon),
        }
        folder = work or CACHE / f"{out.resolve().parent.name}-{out.name}"
        run = Work(folder, given, 1 + BUNDLE_STEPS)
        rejects = Rejects(skip_bad_rows)

        def training() -> None:
            tune(sources, folder, steps=steps, seed=seed, device=device, rejects=rejects, console=console)

        trained = folder / "weights"
        run.step("fine-tune", trained / WEIGHTS_FILE, training)
        ready = make_bundle(ctx, run, trained, data=data, corpus=corpus, lexicon=lexicon, out=out)
        place(ready, out, force=force)
    except (BuildError, BundleError, DataError, WeightsError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
