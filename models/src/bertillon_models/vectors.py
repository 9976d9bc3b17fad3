"""Concept vectors: one per concept text, by the encoder that is served, in the form that is searched.

The search graph is written here and its vectors stay in a file of their own: the server maps that file and
hands it to the session, and so needs no `onnx` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bertillon_models.graph import GraphWriter
from bertillon_server.bundle.manifest import SCALES_FILE, SEARCH_AXES_FILE, SEARCH_FILE, VECTORS_FILE
from bertillon_server.coding.heads import pooled
from bertillon_server.inference import vectors as served
from bertillon_server.inference.concepts import (
    MAX_TOKENS,
    TextEncoder,
    concept_vectors,
    equal_length_batches,
    rounded,
)
from bertillon_server.inference.tokenizer import Tokenizer

# Tokens of a run of words that stands for a mention.
_RUN = 3


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
    with _progress(show=show_progress) as progress:
        task = progress.add_task("encoding", total=None)
        return concept_vectors(
            texts,
            encoder,
            tokenizer,
            dimensions=dimensions,
            pool=pooled,
            begun=lambda total: progress.update(task, total=total),
            advance=lambda done: progress.advance(task, done),
        )


def write_vectors(
    vectors: NDArray[np.float32], folder: Path, queries: NDArray[np.float32] | None = None
) -> tuple[Path, ...]:
    """Write the vectors as int8 with a scale per row, and what searches them; return the files.

    They are vectors, scales, graph, and the axes of the first pass of a search. `queries` are vectors like those
    that will be searched for; without them, queries are taken to be like the vectors.
    """
    rows, scales = rounded(vectors)
    np.save(folder / VECTORS_FILE, rows, allow_pickle=False)
    np.save(folder / SCALES_FILE, scales, allow_pickle=False)
    files = write_search(vectors, folder, vectors if queries is None else queries)
    return (folder / VECTORS_FILE, folder / SCALES_FILE, *files)


def write_search(
    vectors: NDArray[np.float32], folder: Path, queries: NDArray[np.float32]
) -> tuple[Path, ...]:
    """Write the graph and the axes of the first pass of a search; return the files."""
    axes = search_axes(vectors, queries, served.SHORT)
    np.save(folder / SEARCH_AXES_FILE, axes, allow_pickle=False)
    onnx.save_model(search_graph(len(vectors), axes.shape[1]), folder / SEARCH_FILE)
    return (folder / SEARCH_FILE, folder / SEARCH_AXES_FILE)


def search_axes(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """Return axes [dimensions, count], at most all, that keep most of the products of vectors and queries.

    They are the principal axes of both together, turned at random: values along them are alike in size.
    """
    both = sum(part.T.astype(np.float64) @ part / len(part) for part in (vectors, queries))
    _, axes = np.linalg.eigh(both)
    axes = axes[:, ::-1][:, :count]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(axes.shape[1], axes.shape[1])))
    return np.ascontiguousarray(axes @ turn, np.float32)


def note_queries(
    texts: Sequence[str], encoder: TextEncoder, tokenizer: Tokenizer, *, dimensions: int
) -> NDArray[np.float32]:
    """Return vectors [n, dimensions] such as notes are searched with: of words as they stand in lines of notes.

    Words in a sentence differ from the same words alone, in directions that concept vectors hardly have. Which words
    name something does not matter here: runs of as many tokens as a short mention has stand for all.

    Raises ValueError where there are none.
    """
    found = []
    for _, rows in equal_length_batches(tokenizer.encode(list(texts), max_tokens=MAX_TOKENS)):
        for hidden in encoder.encode(rows):
            tokens = hidden[1:-1, :dimensions].astype(np.float32)
            found += [
                pooled(tokens[start : start + _RUN]) for start in range(0, len(tokens) - _RUN + 1, _RUN)
            ]
    if not found:
        raise ValueError("there is no text to take queries from; --corpus names a folder of notes")
    return np.stack(found)


def search_graph(rows: int, dimensions: int) -> onnx.ModelProto:
    """Return the graph that scores int8 queries against int8 vectors.

    The dot products are whole numbers and exact, so a query's scores cannot depend on what it is batched with. The
    largest score of each part of the rows is given beside them.
    """
    parts = served.parts_of(rows)
    graph = GraphWriter()
    centre = graph.constant("query_zero", np.array(served.QUERY_ZERO, np.uint8))
    # Named although it is what it would be anyway: without it weights are not made unsigned where they have to be.
    zero = graph.constant("row_zero", np.array(0, np.int8))
    graph.external(served.VECTORS, onnx.TensorProto.INT8, (dimensions, parts * served.PART))
    graph.operator("MatMulInteger", [served.QUERIES, served.VECTORS, centre, zero], served.SCORES)
    shape = graph.constant("parted_shape", np.array([-1, served.PART, parts], np.int64))
    graph.operator("Reshape", [served.SCORES, shape], "parted")
    along = graph.constant("rows_of_a_part", np.array([1], np.int64))
    graph.operator("ReduceMax", ["parted", along], served.LARGEST, keepdims=0)
    graph.output(served.SCORES, ["queries", parts * served.PART], onnx.TensorProto.INT32)
    graph.output(served.LARGEST, ["queries", parts], onnx.TensorProto.INT32)
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
