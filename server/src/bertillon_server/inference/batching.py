"""How waiting windows become a micro-batch.

All rows of a batch have one length: no padding, no attention mask, which measures best on real mixes of
lengths. The most urgent window leads; windows of its length from any request join it. Nothing is waited for:
what is there when a worker is free is the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import Place, Window
from bertillon_server.inference.queue import WindowQueue

BATCH_TOKENS = 512
"""Tokens in a call of the encoder: throughput is flat from 256 to 512 and falls above about 1,000."""

MAX_ROWS = 128
"""Windows in a batch: 512 tokens of the shortest sensible windows (4 tokens); bounds the work per answer."""

SMALLEST_SHARE = 128
"""Tokens below which a backlog is not split between idle workers: a call costs some 0.3 ms whatever its size
(64 tokens take 3.0 ms, 16 take 1.0), which is 5 % of a call of 128 tokens and a third of one of 16."""

COMPANY_TOKENS = 64
"""Tokens up to which less urgent windows may join a more urgent batch: they ride on the fixed cost of the
call, and delay the one who waits by 3 ms at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one length, for one call of the encoder."""

    windows: tuple[Window, ...]
    """The rows, in order."""
    tokens: int
    """Tokens of all rows together; there is no padding."""
    useful_until: float
    """When the last caller has lost interest, in seconds of the clock; infinite for never."""
    urgent: bool = False
    """Whether it was formed for a worker that is kept for urgent windows."""

    def ids(self) -> NDArray[np.int64]:
        """Return the token ids [rows, length]."""
        joined = bytearray().join([window.ids for window in self.windows])
        return np.frombuffer(joined, dtype=np.int64).reshape(len(self.windows), -1)


class Batcher:
    """Forms batches for a number of workers within a budget of tokens."""

    def __init__(self, *, workers: int, batch_tokens: int = BATCH_TOKENS) -> None:
        self._workers = workers
        self._batch_tokens = batch_tokens

    def form(
        self,
        queue: WindowQueue,
        now: float,
        expire: Callable[[Window], None],
        only: Priority | None = None,
    ) -> Batch | None:
        """Take the next batch out of `queue`, or the next that windows of priority `only` lead; None without any.

        `expire` is given each window whose deadline has passed, already out of the queue though it still
        says otherwise; it may remove further windows from the queue.
        """
        budget = self._budget(sum(queue.tokens))
        while (lead := queue.most_urgent(only)) is not None:
            if not _take(queue, lead, now, expire):
                continue
            rows = [lead]
            for priority in Priority:
                limit = budget if priority <= lead.priority else min(budget, COMPANY_TOKENS)
                most = min(MAX_ROWS, limit // lead.tokens)
                while len(rows) < most and (front := queue.front(priority, lead.tokens)) is not None:
                    if _take(queue, front, now, expire):
                        rows.append(front)
            return Batch(
                tuple(rows),
                len(rows) * lead.tokens,
                max(window.deadline for window in rows),
                urgent=only is not None,
            )
        return None

    def of_one_length(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return which windows of given lengths, in tokens, go into a batch together, without a queue."""
        by_length: dict[int, list[int]] = {}
        for index, length in enumerate(lengths):
            by_length.setdefault(length, []).append(index)
        return [
            indices[start : start + most]
            for length, indices in by_length.items()
            for most in [min(MAX_ROWS, max(1, self._batch_tokens // length))]
            for start in range(0, len(indices), most)
        ]

    def _budget(self, waiting: int) -> int:
        """Return the tokens of the next batch: an even share of what waits, within bounds.

        Without it, one note whose windows have one length would keep one worker busy and the others idle.
        """
        share = -(-waiting // self._workers)
        return min(self._batch_tokens, max(SMALLEST_SHARE, share))


def _take(queue: WindowQueue, window: Window, now: float, expire: Callable[[Window], None]) -> bool:
    queue.remove(window)
    if window.deadline <= now:
        expire(window)
        return False
    window.place = Place.HANDED
    return True
