"""Concept vectors: one per concept text, by the encoder that is served, in the form that is searched.

The search graph is written here and its vectors stay in a file of their own: the server maps that file and
hands it to the session, and so needs no `onnx` package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bertillon_models.graph import MICROSOFT, GraphWriter
from bertillon_server.bundle.manifest import SCALES_FILE, SEARCH_AXES_FILE, SEARCH_FILE, VECTORS_FILE
from bertillon_server.coding.heads import pooled
from bertillon_server.inference import vectors as served
from bertillon_server.inference.tokenizer import Ids, Tokenizer

# Most tokens of a concept text: the longest official titles have about 90.
MAX_TOKENS = 128
# Tokens a call; throughput is flat from about 256 to 512 and falls above 1,000.
TOKENS_PER_CALL = 512


class TextEncoder(Protocol):
    """What reads batches of equally long token rows."""

    def encode(self, ids: Ids) -> NDArray[np.float16]:
        """Return [batch, tokens, width] for [batch, tokens]."""


def equal_length_batches(ids: Sequence[Ids]) -> Iterator[tuple[NDArray[np.intp], Ids]]:
    """Yield batches of texts with as many tokens: their places in the sequence, and their ids as one array."""
    lengths = np.array([len(row) for row in ids], np.intp)
    order = np.argsort(lengths, kind="stable")
    for length in np.unique(lengths):
        places = order[lengths[order] == length]
        size = max(1, TOKENS_PER_CALL // int(length))
        for start in range(0, len(places), size):
            chosen = places[start : start + size]
            yield chosen, np.stack([ids[place] for place in chosen])


def build_vectors(
    texts: Sequence[str],
    encoder: TextEncoder,
    tokenizer: Tokenizer,
    *,
    dimensions: int,
    show_progress: bool = True,
) -> NDArray[np.float32]:
    """Return the texts' vectors, [texts, dimensions], each of length 1; equal texts get equal vectors.

    A vector is the mean of the hidden states of a text's tokens, special ones left out, as it is of a mention.
    """
    unique, inverse = np.unique(np.array(texts, object), return_inverse=True)
    ids = tokenizer.encode(list(unique), max_tokens=MAX_TOKENS)
    if not ids:
        raise ValueError("no texts to encode")
    vectors = np.zeros((len(unique), dimensions), np.float32)
    with _progress(show=show_progress) as progress:
        task = progress.add_task("encoding", total=len(unique))
        for places, batch in equal_length_batches(ids):
            if batch.shape[1] > 2:
                for place, rows in zip(places, encoder.encode(batch), strict=True):
                    vectors[place] = pooled(rows[1:-1, :dimensions].astype(np.float32))
            progress.advance(task, len(places))
    return vectors[inverse]


def write_vectors(vectors: NDArray[np.float32], folder: Path) -> tuple[Path, ...]:
    """Write the vectors as int8 with a scale per row, and what searches them; return the files.

    They are vectors, scales, graph, and the axes of the first pass of a search.
    """
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    rows = np.rint(vectors / largest * served.INT8_LIMIT).astype(np.int8)
    # Not the step they were rounded to, but what makes a row's length 1: products are then cosines.
    scales = 1 / np.linalg.norm(rows.astype(np.float32), axis=1)
    axes = principal_axes(vectors, served.SHORT)
    np.save(folder / VECTORS_FILE, rows, allow_pickle=False)
    np.save(folder / SCALES_FILE, scales.astype(np.float32), allow_pickle=False)
    np.save(folder / SEARCH_AXES_FILE, axes, allow_pickle=False)
    onnx.save_model(search_graph(len(rows), axes.shape[1]), folder / SEARCH_FILE)
    return tuple(folder / name for name in (VECTORS_FILE, SCALES_FILE, SEARCH_FILE, SEARCH_AXES_FILE))


def principal_axes(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the axes [dimensions, count], at most all, that keep most of the products of vectors."""
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    return np.ascontiguousarray(axes[:, ::-1][:, :count], np.float32)


def search_graph(rows: int, dimensions: int) -> onnx.ModelProto:
    """Return the graph that scores int8 queries against int8 vectors.

    The dot products are whole numbers and exact, so a query's scores cannot depend on what it is batched with.
    """
    graph = GraphWriter()
    one = graph.constant("one", np.array(1, np.float32))
    centre = graph.constant("query_zero", np.array(served.QUERY_ZERO, np.uint8))
    zeros = graph.constant("row_zeros", np.zeros(rows, np.int8))
    graph.operator(
        "QGemm",
        [served.QUERIES, one, centre, served.VECTORS, served.SCALES, zeros],
        served.SCORES,
        domain=MICROSOFT,
        transB=1,
    )
    graph.output(served.SCORES, ["queries", rows], onnx.TensorProto.FLOAT)
    graph.external(served.VECTORS, onnx.TensorProto.INT8, (rows, dimensions))
    graph.external(served.SCALES, onnx.TensorProto.FLOAT, (rows,))
    inputs = [helper.make_tensor_value_info(served.QUERIES, onnx.TensorProto.UINT8, ["queries", dimensions])]
    return graph.model(inputs, "search")


def _progress(*, show: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=not show,
    )
