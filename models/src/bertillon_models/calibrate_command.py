"""The command that fits the confidence of codes and chooses the thresholds of a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from bertillon_models.confidence_fit import choose_threshold, fit
from bertillon_models.corpus import read_corpus
from bertillon_models.evaluation.local import SYSTEM, LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, DataError, Profile, read_notes
from bertillon_server.coding.vocabulary import CodingProfile

# Every third note of our own chooses the threshold, the others fit the weights.
_HELD_BACK = 3


def corpus_notes(folder: Path, coder: LocalCoder) -> list[CodedNote]:
    """Return all notes of the project's corpus with the codes of their encounters, in the order of the files."""
    table = coder.catalog.code_table(SYSTEM, coder.release)
    billable = frozenset(
        code for code, reportable in zip(table.codes, table.billable, strict=True) if reportable
    )
    return [note.coded() for path in sorted(folder.glob("*.txt")) for note in read_corpus(path, billable)]


def comparable(notes: Sequence[CodedNote], profile: Profile) -> list[CodedNote]:
    """Return the notes with their codes written as the profile compares them."""
    return [
        CodedNote(note.note_id, note.text, frozenset(map(profile.comparable, note.codes)), note.setting)
        for note in notes
    ]


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
        own = corpus_notes(corpus, coder)
        fitted = {
            CodingProfile.ALL_MENTIONS: (
                Profile.CODIESP,
                comparable(list(read_notes(train)), Profile.CODIESP),
                comparable(list(read_notes(dev)), Profile.CODIESP),
            ),
            CodingProfile.ENCOUNTER: (
                Profile.ENCOUNTER,
                [note for number, note in enumerate(own) if number % _HELD_BACK],
                [note for number, note in enumerate(own) if number % _HELD_BACK == 0],
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
