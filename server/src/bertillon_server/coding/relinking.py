"""Ranks the candidates of a mention by what annotators usually gave for its words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bertillon_server.coding.linking import Candidate, Link
from bertillon_server.coding.usage import LIKELY, Usual

# How often the linker's best code is what annotators gave where nothing else is known.
LINKED = 0.6
# No candidate is less likely than this, so that a logarithm can be taken.
_LEAST = 1e-3


def relinked(
    links: Sequence[Link], usual: Usual, proposals: Mapping[str, Candidate], limit: int
) -> list[Link]:
    """Return the links of a mention, ranked by what is usual for its words; scores are then log-chances.

    `proposals` are the usual codes as candidates, for those that the linker did not propose; where it has no link for
    the words, they are all there is. Words that were usually given several codes have a link for each of them.
    """
    candidates: dict[str, Candidate] = {}
    before: dict[str, float] = {}
    for link in links:
        weights = [math.exp(candidate.score - link.candidates[0].score) for candidate in link.candidates]
        for candidate, weight in zip(link.candidates, weights, strict=True):
            candidates.setdefault(candidate.leaf.code, candidate)
            before.setdefault(candidate.leaf.code, LINKED * weight / sum(weights))
    candidates = {**proposals, **candidates}
    ranked = sorted(
        (
            candidate._replace(score=math.log(max(usual.chance(code, before.get(code, 0.0)), _LEAST)))
            for code, candidate in candidates.items()
        ),
        key=lambda candidate: -candidate.score,
    )
    beside = {link.candidates[0].leaf.code for link in links[1:]}
    heads = [
        candidate
        for place, candidate in enumerate(ranked)
        if not place or candidate.score >= math.log(LIKELY) or candidate.leaf.code in beside
    ]
    margin = links[0].margin if links else 0.0
    return [
        Link((head, *(other for other in ranked if other is not head))[: limit + 1], margin) for head in heads
    ]
