"""Scores the linker alone: the codes that it ranks for mentions that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.bm25 import Bm25
from bertillon_models.evaluation.corpus_parts import Training, surface
from bertillon_models.evaluation.figures import Figure, Table, from_counts, means
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase
from bertillon_server.coding.candidates import by_vectors, place_of, ranked
from bertillon_server.coding.heads import MentionReading, read_mention
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.words import words_of

DEPTHS = (1, 5, 10, 50)
VECTORS_ALONE = "vectors alone"
_LIMIT = max(DEPTHS)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The codes that a system ranks for each mention, best first."""

    system: str
    codes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """What a bundle makes of mentions: its ranking, that of its vectors alone, and the vectors.

    `vectors` holds float32 [dimensions] a mention, None where the encoder saw no token of it.
    """

    full: Ranking
    nearest: Ranking
    vectors: tuple[NDArray[np.float32] | None, ...]


def link(coder: LocalCoder, cases: Sequence[MentionCase], system: str | None = None) -> Linked:
    """Rank the codes of mentions with a bundle."""
    knowledge = coder.knowledge
    name = system or knowledge.versions.model
    full, nearest, vectors = [], [], []
    for case in track(cases, "linking", console=Console(stderr=True), transient=True):
        place = place_of(knowledge, case.text, case.span, alone=case.alone)
        read: MentionReading | None = None
        candidates: tuple[str, ...] = ()
        near: tuple[str, ...] = ()
        if place is not None:
            windows = [window for window in place.windows if window.holds(case.span)]
            rows = coder.encode(windows).at(case.span)
            read = None if rows is None else read_mention(rows, knowledge.vectors.dimensions)
            candidates = tuple(c.leaf.code for c in ranked(knowledge, place, read, _LIMIT))
            if read is not None:
                near = tuple(c.leaf.code for c in by_vectors(knowledge, place, read, _LIMIT))
        full.append(candidates)
        nearest.append(near)
        vectors.append(None if read is None else read.vector)
    return Linked(
        Ranking(name, tuple(full)), Ranking(f"{name}, {VECTORS_ALONE}", tuple(nearest)), tuple(vectors)
    )


def bm25_ranking(bm25: Bm25, cases: Sequence[MentionCase]) -> Ranking:
    """Rank codes by the words of the mentions."""
    return Ranking("BM25", tuple(tuple(bm25.codes(case.mention, _LIMIT)) for case in cases))


def mentions_table(
    title: str,
    cases: Sequence[MentionCase],
    rankings: Sequence[Ranking],
    groups: dict[str, list[bool]],
    seed: int,
) -> Table:
    """Score rankings, a column each, over all mentions and over those of each group.

    R@k is the share of mentions with a right code among the first k: the code itself, or one of its category.
    Raises ValueError when there are no mentions.
    """
    if not cases:
        raise ValueError(f"{title}: there are no mentions")
    rows: dict[str, dict[str, Figure]] = {}
    for group, members in {"": [True] * len(cases), **groups}.items():
        prefix = f"{group}: " if group else ""
        rows[f"{prefix}mentions"] = {ranking.system: Figure(sum(members)) for ranking in rankings}
        for ranking in rankings:
            counts = _hits(cases, ranking, members)
            names = [f"{prefix}{level} R@{depth}" for level in ("exact", "category") for depth in DEPTHS]
            for name, figure in from_counts(names, counts, means, seed).items():
                rows.setdefault(name, {})[ranking.system] = figure
    return Table(title, len(cases), "mentions", tuple(ranking.system for ranking in rankings), rows)


def groups_of(
    cases: Sequence[MentionCase], knowledge: Knowledge, training: Training | None
) -> dict[str, list[bool]]:
    """Tell seen from unseen codes and forms.

    A form is seen when it is a term of the bundle's index or training has it; a code when training links it. What
    training has is only known with the corpus: without it, codes are not told apart.
    """
    surfaces = training.surfaces if training is not None else frozenset()
    known = [
        surface(case.mention) in surfaces or knowledge.terms.find(words_of(case.mention)) is not None
        for case in cases
    ]
    groups = {"seen form": known, "unseen form": [not seen for seen in known]}
    if training is not None:
        codes = [any(training.codes[code] for code in case.codes) for case in cases]
        groups |= {"seen code": codes, "unseen code": [not seen for seen in codes]}
    return groups


def _hits(cases: Sequence[MentionCase], ranking: Ranking, members: Sequence[bool]) -> NDArray[np.float64]:
    """Return (mentions, 1 + 2 x depths): whether a mention is a member, and whether it is right at each depth."""
    rows = []
    for case, codes, member in zip(cases, ranking.codes, members, strict=True):
        categories = {code[:3] for code in case.codes}
        exact = next((n for n, code in enumerate(codes) if code in case.codes), _LIMIT)
        near = next((n for n, code in enumerate(codes) if code[:3] in categories), _LIMIT)
        rows.append(
            [float(member)] + [float(member and at < depth) for at in (exact, near) for depth in DEPTHS]
        )
    return np.array(rows, np.float64)
