"""What a step is judged by: links, tags, assertion, codeability, axes and procedures.

Links are learned by contrast: a mention's vector must be nearer to terms of its concept than to all other terms of
the step (InfoNCE with several positives), nearer by a margin to other categories than to siblings, and nearer
than a fixed similarity, which is what text that names nothing is to stay below.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bertillon_models.training.examples import IGNORED, LearnedWindow
from bertillon_server.coding.heads import AXES, PLACES

TEMPERATURE = 0.05
# The similarity of "none of these".
NOTHING = 0.5
# How much farther another category is to be than a sibling.
CATEGORY_MARGIN = 0.05
# `taught` is of a student alone, and most of what it learns: labels are few, what its teacher gives is everywhere.
WEIGHTS = {
    "link": 1.0,
    "tags": 1.0,
    "assertion": 0.5,
    "codeable": 0.5,
    "axes": 0.3,
    "procedure": 0.3,
    "taught": 5.0,
}
# Mentions outnumber what lies outside them in meaning, not in number.
_OUTSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Links:
    """Which of the candidates [anchors, candidates] are right, which are not to be judged, which are siblings.

    An anchor without a right one stands for "none of these".
    """

    right: Tensor
    ignored: Tensor
    siblings: Tensor


def links(
    stems: list[int],
    codes: list[str],
    candidate_stems: list[int],
    candidate_codes: list[str],
    device: torch.device,
) -> Links:
    """Compare anchors with candidates; a code above or below another is neither right nor wrong."""
    mine, theirs = torch.tensor(stems), torch.tensor(candidate_stems)
    right = mine[:, None] == theirs[None, :]
    categories: dict[str, int] = {}

    def numbered(code: str) -> int:
        return categories.setdefault(code[:3], len(categories))

    siblings = (
        torch.tensor([numbered(code) for code in codes])[:, None]
        == torch.tensor([numbered(code) for code in candidate_codes])[None, :]
    )
    ignored = torch.zeros_like(right)
    for row, column in siblings.nonzero().tolist():
        one, other = codes[row], candidate_codes[column]
        related = one.startswith(other) or other.startswith(one)
        if stems[row] >= 0 and related and not right[row, column]:
            ignored[row, column] = True
    # Where nothing of the concept itself is there, what lies above it is right.
    lonely = (~right.any(dim=1)) & (mine >= 0)
    right[lonely] = ignored[lonely]
    ignored[lonely] = False
    return Links(right.to(device), ignored.to(device), siblings.to(device))


def link_loss(anchors: Tensor, candidates: Tensor, judged: Links) -> Tensor:
    """Return the mean loss of anchors [n, d] against candidates [m, d], both of length 1."""
    scores = anchors @ candidates.T
    scores = scores + CATEGORY_MARGIN * (~judged.siblings & ~judged.right)
    scores = (scores / TEMPERATURE).masked_fill(judged.ignored, -torch.inf)
    nothing = torch.full((len(scores), 1), NOTHING / TEMPERATURE, device=scores.device, dtype=scores.dtype)
    whole = torch.cat([scores, nothing], dim=1).logsumexp(dim=1)
    named = judged.right.any(dim=1)
    aimed = torch.where(named, scores.masked_fill(~judged.right, -torch.inf).logsumexp(dim=1), nothing[:, 0])
    return (whole - aimed).mean()


def head_losses(logits: Tensor, windows: list[LearnedWindow]) -> dict[str, Tensor]:
    """Return the losses of the heads, given their logits [rows, tokens, HEAD_WIDTH]."""
    device = logits.device
    rows, tokens = logits.shape[:2]
    tags = torch.full((rows, tokens), IGNORED, dtype=torch.long)
    procedures = torch.full((rows, tokens), IGNORED, dtype=torch.long)
    assertion = torch.full((rows, tokens), IGNORED, dtype=torch.long)
    codeable = torch.full((rows, tokens), float(IGNORED))
    axes = torch.full((rows, tokens, len(AXES)), IGNORED, dtype=torch.long)
    for row, window in enumerate(windows):
        tags[row, : len(window.tags)] = torch.from_numpy(window.tags)
        procedures[row, : len(window.procedures)] = torch.from_numpy(window.procedures)
        for mention in window.mentions:
            place = slice(mention.first, mention.last)
            assertion[row, place] = mention.assertion
            codeable[row, place] = float(mention.codeable)
            axes[row, place] = torch.tensor(mention.axes)
    tags, procedures, assertion, codeable, axes = (
        labels.to(device) for labels in (tags, procedures, assertion, codeable, axes)
    )
    known = codeable != IGNORED
    return {
        "tags": _cross_entropy(logits[..., PLACES["tags"]], tags, outside=_OUTSIDE),
        "assertion": _cross_entropy(logits[..., PLACES["assertion"]], assertion),
        "codeable": functional.binary_cross_entropy_with_logits(
            logits[..., PLACES["codeable"]][..., 0][known], codeable[known]
        )
        if known.any()
        else logits.sum() * 0,
        "axes": torch.stack(
            [_cross_entropy(logits[..., PLACES[axis]], axes[..., place]) for place, axis in enumerate(AXES)]
        ).mean(),
        "procedure": _cross_entropy(logits[..., PLACES["procedure"]], procedures, outside=_OUTSIDE),
    }


def _cross_entropy(logits: Tensor, labels: Tensor, outside: float = 1.0) -> Tensor:
    """Return the mean loss of labels, where label 0 counts `outside` times as much as any other."""
    if not (labels != IGNORED).any():
        return logits.sum() * 0
    weight = torch.ones(logits.shape[-1], device=logits.device)
    weight[0] = outside
    return functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), weight=weight, ignore_index=IGNORED
    )
