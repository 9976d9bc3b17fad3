"""What the encoder says of every token, and where it stands in a row of its output.

A row is the token's hidden state followed by the logits of all heads. The names and their order are part of the
bundle's format: training writes what is read here. A head that comes later stands at the end, and bundles from before
it have rows without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.vocabulary import Assertion

# What a mention is about. Histories are status codes with a head of their own, because notes treat them apart.
KINDS = ("problem", "symptom", "status", "history", "external_cause")
# Begin-inside-outside: outside first, then a beginning and an inside tag for each kind.
TAGS = ("outside", *(f"{place}-{kind}" for kind in KINDS for place in ("begin", "inside")))
# Procedures have tags of their own, beside those of mentions, because no code of a condition is looked for there.
PROCEDURE_TAGS = ("outside", "begin", "inside")
ASSERTIONS = tuple(Assertion)
# Values of the axes that words choose; the first one of each is "not said".
AXES = MappingProxyType(
    {
        "laterality": ("", "right", "left", "bilateral"),
        "acuity": ("", "acute", "chronic", "acute on chronic"),
        "severity": ("", "mild", "moderate", "severe"),
        "encounter": ("", "initial encounter", "subsequent encounter", "sequela"),
        "trimester": ("", "first trimester", "second trimester", "third trimester"),
        "complication": ("", "complication"),
    }
)


def _layout() -> dict[str, slice]:
    places = {}
    start = 0
    sizes = {"tags": len(TAGS), "assertion": len(ASSERTIONS), "codeable": 1}
    sizes |= {axis: len(values) for axis, values in AXES.items()}
    sizes["procedure"] = len(PROCEDURE_TAGS)
    for name, size in sizes.items():
        places[name] = slice(start, start + size)
        start += size
    return places


PLACES = MappingProxyType(_layout())
"""Where the logits of each head stand behind the hidden state."""

HEAD_WIDTH = max(place.stop for place in PLACES.values())
"""Logits of all heads together."""


@dataclass(frozen=True, slots=True)
class MentionReading:
    """What the encoder reads of one mention: the means over its tokens.

    `vector` float32 [dimensions] has length 1; `assertion` float32 [7] are probabilities in the order of
    `ASSERTIONS`; `codeable` is the probability that the encounter's codes include the mention; `named` that its
    words name a condition at all; `procedure` that they name a procedure, 0 where the bundle's encoder cannot tell.
    """

    vector: NDArray[np.float32]
    assertion: NDArray[np.float32]
    codeable: float
    named: float
    procedure: float = 0.0

    @property
    def is_procedure(self) -> bool:
        """Whether its words name a procedure rather than a condition, or nothing."""
        return self.procedure > max(self.named, 0.5)


def pooled(hidden: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vector of length 1 of the tokens [tokens, dimensions] of a mention or a concept text."""
    mean: NDArray[np.float32] = hidden.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def read_mentions(mentions: Sequence[NDArray[np.floating]], dimensions: int) -> list[MentionReading]:
    """Read the encoder's rows [tokens, width] of each mention's tokens; none is empty.

    All at once: a mention has a few tokens, and it is calls of numpy that cost.
    """
    if not mentions:
        return []
    lengths = np.array([len(rows) for rows in mentions], np.float32)
    rows = np.concatenate(mentions).astype(np.float32, copy=False)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)

    def means(values: NDArray[np.float32]) -> NDArray[np.float32]:
        sums: NDArray[np.float32] = np.add.reduceat(values, starts, axis=0)
        return sums / lengths[:, None]

    def inside(head: slice) -> list[float]:
        """Return for each mention how much its tokens are in one of the head's tags."""
        outside = means(_softmax(rows[:, dimensions:][:, head])[:, :1])
        return [1.0 - left_out for left_out in outside[:, 0].tolist()]

    mean = means(rows)
    hidden, logits = mean[:, :dimensions], mean[:, dimensions:]
    vectors = hidden / np.maximum(np.linalg.norm(hidden, axis=1, keepdims=True), 1e-9)
    assertion = _softmax(logits[:, PLACES["assertion"]])
    codeable = 1 / (1 + np.exp(-logits[:, PLACES["codeable"]][:, 0]))
    knows = logits.shape[1] >= PLACES["procedure"].stop
    procedure = inside(PLACES["procedure"]) if knows else [0.0] * len(mentions)
    return [
        MentionReading(*read)
        for read in zip(vectors, assertion, codeable.tolist(), inside(PLACES["tags"]), procedure, strict=True)
    ]


def read_mention(rows: NDArray[np.floating], dimensions: int) -> MentionReading:
    """Read the encoder's rows [tokens, width] of a mention's tokens."""
    return read_mentions([rows], dimensions)[0]


def read_axes(rows: NDArray[np.floating], dimensions: int) -> dict[str, str]:
    """Return the values of the axes that a mention's tokens state, each where it has most of the chance."""
    logits = rows[:, dimensions:].astype(np.float32).mean(axis=0)
    axes = {}
    for axis, values in AXES.items():
        chances = _softmax(logits[PLACES[axis]])
        best = int(chances.argmax())
        if best and chances[best] > 0.5:
            axes[axis] = values[best]
    return axes


def tagged(rows: NDArray[np.floating], dimensions: int) -> list[tuple[int, int]]:
    """Return the half-open token ranges that the tags of a window [tokens, width] name as mentions."""
    best = rows[:, dimensions:][:, PLACES["tags"]].argmax(axis=1).tolist()
    ranges: list[tuple[int, int]] = []
    begun: int | None = None
    for place, tag in enumerate([*best, 0]):
        begins, outside = tag % 2 == 1, tag == 0
        if begun is not None and (begins or outside):
            ranges.append((begun, place))
            begun = None
        if not outside and begun is None:
            begun = place
    return ranges


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return chances
