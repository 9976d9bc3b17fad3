"""The command that trains the clinical encoder from data files to a folder of weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import torch
from rich.console import Console

from bertillon_models.corpus import read_corpus
from bertillon_models.evaluation.rows import DataError
from bertillon_models.mention_lines import read_mention_lines
from bertillon_models.splits import Split, code_is_held_out, fragment_split, note_split
from bertillon_models.terms import read_lexicon, read_terminology
from bertillon_models.training.examples import (
    LearnedWindow,
    TermBank,
    term_bank,
    window_of_line,
    windows_of_note,
)
from bertillon_models.training.network import ClinicalEncoder
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.section_rows import with_named_sections
from bertillon_models.training.stems import Stems
from bertillon_models.training.trainer import Settings, Trainer
from bertillon_models.weights import (
    TOKENIZER_FILE,
    EncoderWeights,
    WeightsError,
    find_general_weights,
    load_weights,
    save_weights,
)
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.tokenizer import Tokenizer

STEPS, SEED = 2400, 1893
SYSTEM, RELEASE = "icd-10-cm", "2026-04-01"
# A fragment may stand in any of these; the kinds take turns.
LINE_KINDS = (
    SectionKind.ASSESSMENT_AND_PLAN,
    SectionKind.ASSESSMENT,
    SectionKind.HISTORY_OF_PRESENT_ILLNESS,
    SectionKind.UNSPECIFIED,
    SectionKind.PAST_MEDICAL_HISTORY,
    SectionKind.DIAGNOSES,
)


@click.command("train")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of the data sets, with icd10cm/terms.tsv.",
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("models/corpus"),
    show_default=True,
    help="Folder of annotated notes, with mentions/ below it.",
)
@click.option(
    "--lexicon",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("models/lexicon"),
    show_default=True,
    help="Folder of the project's own terms.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the weights to begin from. Default: the installed general weights.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for checkpoint, log and, at the end, weights. A run that was interrupted goes on from it.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=STEPS,
    show_default=True,
    help="Steps of training; one takes about 1.2 s on two cores.",
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Seed of everything that is drawn.")
@click.option(
    "--device", default="cpu", show_default=True, help="Where to train: cpu, or cuda where there is a GPU."
)
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
        source = weights or find_general_weights()
        tokenizer = Tokenizer.from_file(source / TOKENIZER_FILE)
        with Catalog.open() as catalog:
            table = catalog.code_table(SYSTEM, RELEASE)
        titles = {code: table.title(code) for code in table.codes}
        billable = frozenset(
            code for code, is_billable in zip(table.codes, table.billable, strict=True) if is_billable
        )
        stems = Stems(titles)
        bank = read_bank(data, lexicon, titles, stems)
        notes, lines = read_windows(corpus, billable, tokenizer, stems, Procedures.read(lexicon))
        console.print(f"{len(notes):,} windows of notes, {len(lines):,} fragments, {len(bank.texts):,} terms")
        torch.manual_seed(seed)
        model = ClinicalEncoder.from_weights(beginning(source, tokenizer))
        settings = Settings(steps=steps, seed=seed)
        trainer = Trainer(
            model, Sampler(notes, lines, bank, seed), bank, tokenizer, settings, out, torch.device(device)
        )
        done = trainer.resume()
        if done:
            console.print(f"going on after step {done:,}")
        trainer.run(console)
        save_weights(model.to_weights(), source, out / "weights")
    except (DataError, WeightsError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def beginning(folder: Path, tokenizer: Tokenizer) -> EncoderWeights:
    """Return the weights that training begins from: of general ones, the tokens of sections are given a meaning."""
    weights = load_weights(folder)
    return with_named_sections(weights, tokenizer) if weights.heads is None else weights


def read_bank(data: Path, lexicon: Path, titles: dict[str, str], stems: Stems) -> TermBank:
    """Return the terms that concepts are learned from: the terminology and the project's lexicon."""
    terms = [*read_terminology(data / "icd10cm/terms.tsv"), *read_lexicon(lexicon)]
    return term_bank(
        ((term.text, term.code) for term in terms if term.code in titles and term.code[0] not in "VWXY"),
        stems,
    )


def read_windows(
    corpus: Path, billable: frozenset[str], tokenizer: Tokenizer, stems: Stems, procedures: Procedures
) -> tuple[list[LearnedWindow], list[LearnedWindow]]:
    """Return the windows of the notes and of the fragments that are trained on."""
    notes = [
        _without_held_out(window)
        for path in sorted(corpus.glob("*.txt"))
        for note in read_corpus(path, billable)
        if note_split(note.fields["note"], note.fields["specialty"]) is Split.TRAIN
        for window in windows_of_note(note, tokenizer, stems, procedures)
    ]
    lines: list[LearnedWindow] = []
    for path in sorted((corpus / "mentions").glob("*.txt")):
        for line in read_mention_lines(path, billable):
            if fragment_split(line.text, [code for _, code in line.mentions]) is Split.TRAIN:
                kind = LINE_KINDS[len(lines) % len(LINE_KINDS)]
                window = window_of_line(line, kind, tokenizer, stems, procedures)
                if window is not None:
                    lines.append(window)
    return notes, lines


def _without_held_out(window: LearnedWindow) -> LearnedWindow:
    kept = tuple(mention for mention in window.mentions if not code_is_held_out(mention.code))
    return replace(window, mentions=kept)
