"""Search of concept vectors by meaning, over all of them, in int8.

Vectors are int8 with a scale per row. A search scores every row by an int8 product along a third of as many axes as
they have dimensions, those along which vectors and the queries of notes have most in common, then rescores the best
along all dimensions with the query in fp32. Axes are turned so that no one of them has longer values than the others:
one step then rounds all vectors, and the whole numbers of the products are compared as they are. Of the best 24 it
found 99.7 % in the vectors of `clinical/0.3.2`, of the best 8 all but one in 3,000. Integer products are exact and
each query is rescored by itself, so a query's result does not depend on its company.

The best are found without looking at every score: the graph also gives the largest score of each part of the rows,
and the wanted rows are in as many parts with the largest ones.
"""

from __future__ import annotations

import itertools
import math
import mmap
import threading
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_server.inference.onnx_session import session_options

# Names in the search graph.
QUERIES = "queries"
SCORES = "scores"
LARGEST = "largest"
VECTORS = "vectors"

# Symmetric int8: -128 is not used.
INT8_LIMIT = 127
# Queries travel as unsigned numbers around this one: the fast kernels take unsigned times signed.
QUERY_ZERO = 128

# Axes of the first pass: what tiles of 64 divide.
SHORT = 128
# Rows of one part. Those of a part lie far apart, so that neighbours, which are alike, are in different ones.
PART = 16
# Rows beyond those asked for that are rescored in fp32: what the first pass leaves out moves cosines. No fewer than
# what rows are filled up with to whole parts.
RESCORE_MARGIN = 40
# Queries scored at once: 80,000 rows x 32 are 10 MB of scores, and larger blocks gain little.
_BLOCK = 32
# Rows that are shortened at once while an index is opened.
_CONVERTED = 8192
# Largest value of a vector of length 1 along a turned axis, in deviations of those values; what is longer is cut.
_REACH = 4

