"""Concept vectors: one for each text, by the encoder that is served, in the form that is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.inference.tokenizer import Ids, Tokenizer
from bertillon_server.inference.vectors import INT8_LIMIT

# Most tokens of a concept text: the longest official titles have about 90.
MAX_TOKENS = 128
# Tokens a call; throughput is flat from about 256 to 512 and falls above 1,000.
TOKENS_PER_CALL = 512


class TextEncoder(Protocol):
    """What reads batches of equally long token rows."""

    def encode(self, ids: Ids) -> NDArray[np.float16]:
        """Return [batch, tokens, width] for [batch, tokens]."""


def equal_length_batches(ids: Sequence[Ids]) -> Iterator[tuple[NDArray[np.intp], Ids]]:
    """Yield batches of texts with as many tokens: their places in the sequence, and their ids as one array."""
    lengths = np.array([len(row) for row in ids], np.intp)
    order = np.argsort(lengths, kind="stable")
    for length in np.unique(lengths):
        places = order[lengths[order] == length]
        size = max(1, TOKENS_PER_CALL // int(length))
        for start in range(0, len(places), size):
            chosen = places[start : start + size]
            yield chosen, np.stack([ids[place] for place in chosen])


def concept_vectors(
    texts: Sequence[str],
    encoder: TextEncoder,
    tokenizer: Tokenizer,
    *,
    dimensions: int,
    pool: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    workers: int = 1,
    begun: Callable[[int], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the texts' vectors, [texts, dimensions], each of length 1; equal texts get equal vectors.

    A vector is what `pool` makes of the hidden states [tokens, dimensions] of a text, special tokens left out, as it
    is of a mention. `begun` is told how many different texts there are, `advance` how many more are done.
    """
    unique, inverse = np.unique(np.array(texts, object), return_inverse=True)
    ids = tokenizer.encode(list(unique), max_tokens=MAX_TOKENS)
    if not ids:
        raise ValueError("no texts to encode")
    vectors = np.zeros((len(unique), dimensions), np.float32)
    begun(len(unique))

    def encode(batch: tuple[NDArray[np.intp], Ids]) -> int:
        places, rows = batch
        if rows.shape[1] > 2:
            for place, hidden in zip(places, encoder.encode(rows), strict=True):
                vectors[place] = pool(hidden[1:-1, :dimensions].astype(np.float32))
        return len(places)

    with ThreadPoolExecutor(workers, thread_name_prefix="encoding") as executor:
        for done in executor.map(encode, list(equal_length_batches(ids))):
            advance(done)
    return vectors[inverse]


def rounded(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return vectors as int8 and the scale of each row.

    A scale is not the step that a row was rounded to, but what makes its length 1: products are then cosines.
    """
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    rows = np.rint(vectors / np.where(largest > 0, largest, 1) * INT8_LIMIT).astype(np.int8)
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    scales: NDArray[np.float32] = (1 / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return rows, scales
