"""The encoder: token ids in, vectors out, through one onnxruntime session shared by all threads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_server.inference.onnx_session import session_options

_INPUT = "input_ids"
_VECTOR = "vector"
# A token that every vocabulary of the BERT family has: [PAD] is 0. Its vector is computed and dropped.
_WARM_UP_TOKEN = 0


class Encoder:
    """An int8 encoder with static activation scales, so that no answer depends on its batch mates.

    Safe to call from several threads at once: one session with one intra-op thread, called from one thread
    per core, is as fast as a session per thread and lighter.
    """

    def __init__(self, path: Path, *, intra_op_threads: int = 1) -> None:
        self._session = ort.InferenceSession(
            str(path), session_options(intra_op_threads), providers=["CPUExecutionProvider"]
        )
        self._dimensions = int(self._session.get_outputs()[0].shape[1])

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._dimensions

    def encode(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors, [batch, dimensions], of length 1, of texts that all have as many tokens.

        `ids` is [batch, tokens] with [CLS] and [SEP] in place and no padding. Throughput is flat from about
        256 to 512 tokens a call.
        """
        vectors: NDArray[np.float32] = self._session.run([_VECTOR], {_INPUT: ids})[0]
        return vectors

    def warm_up(self, lengths: Iterable[int]) -> None:
        """Run one text of each length, in tokens, so that no caller pays for the first touch of the weights."""
        for length in lengths:
            self.encode(np.full((1, length), _WARM_UP_TOKEN, np.int64))
