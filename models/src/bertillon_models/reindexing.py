"""Gives a bundle another first pass of searches: its vectors and the rest of it stay as they are."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from bertillon_models import options
from bertillon_models.build import BuildError
from bertillon_models.corpus import corpus_lines
from bertillon_models.recalibration import rewritten
from bertillon_models.vectors import note_queries, write_search
from bertillon_server.bundle.loader import BundleError, load_bundle
from bertillon_server.bundle.manifest import (
    ENCODER_FILE,
    SCALES_FILE,
    TOKENIZER_FILE,
    VECTORS_FILE,
    Manifest,
)
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.tokenizer import Tokenizer


def reindexed(bundle: Path, corpus: Path, out: Path, *, force: bool = False) -> Manifest:
    """Write a bundle that is another one but for graph and axes of searches, name and version.

    Raises BundleError when the bundle does not open, BuildError when `out` exists and `force` is not given.
    """
    opened = load_bundle(bundle)
    rows = np.load(opened.path(VECTORS_FILE), allow_pickle=False)
    scales = np.load(opened.path(SCALES_FILE), allow_pickle=False)
    queries = note_queries(
        corpus_lines(corpus),
        Encoder(opened.path(ENCODER_FILE)),
        Tokenizer.from_file(opened.path(TOKENIZER_FILE)),
        dimensions=rows.shape[1],
    )
    vectors = rows.astype(np.float32) * scales[:, None]

    def index(folder: Path) -> None:
        write_search(vectors, folder, queries)

    return rewritten(opened, index, opened.manifest.sources, out, force=force)


@click.command("reindex")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The bundle whose search is to be made anew.",
)
@options.corpus
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write: <name>/<version>."
)
@options.force
def reindex(bundle: Path, corpus: Path, out: Path, *, force: bool) -> None:
    """Write a bundle again with another first pass of searches; takes seconds, where building takes minutes."""
    try:
        reindexed(bundle, corpus, out, force=force)
    except (BuildError, BundleError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
