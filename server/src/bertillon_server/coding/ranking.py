"""Ranks the candidates of a mention: what the term index means by its words, and what the encoder finds near it.

A linear model over a few readable features, fitted on annotated mentions that no training saw. Its weights are
part of the bundle (`calibration.json`), since they hold for its terms and its vectors only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from bertillon_server.coding.axes import Title
from bertillon_server.coding.terms import TermFlag

# Before anything is fitted: the lexicon before official titles before the encoder, and no detail made up.
UNFITTED = MappingProxyType(
    {"term": 6.0, "near": 1.0, "near:only": -1.0, "invented": -6.0, "title:unsaid": -1.0}
)


# As plain numbers: combining members of an enum takes ten times as long.
_CURATED, _OFFICIAL, _STRIPPED = int(TermFlag.CURATED), int(TermFlag.OFFICIAL), int(TermFlag.STRIPPED)


class Evidence(NamedTuple):
    """What speaks for a candidate.

    `weight` is that of the term in the index, 0 where the encoder alone proposes the code; `similarity` the cosine of
    the mention with the nearest text of the code, None where the encoder saw nothing; `said` are the canonical forms
    of the mention, `title` the leaf's title taken apart.
    """

    weight: float
    flags: TermFlag
    similarity: float | None
    invented: int
    used: int
    said: frozenset[str]
    title: Title


def features(evidence: Evidence) -> dict[str, float]:
    """Return the features of a candidate by name; absent ones are 0."""
    title, said = evidence.title, evidence.said
    wanted = title.asserts | title.either if title.either else title.asserts
    named = {
        "invented": float(evidence.invented > 0),
        "used": float(min(evidence.used, 2)),
        "open": float(title.open),
        "title:unsaid": len(title.asserts - said) / (1 + len(wanted)),
        "said:untitled": (len(said) - len(wanted & said)) / (1 + len(said)),
    }
    if evidence.similarity is not None:
        named["near"] = 10.0 * (evidence.similarity - 0.6)
    if evidence.weight:
        flags = int(evidence.flags)
        named |= {
            "term": evidence.weight / 10.0,
            "term:curated": float(flags & _CURATED > 0),
            "term:official": float(flags & _OFFICIAL > 0),
            "term:stripped": float(flags & _STRIPPED > 0),
        }
    else:
        named["near:only"] = 1.0
    return named


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights by feature name."""

    weights: Mapping[str, float] = field(default_factory=lambda: UNFITTED)

    def score(self, evidence: Evidence) -> float:
        """Return how much speaks for a candidate, in logits."""
        known = self.weights.get
        total = 0.0
        for name, value in features(evidence).items():
            total += known(name, 0.0) * value
        return total
