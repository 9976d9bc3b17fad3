"""Calls of the encoder without a queue: windows at hand, those of one length together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.batching import Batcher
from bertillon_server.inference.pending import Encoding
from bertillon_server.inference.workers import EncodingFailedError, one_per_row

Encode = Callable[[NDArray[np.int64]], Encoding]
"""An encoder of windows of one length: int64 [windows, tokens] to [windows, tokens, width]."""


class Pass(NamedTuple):
    """A call of the encoder: windows, their tokens, seconds by the clock and of the processor."""

    windows: int
    tokens: int
    seconds: float
    processor_s: float


def encode_at_once(
    windows: Sequence[NDArray[np.int64]],
    encode: Encode,
    batcher: Batcher,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[Encoding], list[Pass]]:
    """Encode windows, each int64 [tokens], in the calling thread; return what became of each, and the calls.

    Raises EncodingFailedError.
    """
    rows: dict[int, Encoding] = {}
    passes = []
    for indices in batcher.of_one_length([window.size for window in windows]):
        began, spent = clock(), time.thread_time()
        try:
            stacked = np.stack([windows[index] for index in indices])
            encoded = one_per_row(encode(stacked), len(indices))
        except BaseException as error:
            raise EncodingFailedError(f"the encoder failed: {type(error).__name__}") from error
        seconds, spent = clock() - began, time.thread_time() - spent
        passes.append(Pass(len(indices), stacked.size, seconds, spent))
        rows.update(zip(indices, encoded, strict=True))
    return [rows[index] for index in range(len(windows))], passes
