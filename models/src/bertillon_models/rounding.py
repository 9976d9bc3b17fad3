"""Rounding of weights to int8 that spares the output rather than each weight.

GPTQ (Frantar et al. 2022, arXiv:2210.17323): input channels are rounded in turn, those with the largest
activations first; the error that a channel leaves is spread over the channels still to come so as to keep
the output on calibration tokens, which is a least-squares problem with one Hessian for all outputs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertillon_models.weights import Floats

# Symmetric int8: -128 is not used.
WEIGHT_LIMIT = 127

# Added to the Hessian's diagonal, as a share of its mean: keeps channels that the calibration tokens hardly
# use from being given large corrections.
DAMPING = 0.01
# Channels between two updates of all that follow; only speed depends on it.
_BLOCK = 64


def round_in_turn(weight: Floats, steps: Floats, tokens: Floats) -> NDArray[np.int8]:
    """Return the weight [in, out] in whole numbers of its column's step, given inputs [tokens, in]."""
    hessian = tokens.T.astype(np.float64) @ tokens
    hessian[np.diag_indices_from(hessian)] += DAMPING * np.trace(hessian) / len(hessian)
    order = np.argsort(-np.diag(hessian), kind="stable")
    # The rows of this factor hold how a channel's error is spread over the channels after it.
    spread = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    remaining = weight[order].astype(np.float64)
    rounded = np.empty(weight.shape, np.int8)
    for start in range(0, len(order), _BLOCK):
        end = min(start + _BLOCK, len(order))
        errors = np.empty((end - start, weight.shape[1]))
        for channel in range(start, end):
            whole = np.clip(np.rint(remaining[channel] / steps), -WEIGHT_LIMIT, WEIGHT_LIMIT)
            rounded[order[channel]] = whole
            error = (remaining[channel] - whole * steps) / spread[channel, channel]
            remaining[channel + 1 : end] -= np.outer(spread[channel, channel + 1 : end], error)
            errors[channel - start] = error
        remaining[end:] -= spread[start:end, end:].T @ errors
    return rounded
