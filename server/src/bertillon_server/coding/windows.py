"""Cuts a section into windows for the encoder: a few whole sentences each, behind a token for the section's kind.

Short windows cost less per token than long ones, and a sentence needs its neighbours more than its section's other
end. A window names the kind of its section, so that the encoder can tell a problem from a review of systems.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.tokenizer import Tokenizer

# Sentences are gathered up to this many tokens, special ones included, and to windows of like length; a longer one
# has a window to itself.
GATHERED_TOKENS = 64
# Hard cap: a "sentence" without end is cut here.
MAX_TOKENS = 128
# [CLS], the token of the section's kind, and [SEP].
SPECIAL_TOKENS = 3

# Vocabularies of the BERT family keep [unused0] to [unused98] at 1 to 99; kinds are numbered from 1.
_FIRST_UNUSED = 1
_CLS, _SEP = 101, 102


def kind_token(kind: SectionKind) -> int:
    """Return the id of the token that stands for a kind of section."""
    return _FIRST_UNUSED + kind.value


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids int64 [tokens] of a piece of a note, and where each token stands in the note.

    `starts` and `ends` have a number for each token, in code points of the note; special tokens stand at an empty
    range.
    """

    ids: NDArray[np.int64]
    starts: Sequence[int]
    ends: Sequence[int]

    def holds(self, span: Span) -> bool:
        """Whether a span begins in the window."""
        return self.starts[0] <= span.start < self.ends[-1]

    def holds_one_of(self, starts: Sequence[int]) -> bool:
        """Whether a span begins in the window, given where spans begin, in order."""
        place = bisect_left(starts, self.starts[0])
        return place < len(starts) and starts[place] < self.ends[-1]

    def tokens_of(self, span: Span) -> tuple[int, int]:
        """Return the half-open range of tokens that share a code point with a span; empty when none does."""
        first = bisect_right(self.ends, span.start, 2, len(self.ends) - 1)
        return first, bisect_left(self.starts, span.end, first, len(self.starts) - 1)


class Encodings:
    """What the encoder said of the windows of a section: rows by place in the note.

    `rows` holds an array [tokens, width] a window.
    """

    def __init__(self, windows: Sequence[Window], rows: Sequence[NDArray[np.floating]]) -> None:
        self.windows = windows
        self.rows = rows
        self._starts = [window.starts[0] for window in windows]

    def at(self, span: Span) -> NDArray[np.floating] | None:
        """Return the rows [tokens, width] of a span, as encoded, None where no window has seen it.

        Of a span that a window's end cuts, the part in the first window.
        """
        place = bisect_right(self._starts, span.start) - 1
        if place < 0:
            return None
        first, last = self.windows[place].tokens_of(span)
        return self.rows[place][first:last] if first < last else None


def cut_windows(
    text: str, body: Span, kind: SectionKind, sentences: Sequence[Span], tokenizer: Tokenizer
) -> list[Window]:
    """Return the windows of a section's body, in order; together they hold every token of its sentences."""
    if not sentences:
        return []
    ids, starts, ends = tokenizer.split(body.of(text))
    if not ids:
        return []
    by = body.start
    starts, ends = [start + by for start in starts], [end + by for end in ends]
    # Where the tokens of each sentence begin; blanks between sentences have no tokens.
    begins = [bisect_left(starts, sentence.start) for sentence in sentences]
    bounds = sorted({0, *begins, len(ids)})
    windows = []
    begin = 0
    room, cap = GATHERED_TOKENS - SPECIAL_TOKENS, MAX_TOKENS - SPECIAL_TOKENS
    # Windows of like length: a last one of a few tokens would be read without its neighbours, and alone.
    aim = len(ids) / math.ceil(len(ids) / room)
    for end, following in zip(bounds[1:], [*bounds[2:], None], strict=True):
        if (
            following is not None
            and following - begin <= room
            and following - begin - aim <= aim - (end - begin)
        ):
            continue
        for first in range(begin, end, cap):
            chosen = slice(first, min(first + cap, end))
            windows.append(_window(ids[chosen], starts[chosen], ends[chosen], kind))
        begin = end
    return windows


def _window(ids: Sequence[int], starts: Sequence[int], ends: Sequence[int], kind: SectionKind) -> Window:
    first, last = starts[0], ends[-1]
    return Window(
        ids=np.array([_CLS, kind_token(kind), *ids, _SEP], np.int64),
        starts=[first, first, *starts, last],
        ends=[first, first, *ends, last],
    )
