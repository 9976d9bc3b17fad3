"""The command that trains the clinical encoder from data files to a folder of weights."""

from __future__ import annotations

from pathlib import Path

import click
import torch
from rich.console import Console

from bertillon_models import options
from bertillon_models.evaluation.rows import DataError
from bertillon_models.training.material import Folders, Material, read_material
from bertillon_models.training.network import ClinicalEncoder
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.trainer import Settings, Trainer
from bertillon_models.weights import WeightsError, find_general_weights, save_weights


@click.command("train")
@options.data
@options.corpus
@options.lexicon
@options.weights
@click.option(
    "--out",
    type=options.NEW,
    required=True,
    help="Folder for checkpoint, log and, at the end, weights. A run that was interrupted goes on from it.",
)
@options.steps
@options.seed
@options.device
def train(
    *,
    data: Path,
    corpus: Path,
    lexicon: Path,
    weights: Path | None,
    out: Path,
    steps: int,
    seed: int,
    device: str,
) -> None:
    """Train the encoder and its heads; resumes from the checkpoint in OUT."""
    console = Console(stderr=True)
    try:
        folders = Folders(weights or find_general_weights(), data, corpus, lexicon)
        material = read_material(folders)
        console.print(
            f"{len(material.notes):,} windows of notes, {len(material.lines):,} fragments, "
            f"{len(material.bank.texts):,} terms"
        )
        sampler = Sampler(material.notes, material.lines, material.bank, seed)
        run_training(
            material, sampler, Settings(steps=steps, seed=seed), folders.weights, out, device, console
        )
    except (DataError, WeightsError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def run_training(
    material: Material,
    sampler: Sampler,
    settings: Settings,
    began: Path,
    folder: Path,
    device: str,
    console: Console,
) -> None:
    """Train, from the checkpoint in a folder where there is one, and write the weights there.

    `began` is the folder of the weights that training began from, whose configuration and tokenizer are kept.
    """
    torch.manual_seed(settings.seed)
    model = ClinicalEncoder.from_weights(material.weights)
    trainer = Trainer(
        model, sampler, material.bank, material.tokenizer, settings, folder, torch.device(device)
    )
    done = trainer.resume()
    if done:
        console.print(f"going on after step {done:,}")
    trainer.run(console)
    save_weights(model.to_weights(), began, folder / "weights")
