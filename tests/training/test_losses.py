"""What a step is judged by, on cases small enough to reckon by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from bertillon_models.training.examples import IGNORED, LearnedMention, LearnedWindow  # noqa: E402
from bertillon_models.training.losses import (  # noqa: E402 - needs torch
    CATEGORY_MARGIN,
    NOTHING,
    TEMPERATURE,
    WEIGHTS,
    Links,
    head_losses,
    link_loss,
    links,
)
from bertillon_server.coding.heads import ASSERTIONS, AXES, HEAD_WIDTH, PLACES, PROCEDURE_TAGS, TAGS  # noqa: E402

CPU = torch.device("cpu")


def compared(anchors: list[tuple[int, str]], candidates: list[tuple[int, str]]) -> Links:
    stems, codes = zip(*anchors, strict=True)
    theirs, their_codes = zip(*candidates, strict=True)
    return links(list(stems), list(codes), list(theirs), list(their_codes), CPU)


def test_terms_of_the_concept_are_right_and_terms_of_the_category_are_siblings() -> None:
    judged = compared([(1, "I50.21")], [(1, "I50.21"), (2, "I50.22"), (3, "I48.0"), (1, "I50.21")])
    assert judged.right.tolist() == [[True, False, False, True]]
    assert judged.siblings.tolist() == [[True, True, False, True]]
    assert not judged.ignored.any()


def test_a_code_above_or_below_is_neither_right_nor_wrong() -> None:
    judged = compared(
        [(1, "E11.22"), (2, "E11")], [(1, "E11.22"), (2, "E11"), (3, "E11.2"), (4, "E11.9"), (5, "E11.221")]
    )
    assert judged.right.tolist() == [[True, False, False, False, False], [False, True, False, False, False]]
    assert judged.ignored.tolist() == [[False, True, True, False, True], [True, False, True, True, True]]


def test_what_lies_above_is_right_where_nothing_of_the_concept_is_there() -> None:
    judged = compared([(1, "E11.22")], [(3, "E11.2"), (4, "E11.9"), (5, "I50.9")])
    assert judged.right.tolist() == [[True, False, False]]
    assert not judged.ignored.any()


def test_text_that_names_nothing_has_no_right_candidate_and_judges_all() -> None:
    judged = compared([(-1, "")], [(1, "E11.9"), (2, "I50.9")])
    assert not judged.right.any()
    assert not judged.ignored.any()
    assert not judged.siblings.any()


def raised(similarity: float, *, elsewhere: bool = False) -> float:
    return math.exp((similarity + CATEGORY_MARGIN * elsewhere) / TEMPERATURE)


# An anchor and candidates at known similarities to it.
ANCHOR = torch.tensor([[1.0, 0.0]])


def at(*similarities: float) -> Tensor:
    return torch.tensor([[s, math.sqrt(1 - s * s)] for s in similarities])


def test_the_loss_of_a_link_is_that_of_its_right_ones_among_all_and_nothing() -> None:
    judged = compared([(1, "I50.21")], [(1, "I50.21"), (1, "I50.21"), (2, "I50.22"), (3, "I48.0")])
    aimed = raised(0.9) + raised(0.6)
    whole = aimed + raised(0.7) + raised(0.5, elsewhere=True) + raised(NOTHING)
    loss = link_loss(ANCHOR, at(0.9, 0.6, 0.7, 0.5), judged)
    assert float(loss) == pytest.approx(math.log(whole / aimed), rel=1e-4)


def test_what_is_ignored_is_in_no_sum() -> None:
    judged = compared([(1, "E11.22")], [(1, "E11.22"), (2, "E11.2"), (3, "E11.9")])
    loss = link_loss(ANCHOR, at(0.6, 0.99, 0.2), judged)
    whole = raised(0.6) + raised(0.2) + raised(NOTHING)
    assert float(loss) == pytest.approx(math.log(whole / raised(0.6)), rel=1e-4)


def test_text_that_names_nothing_is_to_stay_below_a_fixed_similarity() -> None:
    judged = compared([(-1, "")], [(1, "E11.9")])
    whole = raised(0.8, elsewhere=True) + raised(NOTHING)
    loss = link_loss(ANCHOR, at(0.8), judged)
    assert float(loss) == pytest.approx(math.log(whole / raised(NOTHING)), rel=1e-4)
    assert float(link_loss(ANCHOR, at(0.1), judged)) < 0.001


def test_another_category_costs_more_than_a_sibling_of_the_same_similarity() -> None:
    sibling = compared([(1, "I50.21")], [(1, "I50.21"), (2, "I50.22")])
    other = compared([(1, "I50.21")], [(1, "I50.21"), (2, "I48.0")])
    vectors = at(0.8, 0.8)
    assert float(link_loss(ANCHOR, vectors, sibling)) < float(link_loss(ANCHOR, vectors, other))


def test_the_loss_is_the_mean_and_its_slope_is_finite_for_anchors_of_both_sorts() -> None:
    judged = compared([(1, "E11.22"), (-1, "")], [(1, "E11.22"), (2, "E11.2")])
    anchors = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    vectors = at(0.6, 0.7)
    loss = link_loss(anchors, vectors, judged)
    parts = [
        link_loss(
            ANCHOR,
            vectors,
            Links(judged.right[i : i + 1], judged.ignored[i : i + 1], judged.siblings[i : i + 1]),
        )
        for i in (0, 1)
    ]
    assert float(loss.detach()) == pytest.approx(sum(map(float, parts)) / 2, rel=1e-5)
    loss.backward()
    assert torch.isfinite(anchors.grad).all()


def mention(first: int, last: int, assertion: int = 0, codeable: int = 1, **axes: int) -> LearnedMention:
    return LearnedMention(
        first, last, "I10", 0, assertion, codeable, tuple(axes.get(axis, 0) for axis in AXES)
    )


def window(tags: list[int], *mentions: LearnedMention) -> LearnedWindow:
    return LearnedWindow(np.zeros(len(tags), np.int64), np.array(tags), mentions, np.minimum(tags, 1))


def undecided(rows: int, tokens: int) -> Tensor:
    return torch.zeros(rows, tokens, HEAD_WIDTH)


def test_heads_that_know_nothing_lose_the_logarithm_of_their_choices() -> None:
    losses = head_losses(undecided(1, 4), [window([IGNORED, 0, 1, 2], mention(2, 4))])
    assert set(losses) | {"link", "taught"} == set(WEIGHTS)
    assert float(losses["tags"]) == pytest.approx(math.log(len(TAGS)))
    assert float(losses["procedure"]) == pytest.approx(math.log(len(PROCEDURE_TAGS)))
    assert float(losses["assertion"]) == pytest.approx(math.log(len(ASSERTIONS)))
    assert float(losses["codeable"]) == pytest.approx(math.log(2))
    assert float(losses["axes"]) == pytest.approx(
        sum(math.log(len(values)) for values in AXES.values()) / len(AXES)
    )


def test_heads_that_are_right_lose_nothing() -> None:
    logits = undecided(2, 4)
    one = window([IGNORED, 0, 1, 2], mention(2, 4, assertion=3, codeable=1, laterality=2))
    other = window([IGNORED, 3, 0], mention(1, 2, assertion=1, codeable=0, acuity=3))
    for row, learned in enumerate((one, other)):
        for token, tag in enumerate(learned.tags):
            logits[row, token, PLACES["tags"]][max(tag, 0)] = 30.0
            logits[row, token, PLACES["procedure"]][max(learned.procedures[token], 0)] = 30.0
        for said in learned.mentions:
            place = slice(said.first, said.last)
            logits[row, place, PLACES["assertion"].start + said.assertion] = 30.0
            logits[row, place, PLACES["codeable"].start] = 60.0 * said.codeable - 30.0
            for axis, value in zip(AXES, said.axes, strict=True):
                logits[row, place, PLACES[axis].start + value] = 30.0
    assert all(float(loss) < 1e-6 for loss in head_losses(logits, [one, other]).values())


def test_words_outside_mentions_count_half() -> None:
    logits = undecided(1, 2)
    logits[0, :, PLACES["tags"].start] = 2.0
    outside, begin = (float(head_losses(logits, [window([tag, IGNORED])])["tags"]) for tag in (0, 1))
    both = float(head_losses(logits, [window([0, 1])])["tags"])
    assert both == pytest.approx((0.5 * outside + begin) / 1.5)


def test_what_nobody_said_is_not_judged() -> None:
    learned = window([IGNORED, 1, IGNORED], mention(1, 2, codeable=IGNORED))
    logits = undecided(1, 5)
    sure = logits.clone()
    # Tokens without labels, padding, and the codeability that was not said.
    sure[0, [0, 2, 3, 4]] = 7.0 * torch.arange(HEAD_WIDTH)
    sure[0, 1, PLACES["codeable"]] = -9.0
    before, after = head_losses(logits, [learned]), head_losses(sure, [learned])
    assert {name: float(loss) for name, loss in before.items()} == {
        name: float(loss) for name, loss in after.items()
    }
    assert float(before["codeable"]) == 0


def test_a_batch_without_mentions_has_losses_of_0_that_can_be_gone_back_from() -> None:
    logits = undecided(1, 3).requires_grad_()
    losses = head_losses(logits, [window([IGNORED] * 3)])
    assert {name: float(loss.detach()) for name, loss in losses.items()} == dict.fromkeys(losses, 0.0)
    sum(losses.values()).backward()
    assert not logits.grad.any()
