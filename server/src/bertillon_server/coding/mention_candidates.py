"""What of a section may be a mention: terms, phrases, what the encoder tags and what annotators usually gave a code.

They overlap; which of them stand is settled by confidence, once they are linked (`coding.overlaps`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.heads import MentionReading, read_mentions, tagged
from bertillon_server.coding.mentions import Found, found_at, found_between, sentence_numbers
from bertillon_server.coding.reading import Reading
from bertillon_server.coding.spans import Span
from bertillon_server.coding.usage import Usage
from bertillon_server.coding.windows import Encodings
from bertillon_server.inference.vectors import Neighbours

# Mentions of a section whose neighbours are looked for; far more than any section has that a person wrote. Bounds the
# work on a text without end, of which the rest is left to the term index.
MAX_SEARCHED = 1000


class Search(Protocol):
    """What candidates ask of the concept vectors; `inference.VectorIndex` answers it."""

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the rows [n, k] nearest to each query [n, dimensions] and their cosines [n, k], best first."""
        ...


class MentionCandidates(NamedTuple):
    """What may be a mention, in the order of how it was found, without procedures that no term names.

    `read` is what the encoder reads of those, and of such procedures, that it has seen; `tagged` are those that it
    tags as mentions.
    """

    found: list[Found]
    read: dict[Found, MentionReading]
    tagged: list[Found]

    def neighbours(self, vectors: Search, k: int) -> dict[Found, Neighbours]:
        """Return the concept vectors nearest to each that the encoder has seen, of the first 1,000 of them."""
        seen = [found for found in self.found if found in self.read][:MAX_SEARCHED]
        if not seen:
            return {}
        rows, cosines = vectors.search(np.stack([self.read[found].vector for found in seen]), k)
        return {found: (rows[i], cosines[i]) for i, found in enumerate(seen)}


def mention_candidates(
    reading: Reading, encodings: Encodings, usage: Usage, dimensions: int
) -> MentionCandidates:
    """Return what of a section may be a mention; `dimensions` is the length of a hidden state of the encoder."""
    named = _tagged(reading, encodings, dimensions)
    spoken = _spoken(usage, reading, named)
    every = dict.fromkeys([*reading.terms, *reading.phrases, *named, *spoken])
    read = _read(encodings, every, dimensions)
    # What no term names and the encoder takes for a procedure is none of the conditions that are looked for.
    procedures = {found for found, at in read.items() if found.match is None and at.is_procedure}
    found = [one for one in every if one not in procedures]
    return MentionCandidates(found, read, [one for one in named if one not in procedures])


def _tagged(reading: Reading, encodings: Encodings, dimensions: int) -> list[Found]:
    """Return what the encoder tags as mentions: terms and phrases that are known already, and others."""
    known = {(found.first, found.last): found for found in (*reading.phrases, *reading.terms)}
    named = []
    for window, rows in zip(encodings.windows, encodings.rows, strict=True):
        for first, last in tagged(rows, dimensions):
            span = Span(window.starts[first], window.ends[last - 1])
            found = found_at(span, reading.words, reading.sentences, reading.items, reading.barred)
            if found is not None:
                named.append(known.get((found.first, found.last), found))
    return named


def _spoken(usage: Usage, reading: Reading, named: Sequence[Found]) -> list[Found]:
    """Return the words that usually have a code and that nothing else has found."""
    if not usage:
        return []
    known = {(found.first, found.last) for found in (*reading.terms, *reading.phrases, *named)}
    runs = usage.spoken(reading.words, sentence_numbers(reading.words, reading.sentences))
    found = [
        found_between(first, last, reading.words, reading.sentences, reading.items)
        for first, last in runs
        if (first, last) not in known
    ]
    return [mention for mention in found if mention is not None]


def _read(encodings: Encodings, every: Iterable[Found], dimensions: int) -> dict[Found, MentionReading]:
    """Return what the encoder reads of the mentions that it has seen."""
    rows = {found: at for found in every if (at := encodings.at(found.span)) is not None}
    return dict(zip(rows, read_mentions(list(rows.values()), dimensions), strict=True))
