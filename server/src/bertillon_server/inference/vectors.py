"""Search of concept vectors by meaning: exact, over all of them, in int8.

Vectors are int8 with a scale per row. A search scores every row with an int8 product of matrices, which is
bound by memory, then rescores the best with the query in fp32. That is cheaper than a first pass over vectors
shortened to 128 dimensions in fp32 and misses nothing (80,000 rows: 1.8 ms against 3.2 for one query, 3.6
against 20 for eight, of which numpy's choice of the best is half; the shortened pass finds 98 % of the best
10 among its best 64). Integer products are exact and each query is rescored by itself, so a query's result
does not depend on its company.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_server.inference.onnx_session import session_options

# Names in the search graph.
QUERIES = "queries"
COUNT = "count"
ROWS = "rows"
VECTORS = "vectors"
SCALES = "scales"

# Symmetric int8: -128 is not used.
INT8_LIMIT = 127
# Queries travel as unsigned numbers around this one: the fast kernels take unsigned times signed.
QUERY_ZERO = 128

# Rows beyond those asked for that are rescored in fp32, because rounding a query to int8 moves its cosines. Of
# the best 10 among 80,000 rows for 2,000 queries, a margin of 0 found 99.7 % and one of 8 all.
RESCORE_MARGIN = 16
# Queries scored at once: 80,000 rows x 16 are 5 MB of scores, and larger blocks gain little.
_BLOCK = 16


class VectorIndex:
    """All concept vectors of a bundle. Safe to search from several threads at once.

    Rescoring uses numpy on one query at a time; products this small never leave the calling thread, and the
    server limits BLAS to one thread anyway (`OPENBLAS_NUM_THREADS=1`, set before numpy is imported).
    """

    def __init__(self, graph: Path, vectors: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or scales.shape != vectors.shape[:1]:
            raise ValueError("vectors and scales do not belong together")
        self._vectors = vectors
        self._scales = scales
        options = session_options(arena=False)
        values = [ort.OrtValue.ortvalue_from_numpy(np.asarray(value)) for value in (vectors, scales)]
        options.add_external_initializers([VECTORS, SCALES], values)
        self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    @classmethod
    def from_files(cls, *, graph: Path, vectors: Path, scales: Path) -> VectorIndex:
        """Open an index; the vectors are mapped, not read."""
        mapped = np.load(vectors, mmap_mode="r", allow_pickle=False)
        index = cls(graph, mapped, np.load(scales, allow_pickle=False))
        if isinstance(mapped.base, mmap.mmap):
            # The session has rearranged them for itself; what rescoring reads of the file comes back alone.
            mapped.base.madvise(mmap.MADV_DONTNEED)
        return index

    def __len__(self) -> int:
        return len(self._scales)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

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
            for offset, candidates in enumerate(
                self._candidates(block, min(kept + RESCORE_MARGIN, len(self)))
            ):
                exact = self.similarity(block[offset], candidates)
                best = np.lexsort((candidates, -exact))[:kept]
                rows[start + offset] = candidates[best]
                scores[start + offset] = exact[best]
        return rows, scores

    def similarity(self, query: NDArray[np.float32], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the cosines [m] of one query [dimensions], of length 1, with the rows [m] named."""
        cosines: NDArray[np.float32] = (self._vectors[rows].astype(np.float32) @ query) * self._scales[rows]
        return cosines

    def _candidates(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        largest = np.abs(queries).max(axis=1, keepdims=True)
        # A query of zeros has no direction; it is scored as one, not divided by zero.
        steps = np.where(largest > 0, largest, 1) / INT8_LIMIT
        shifted = (np.rint(queries / steps) + QUERY_ZERO).astype(np.uint8)
        found: NDArray[np.int64] = self._session.run([ROWS], {QUERIES: shifted, COUNT: np.array([count])})[0]
        return found
