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

from bertillon_models.graph import MICROSOFT, GraphWriter
from bertillon_server.bundle.manifest import SCALES_FILE, SEARCH_AXES_FILE, SEARCH_FILE, VECTORS_FILE
from bertillon_server.coding.heads import pooled
from bertillon_server.inference import vectors as served
from bertillon_server.inference.concepts import TextEncoder, concept_vectors, rounded
from bertillon_server.inference.tokenizer import Tokenizer


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


def write_vectors(vectors: NDArray[np.float32], folder: Path) -> tuple[Path, ...]:
    """Write the vectors as int8 with a scale per row, and what searches them; return the files.

    They are vectors, scales, graph, and the axes of the first pass of a search.
    """
    rows, scales = rounded(vectors)
    axes = principal_axes(vectors, served.SHORT)
    np.save(folder / VECTORS_FILE, rows, allow_pickle=False)
    np.save(folder / SCALES_FILE, scales, allow_pickle=False)
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
