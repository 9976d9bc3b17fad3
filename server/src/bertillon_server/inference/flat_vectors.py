"""Search of concept vectors that no search graph was made for: those of imported code systems.

Rows are widened to fp32 a block at a time and multiplied with numpy, which needs no memory beside the int8 rows and
is exact. It is fast enough for a search that somebody waits for, and too slow for the mentions of a note, which a
bundle's graph serves (`vectors`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows widened at a time: 4,096 of 384 are 6 MB, which stays in the cache of most processors.
_BLOCK = 4096


class FlatVectors:
    """Vectors [rows, dimensions] in int8 with a scale for each row. Safe to search from several threads at once."""

    def __init__(self, vectors: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or scales.shape != vectors.shape[:1]:
            raise ValueError("vectors and scales do not belong together")
        self._vectors = np.asarray(vectors)
        self._scales = scales

    def __len__(self) -> int:
        return len(self._scales)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def cosines(self, query: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
        """Return the cosines of the rows `[first, last)` with a query [dimensions] of length 1."""
        products: NDArray[np.float32] = self._vectors[first:last].astype(np.float32) @ query
        return products * self._scales[first:last]

    def nearest(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows [k] nearest to a query [dimensions] of length 1 and their cosines, best first.

        Among equals the smaller row comes first. With fewer than k rows, all are returned.
        """
        cosines = np.empty(len(self), np.float32)
        for start in range(0, len(self), _BLOCK):
            block = self._vectors[start : start + _BLOCK]
            cosines[start : start + _BLOCK] = block.astype(np.float32) @ query
        cosines *= self._scales
        kept = min(k, len(self))
        bound = np.partition(cosines, len(self) - kept)[len(self) - kept] if kept else np.inf
        reaching = np.flatnonzero(cosines >= bound)
        best = reaching[np.argsort(-cosines[reaching], kind="stable")[:kept]]
        return best, cosines[best]
