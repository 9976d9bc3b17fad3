"""The command that fits the confidence of codes and chooses the thresholds of a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bertillon_models.confidence_fit import choose_threshold, fit
from bertillon_models.corpus import corpus_notes, fitting_part
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import DataError, Profile, comparable, read_notes
from bertillon_server.coding.vocabulary import CodingProfile


@click.command("calibrate")
@click.option("--bundle", type=click.Path(path_type=Path, exists=True), required=True)
@click.option(
    "--train", type=click.Path(path_type=Path, exists=True), required=True, help="CodiEsp train, JSON lines."
)
@click.option(
    "--dev", type=click.Path(path_type=Path, exists=True), required=True, help="CodiEsp dev, JSON lines."
)
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), default=Path("models/corpus"))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write calibration.json."
)
def calibrate_command(bundle: Path, train: Path, dev: Path, corpus: Path, out: Path) -> None:
    """Fit confidence and thresholds: mention profile on CodiEsp, encounter profile on our own notes."""
    try:
        coder = LocalCoder(bundle)
        own = corpus_notes(corpus, coder.billable)
        fitting = fitting_part(own)
        fitted = {
            CodingProfile.ALL_MENTIONS: (
                Profile.CODIESP,
                comparable(list(read_notes(train)), Profile.CODIESP),
                comparable(list(read_notes(dev)), Profile.CODIESP),
            ),
            CodingProfile.ENCOUNTER: (
                Profile.ENCOUNTER,
                fitting,
                [note for note in own if note not in fitting],
            ),
        }
        stored = {}
        for coding, (profile, weights_notes, threshold_notes) in fitted.items():
            model = choose_threshold(coder, threshold_notes, profile, fit(coder, weights_notes, profile))
            stored[coding.name] = {"weights": dict(model.weights), "threshold": model.threshold}
            click.echo(f"{coding.name}: threshold {model.threshold}, {len(model.weights)} weights", err=True)
    except DataError as error:
        raise click.ClickException(str(error)) from None
    out.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")
