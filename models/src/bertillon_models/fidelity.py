"""How close the int8 encoder is to the fp32 one, on texts that calibration did not see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertillon_server.bundle.manifest import Value


def compare_vectors(reference: NDArray[np.float32], vectors: NDArray[np.float32]) -> dict[str, Value]:
    """Return the mean and the least cosine of two encoders' vectors for the same texts, row by row."""
    cosines = np.einsum("nd,nd->n", reference, vectors)
    return {
        "int8_cosine_mean": round(float(cosines.mean()), 5),
        "int8_cosine_min": round(float(cosines.min()), 5),
        "int8_cosine_texts": len(cosines),
    }