Neighbours = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Rows [k] nearest to one query and their cosines [k], best first."""


def parts_of(rows: int) -> int:
    """Return the number of parts that rows are in; the last ones may be filled up."""
    return -(-rows // PART)


class _Scores(threading.local):
    """Where a thread's searches write what the graph gives: int32 [_BLOCK, PART * parts] and [_BLOCK, parts].

    Kept, since some megabytes anew for each search are holes in the heap, or page faults where they are mapped apart.
    """

    def __init__(self, parts: int) -> None:
        self.scores = np.empty((_BLOCK, PART * parts), np.int32)
        self.largest = np.empty((_BLOCK, parts), np.int32)


class VectorIndex:
    """All concept vectors of a bundle. Safe to search from several threads at once.

    Rescoring uses numpy on one query at a time; products this small never leave the calling thread, and the
    server limits BLAS to one thread anyway (`OPENBLAS_NUM_THREADS=1`, set before numpy is imported).
    """

    def __init__(
        self, graph: Path, vectors: NDArray[np.int8], scales: NDArray[np.float32], axes: NDArray[np.float32]
    ) -> None:
        if vectors.ndim != 2 or scales.shape != vectors.shape[:1] or axes.shape[:1] != vectors.shape[1:]:
            raise ValueError("vectors, scales and axes do not belong together")
        # A plain view: indexing a memory map as such costs more than the rows it finds.
        self._vectors = np.asarray(vectors)
        self._scales = scales
        self._axes = axes
        options = session_options(arena=False)
        short = _shortened(vectors, scales, axes)
        # Row `i` of part `p` is `i * parts + p`.
        self._parts = parts_of(len(scales))
        self._first_of_each = np.arange(PART)[:, None] * self._parts
        options.add_external_initializers([VECTORS], [ort.OrtValue.ortvalue_from_numpy(short)])
        self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._kept = _Scores(self._parts)

    @classmethod
    def from_files(cls, *, graph: Path, vectors: Path, scales: Path, axes: Path) -> VectorIndex:
        """Open an index; the vectors are mapped, not read."""
        mapped = np.load(vectors, mmap_mode="r", allow_pickle=False)
        index = cls(graph, mapped, np.load(scales, allow_pickle=False), np.load(axes, allow_pickle=False))
        if isinstance(mapped.base, mmap.mmap):
            # The session has what it needs; what rescoring reads of the file comes back alone.
            mapped.base.madvise(mmap.MADV_DONTNEED)
        return index

    def __len__(self) -> int:
        return len(self._scales)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def rows(self, numbers: NDArray[np.integer]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return vectors by number as they are kept: int8 [n, dimensions], and the scale of each."""
        return self._vectors[numbers], self._scales[numbers]

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the rows [n, k] nearest to each query and their cosines [n, k], best first.

        `queries` is [n, dimensions], each of length 1. Among equals the smaller row comes first. With fewer
        than k rows in the index, k is their number.
        """
        kept = min(k, len(self))
        rows = np.empty((len(queries), kept), np.int32)
        scores = np.empty((len(queries), kept), np.float32)
        for start in range(0, len(queries), _BLOCK):
            block = queries[start : start + _BLOCK]
            for number, scored, largest in zip(itertools.count(start), *self._scores(block), strict=False):
                candidates = self._best(scored, largest, min(kept + RESCORE_MARGIN, len(self)))
                exact = self.similarity(queries[number], candidates)
                best = (-exact).argsort(kind="stable")[:kept]
                rows[number] = candidates[best]
                scores[number] = exact[best]
        return rows, scores

    def similarity(self, query: NDArray[np.float32], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the cosines [m] of one query [dimensions], of length 1, with the rows [m] named."""
        cosines: NDArray[np.float32] = self._vectors.take(rows, axis=0).astype(np.float32).dot(query)
        cosines *= self._scales.take(rows)
        return cosines

    def _scores(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the scores [n, rows] of queries along the axes of the first pass, and the largest [n, parts].

        There are `_BLOCK` queries at most. What is returned is written over by the thread's next search.
        """
        # One at a time: a product of matrices may round a query otherwise in other company.
        short = np.stack([query @ self._axes for query in queries])
        longest = np.abs(short).max(axis=1, keepdims=True)
        # A query of zeros has no direction; it is scored as one, not divided by zero.
        steps = np.where(longest > 0, longest, 1) / INT8_LIMIT
        shifted = (np.rint(short / steps) + QUERY_ZERO).astype(np.uint8)
        scores, largest = self._kept.scores[: len(queries)], self._kept.largest[: len(queries)]
        binding = self._session.io_binding()
        binding.bind_cpu_input(QUERIES, shifted)
        for name, written in ((SCORES, scores), (LARGEST, largest)):
            binding.bind_output(name, "cpu", 0, np.int32, written.shape, written.ctypes.data)
        self._session.run_with_iobinding(binding)
        return scores, largest

    def _best(self, scores: NDArray[np.int32], largest: NDArray[np.int32], count: int) -> NDArray[np.integer]:
        """Return the rows with the `count` highest scores, in their order; the smaller row among equals.

        They are fewer by the rows that fill up the last parts, where such rows are among them.
        """
        if self._parts > count:
            chosen = np.flatnonzero(largest >= _bound(largest, count))
            rows = (chosen + self._first_of_each).ravel()
        else:
            rows = np.arange(len(self))
        found = scores[rows]
        reaching = found >= _bound(found, count)
        rows = np.sort(rows[reaching])
        if len(rows) > count:
            rows = np.sort(rows[(-scores[rows]).argsort(kind="stable")[:count]])
        return rows[: np.searchsorted(rows, len(self))]


def _bound(scores: NDArray[np.int32], count: int) -> np.int32:
    """Return the `count`-th highest of scores."""
    bound: np.int32 = np.partition(scores, len(scores) - count)[len(scores) - count]
    return bound


def _shortened(
    vectors: NDArray[np.int8], scales: NDArray[np.float32], axes: NDArray[np.float32]
) -> NDArray[np.int8]:
    """Return the vectors along the axes, int8 [axes, rows], filled up with zeros to whole parts."""
    count = axes.shape[1]
    columns = np.zeros((count, parts_of(len(vectors)) * PART), np.int8)
    step = min(1.0, _REACH / math.sqrt(count)) / INT8_LIMIT
    for start in range(0, len(vectors), _CONVERTED):
        part = slice(start, min(start + _CONVERTED, len(vectors)))
        short = (vectors[part].astype(np.float32) @ axes) * (scales[part, None] / step)
        columns[:, part] = np.clip(np.rint(short), -INT8_LIMIT, INT8_LIMIT).T
    return columns
