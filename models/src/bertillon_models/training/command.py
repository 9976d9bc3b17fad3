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
from bertillon_models.training.rates import usual_rate
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.student import Teacher, with_fewer_layers
from bertillon_models.training.trainer import Settings, Trainer
from bertillon_models.weights import WeightsError, find_general_weights, save_weights


@click.command("train")
@options.data
@options.corpus
@options.lexicon
@options.weights
@options.layers
@click.option(
    "--out",
    type=options.NEW,
    required=True,
    help="Folder for checkpoint, log and, at the end, weights. A run that was interrupted goes on from it.",
)
@options.steps
@options.seed
@options.batch
@options.rate
@options.device
def train(
    *,
    data: Path,
    corpus: Path,
    lexicon: Path,
    weights: Path | None,
    layers: int | None,
    out: Path,
    steps: int,
    seed: int,
    batch: int,
    rate: float | None,
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
        sampler = Sampler(material.notes, material.lines, material.bank, seed, batch)
        settings = Settings(
            steps=steps, seed=seed, trunk_rate=rate or usual_rate(layers), layers=layers, batch=batch
        )
        run_training(material, sampler, settings, folders.weights, out, device, console)
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

    `began` is the folder of the weights that training began from, whose tokenizer is kept.
    """
    torch.manual_seed(settings.seed)
    on, weights, teacher = torch.device(device), material.weights, None
    if settings.layers is not None:
        if weights.heads is None:
            raise WeightsError(f"{began} has no heads and cannot teach: name trained weights or a bundle")
        weights, teacher = with_fewer_layers(weights, settings.layers), Teacher(weights, on)
    model = ClinicalEncoder.from_weights(weights)
    trainer = Trainer(model, sampler, material.bank, material.tokenizer, settings, folder, on, teacher)
    done = trainer.resume()
    if done:
        console.print(f"going on after step {done:,}")
    trainer.run(console)
    save_weights(model.to_weights(), began, folder / "weights")
