"""WordPiece tokens of a text, and where in the text they stand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Pieces = tuple[list[int], list[int], list[int]]

# Code points read per token of the cap. Clinical English has 4 per token; blanks and words that the
# vocabulary cannot spell have more. Bounds the work on a text without end.
CODE_POINTS_PER_TOKEN = 64


class Tokenizer:
    """A tokenizer as published with its encoder, without the padding and truncation that such files carry.

    Safe to call from several threads at once; the interpreter is free while it works.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        # The library would otherwise start a thread per core for a call with several texts; cores belong to
        # the server's workers. Read by the library at each call.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a `tokenizer.json`."""
        return cls(tokenizers.Tokenizer.from_file(str(path)))

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> list[Ids]:
        """Return each text's token ids with [CLS] and [SEP], cut to at most `max_tokens`, these two included."""
        reach = max_tokens * CODE_POINTS_PER_TOKEN
        encodings = self._tokenizer.encode_batch_fast([text[:reach] for text in texts])
        return [_capped(np.array(encoding.ids, np.int64), max_tokens) for encoding in encodings]

    def split(self, text: str) -> Pieces:
        """Return the ids of a text's tokens, without [CLS] and [SEP], where each starts and where it ends.

        Places are code points of the text. A token does not include combining marks that follow it. Time is linear:
        at most 0.2 s for 100,000 code points.
        """
        # `encode_batch` rather than `encode`, which keeps the interpreter to itself.
        encoding = self._tokenizer.encode_batch([text], add_special_tokens=False)[0]
        offsets = encoding.offsets
        return encoding.ids, [start for start, _ in offsets], [end for _, end in offsets]


def _capped(ids: Ids, max_tokens: int) -> Ids:
    if len(ids) <= max_tokens:
        return ids
    return np.concatenate((ids[: max_tokens - 1], ids[-1:]))
