"""The encoder: token ids in, a row for each token out, through one onnxruntime session shared by all threads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_server.inference.onnx_session import session_options

_INPUT = "input_ids"
_TOKENS = "tokens"
# A token that every vocabulary of the BERT family has: [PAD] is 0. Its row is computed and dropped.
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
        self._width = int(self._session.get_outputs()[0].shape[2])

    @property
    def width(self) -> int:
        """Length of a token's row: its hidden state and the logits of the heads."""
        return self._width

    def encode(self, ids: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the rows, [batch, tokens, width], of texts that all have as many tokens.

        `ids` is [batch, tokens] with [CLS] and [SEP] in place and no padding. Throughput is flat from about
        256 to 512 tokens a call. Rows wait in memory for the rest of their section; half precision halves that.
        """
        rows: NDArray[np.float16] = self._session.run([_TOKENS], {_INPUT: ids})[0]
        return rows

    def warm_up(self, lengths: Iterable[int]) -> None:
        """Run one text of each length, in tokens, so that no caller pays for the first touch of the weights."""
        for length in lengths:
            self.encode(np.full((1, length), _WARM_UP_TOKEN, np.int64))
