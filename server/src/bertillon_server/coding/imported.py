"""Imported code systems as they are searched by meaning: a release's concept vectors, made by the bundle's encoder.

Vectors compare with the queries of the encoder that made them and with no other's. So each set records which encoder
that was, and is left alone under another one: its system is then searched by words alone until it is encoded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertillon_server.bundle.loader import Bundle
from bertillon_server.bundle.manifest import ENCODER_FILE, TOKENIZER_FILE, VECTORS_FILE
from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.listing import ListedEntry
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.heads import pooled
from bertillon_server.inference.concepts import concept_vectors, rounded
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.flat_vectors import FlatVectors
from bertillon_server.inference.tokenizer import Ids, Tokenizer

RECORD_FILE = "vectors.json"
_VECTORS, _SCALES, _POSITIONS = "vectors.npy", "vector_scales.npy", "positions.npy"
_FILES = (_VECTORS, _SCALES, _POSITIONS)
# Concept vectors that are looked at for one hit of a search: several are names of one code.
_NEIGHBOURS_PER_HIT = 4
# Hard cap of a query, in tokens: a line of text.
_MAX_QUERY_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how encoding goes: of how many texts when it begins, and how many more are done."""

    begun: Callable[[int], None]
    advance: Callable[[int], None]


def encoder_id(bundle: Bundle) -> str:
    """Return what tells encoders apart: a digest of the encoder and its tokenizer."""
    hashes = {entry.path: entry.sha256 for entry in bundle.manifest.files}
    return hashlib.sha256(f"{hashes[ENCODER_FILE]} {hashes[TOKENIZER_FILE]}".encode()).hexdigest()


def write_concepts(
    folder: Path,
    entries: Sequence[tuple[int, Sequence[str]]],
    bundle: Bundle,
    workers: int,
    progress: Progress,
) -> int:
    """Encode the names of codes (position, names), write their vectors into a folder, and return their number."""
    positions = [position for position, names in entries for _ in names]
    names = [name for _, names in entries for name in names]
    dimensions = int(np.load(bundle.path(VECTORS_FILE), mmap_mode="r", allow_pickle=False).shape[1])
    vectors = concept_vectors(
        names,
        Encoder(bundle.path(ENCODER_FILE)),
        Tokenizer.from_file(bundle.path(TOKENIZER_FILE)),
        dimensions=dimensions,
        pool=pooled,
        workers=workers,
        begun=progress.begun,
        advance=progress.advance,
    )
    rows, scales = rounded(vectors)
    arrays: dict[str, NDArray[Any]] = {
        _VECTORS: rows,
        _SCALES: scales,
        _POSITIONS: np.array(positions, np.int32),
    }
    try:
        for name, array in arrays.items():
            np.save(folder / name, array, allow_pickle=False)
        record = {"encoder": encoder_id(bundle), "files": {name: _digest(folder / name) for name in _FILES}}
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"the vectors cannot be written: {error.strerror}") from None
    return len(names)


def names_of(entries: Sequence[ListedEntry]) -> list[tuple[int, list[str]]]:
    """Return position and names of each code that may be reported: its title, and its terms."""
    return [
        (position, [entry.title, *(note.text for note in entry.notes)])
        for position, entry in enumerate(entries)
        if entry.billable
    ]


class ImportedConcepts:
    """The concept vectors of one imported release. Safe to share between threads."""

    def __init__(
        self, table: CodeTable, vectors: FlatVectors, positions: NDArray[np.int32], tokenizer: Tokenizer
    ) -> None:
        self._table = table
        self._vectors = vectors
        self._positions = positions
        self._tokenizer = tokenizer

    def tokenize(self, text: str) -> list[Ids]:
        """Return a short text as one window."""
        return self._tokenizer.encode([text], max_tokens=_MAX_QUERY_TOKENS)

    def nearest(self, encoded: NDArray[np.floating], limit: int) -> list[tuple[str, str, float]]:
        """Return the codes nearest to an encoded query [tokens, width] as (code, title, cosine), best first."""
        query = pooled(encoded[1:-1, : self._vectors.dimensions].astype(np.float32))
        table, best = self._table, self.similar(query, limit)
        return [(table.codes[at], table.titles[at], cosine) for at, cosine in best.items()]

    def similar(self, vector: NDArray[np.float32], limit: int) -> dict[int, float]:
        """Return the positions of the codes nearest to a vector of length 1 with their cosines, best first."""
        rows, cosines = self._vectors.nearest(vector, _NEIGHBOURS_PER_HIT * limit)
        best: dict[int, float] = {}
        for position, cosine in zip(self._positions[rows].tolist(), cosines.tolist(), strict=True):
            best.setdefault(position, cosine)
        return dict(list(best.items())[:limit])


def made_by(folder: Path) -> str | None:
    """Return which encoder made the vectors of an imported release, None where it has none."""
    record = _record(folder)
    return None if record is None else record.encoder


def load_concepts(
    folder: Path, table: CodeTable, bundle: Bundle, tokenizer: Tokenizer
) -> ImportedConcepts | None:
    """Open the vectors of an imported release; None where there are none, or another encoder made them."""
    record = _record(folder)
    if record is None or record.encoder != encoder_id(bundle):
        return None
    try:
        for name in _FILES:
            if _digest(folder / name) != record.files[name]:
                raise CatalogError(f"{folder / name} is damaged; import the release again")
        vectors = np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False)
        scales = np.load(folder / _SCALES, allow_pickle=False)
        positions = np.load(folder / _POSITIONS, allow_pickle=False)
    except (OSError, ValueError, KeyError) as error:
        raise CatalogError(f"the vectors in {folder} cannot be read ({type(error).__name__})") from None
    if len(positions) != len(vectors) or int(positions.max(initial=-1)) >= len(table):
        raise CatalogError(f"the vectors in {folder} do not belong to its codes")
    return ImportedConcepts(table, FlatVectors(vectors, scales), positions, tokenizer)


@dataclass(frozen=True, slots=True)
class _Record:
    """What is recorded of vectors: which encoder made them, and the sha256 of each file."""

    encoder: str
    files: dict[str, str]


def _record(folder: Path) -> _Record | None:
    file = folder / RECORD_FILE
    if not file.is_file():
        return None
    try:
        document = json.loads(file.read_text("utf-8"))
        return _Record(str(document["encoder"]), {name: str(document["files"][name]) for name in _FILES})
    except (OSError, ValueError, TypeError, KeyError):
        raise CatalogError(f"{file} is damaged; import the release again") from None


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
