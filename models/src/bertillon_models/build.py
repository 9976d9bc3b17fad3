"""Makes a bundle, step by step; each step writes its files into the folder of the bundle being built."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx

from bertillon_models import quantise, quantise_linear, rounding
from bertillon_models.graph import FloatScheme, encoder_graph
from bertillon_models.weights import TOKENIZER_FILE as PUBLISHED_TOKENIZER
from bertillon_models.weights import WEIGHTS_FILE, EncoderWeights, fingerprint
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import (
    ENCODER_FILE,
    MANIFEST_FILE,
    SCHEMA_VERSION,
    TOKENIZER_FILE,
    Canary,
    CodeSet,
    FileEntry,
    Manifest,
    SourceEntry,
    Value,
)
from bertillon_server.inference.tokenizer import Ids, Tokenizer

# Bundles live in the repository: what a checkout can bear.
FILE_LIMIT_BYTES = 40_000_000
WEIGHTS_USE = "encoder weights and tokenizer"
BUNDLE_LIMIT_BYTES = 64_000_000


class BuildError(Exception):
    """The bundle cannot be built; the message is one sentence for the person who ran the command."""


@dataclass(frozen=True, slots=True)
class BundleDescription:
    """What a manifest says that cannot be read off the files."""

    name: str
    version: str
    licence: str
    sources: tuple[SourceEntry, ...]
    code_sets: tuple[CodeSet, ...]
    canary: Canary
    recipe: Mapping[str, Value]
    metrics: Mapping[str, Value]


@contextmanager
def new_bundle(out: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a folder to build in, which takes the name `out` in one step if the block ends well.

    Raises `BuildError` when `out` exists and `force` is not given.
    """
    if out.exists() and not force:
        raise BuildError(f"{out} exists already; give --force to replace it")
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside its destination, so that both are on one file system.
    workshop = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        folder = workshop / "new"
        folder.mkdir()
        yield folder
        if out.exists():
            out.rename(workshop / "old")
        folder.rename(out)
    finally:
        shutil.rmtree(workshop)


def export_encoder(weights: EncoderWeights, file: Path) -> Path:
    """Write the encoder in fp32: the reference that int8 is compared with; no part of a bundle."""
    onnx.save_model(encoder_graph(weights, FloatScheme()), file)
    return file


def quantise_encoder(weights: EncoderWeights, calibration: Sequence[Ids], folder: Path) -> dict[str, Value]:
    """Write the encoder in int8; return the recipe, with the worst relative error of a linear map."""
    observed = quantise.observe(weights, calibration)
    folded, linears = quantise.quantise(weights, observed)
    onnx.save_model(encoder_graph(folded, quantise.Int8Scheme(linears)), folder / ENCODER_FILE)
    return {
        "weights": "int8, symmetric, per output channel, rounded in turn (GPTQ)",
        "activations": "uint8, static scale per tensor, SmoothQuant, outliers after GELU in fp32",
        "smoothing_alphas": ", ".join(str(alpha) for alpha in quantise_linear.ALPHAS),
        "rounding_damping": rounding.DAMPING,
        "calibration_texts": len(calibration),
        "calibration_tokens": sum(len(row) for row in calibration),
        "worst_relative_error": max(linear.relative_error for linear in linears.values()),
    }


def copy_tokenizer(weights_folder: Path, folder: Path) -> Tokenizer:
    """Copy the tokenizer that was published with the weights; return it opened."""
    shutil.copyfile(weights_folder / PUBLISHED_TOKENIZER, folder / TOKENIZER_FILE)
    return Tokenizer.from_file(folder / TOKENIZER_FILE)


def weights_source(
    weights_folder: Path, *, name: str, version: str, licence: str, origin: str
) -> SourceEntry:
    """Return the manifest's entry for the weights, by the sha256 of their file."""
    return SourceEntry(
        name=name,
        version=version,
        licence=licence,
        origin=origin,
        used_for=WEIGHTS_USE,
        sha256=fingerprint(weights_folder / WEIGHTS_FILE),
    )


def write_manifest(folder: Path, description: BundleDescription) -> Manifest:
    """Describe all files in the folder, check their sizes, write the manifest and prove the bundle with it."""
    files = tuple(
        FileEntry(
            path=file.relative_to(folder).as_posix(), sha256=fingerprint(file), size=file.stat().st_size
        )
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST_FILE
    )
    _check_sizes(files)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=description.name,
        version=description.version,
        licence=description.licence,
        files=files,
        sources=description.sources,
        code_sets=description.code_sets,
        canary=description.canary,
        recipe=description.recipe,
        metrics=description.metrics,
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    return load_bundle(folder).manifest


def _check_sizes(files: Sequence[FileEntry]) -> None:
    for file in files:
        if file.size > FILE_LIMIT_BYTES:
            raise BuildError(f"{file.path} has {file.size} bytes; the limit is {FILE_LIMIT_BYTES}")
    total = sum(file.size for file in files)
    if total > BUNDLE_LIMIT_BYTES:
        raise BuildError(f"the bundle has {total} bytes; the limit is {BUNDLE_LIMIT_BYTES}")
