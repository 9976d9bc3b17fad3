"""The layout of the encoder's heads, and what is read of a mention."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from bertillon_models.fusion_fit import fit_fusion
from bertillon_server.coding.assertion import Judgement
from bertillon_server.coding.fusion import Fusion
from bertillon_server.coding.heads import (
    ASSERTIONS,
    AXES,
    HEAD_WIDTH,
    PLACES,
    TAGS,
    MentionReading,
    pooled,
    read_axes,
    read_mention,
    tagged,
)
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion

DIMENSIONS = 4


def rows(tags: str, assertion: Assertion = Assertion.PRESENT, codeable: float = 0.0) -> NDArray[np.float32]:
    """Make rows whose tags are spelled: o outside, b begin, i inside."""
    made = np.zeros((len(tags), DIMENSIONS + HEAD_WIDTH), np.float32)
    made[:, :DIMENSIONS] = np.arange(1, 1 + len(tags))[:, None]
    heads = made[:, DIMENSIONS:]
    names = {"o": "outside", "b": "begin-problem", "i": "inside-problem"}
    for place, tag in enumerate(tags):
        heads[place, PLACES["tags"]][TAGS.index(names[tag])] = 9.0
    heads[:, PLACES["assertion"]][:, ASSERTIONS.index(assertion)] = 9.0
    heads[:, PLACES["codeable"]] = codeable
    return made


def test_the_heads_fill_their_width_without_overlap() -> None:
    covered = [place for head in PLACES.values() for place in range(head.start, head.stop)]
    assert covered == list(range(HEAD_WIDTH))


@pytest.mark.parametrize(
    ("tags", "mentions"),
    [
        ("ooo", []),
        ("obio", [(1, 3)]),
        ("bib", [(0, 2), (2, 3)]),
        ("oii", [(1, 3)]),
        ("bb", [(0, 1), (1, 2)]),
        ("obi", [(1, 3)]),
    ],
)
def test_tags_name_token_ranges(tags: str, mentions: list[tuple[int, int]]) -> None:
    assert tagged(rows(tags), DIMENSIONS) == mentions


def test_a_mention_is_read_from_its_tokens() -> None:
    read = read_mention(rows("bi", Assertion.NEGATED, codeable=2.0), DIMENSIONS)
    assert ASSERTIONS[int(read.assertion.argmax())] is Assertion.NEGATED
    assert read.codeable == pytest.approx(1 / (1 + np.exp(-2)))
    assert read.named > 0.99
    assert np.linalg.norm(read.vector) == pytest.approx(1)
    assert read_axes(rows("bi"), DIMENSIONS) == {}


def test_a_procedure_is_told_from_a_condition_by_the_surer_of_two_heads() -> None:
    made = rows("bi")
    assert not read_mention(made, DIMENSIONS).is_procedure
    made[:, DIMENSIONS:][:, PLACES["procedure"]] = [0, 5, 5]
    surer = rows("oo")
    surer[:, DIMENSIONS:][:, PLACES["procedure"]] = [0, 9, 9]
    assert read_mention(made, DIMENSIONS).procedure > 0.99
    assert not read_mention(made, DIMENSIONS).is_procedure
    assert read_mention(surer, DIMENSIONS).is_procedure


def test_a_bundle_from_before_procedures_were_tagged_knows_of_none() -> None:
    shorter = rows("bi")[:, : DIMENSIONS + PLACES["procedure"].start]
    assert tagged(shorter, DIMENSIONS) == [(0, 2)]
    read, wider = read_mention(shorter, DIMENSIONS), read_mention(rows("bi"), DIMENSIONS)
    assert (read.procedure, read.is_procedure) == (0, False)
    assert (read.named, read.codeable) == (wider.named, wider.codeable)


def test_an_axis_is_read_when_one_value_has_most_of_the_chance() -> None:
    made = rows("b")
    made[:, DIMENSIONS:][:, PLACES["laterality"]] = [0, 0, 9, 0]
    assert read_axes(made, DIMENSIONS) == {"laterality": AXES["laterality"][2]}


def test_a_vector_of_nothing_is_no_error() -> None:
    assert pooled(np.zeros((3, 4), np.float32)).tolist() == [0, 0, 0, 0]


def reading(assertion: Assertion, chance: float) -> MentionReading:
    chances = np.full(len(ASSERTIONS), (1 - chance) / (len(ASSERTIONS) - 1), np.float32)
    chances[ASSERTIONS.index(assertion)] = chance
    return MentionReading(np.zeros(1, np.float32), chances, 0.5, 1.0)


PRESENT = Judgement(Assertion.PRESENT, None)
NEGATED = Judgement(Assertion.NEGATED, Span(0, 2))


def fusion() -> Fusion:
    """Fit on rules that miss histories, and an encoder that sees them."""
    present, negated, past = map(
        ASSERTIONS.index, (Assertion.PRESENT, Assertion.NEGATED, Assertion.HISTORICAL)
    )
    rules = [present] * 80 + [negated] * 20
    gold = [present] * 60 + [past] * 20 + [negated] * 20
    chances = np.full((100, len(ASSERTIONS)), 0.02)
    chances[np.arange(100), gold] = 0.88
    return fit_fusion(rules, chances, gold, (0.0, 0.5, 1.0))


def test_the_encoder_is_heard_where_the_rules_are_known_to_miss() -> None:
    assert fusion().judge(PRESENT, reading(Assertion.HISTORICAL, 0.9)).assertion is Assertion.HISTORICAL
    assert fusion().judge(PRESENT, reading(Assertion.PRESENT, 0.9)) == PRESENT
    assert fusion().judge(PRESENT, None) == PRESENT


def test_a_rule_that_is_hardly_ever_wrong_stands_with_its_cue() -> None:
    assert fusion().judge(NEGATED, reading(Assertion.NEGATED, 0.5)) == NEGATED
    assert fusion().judge(NEGATED, reading(Assertion.HISTORICAL, 0.4)) == NEGATED


def test_a_verdict_against_the_rules_has_no_cue_of_theirs() -> None:
    judged = fusion().judge(Judgement(Assertion.PRESENT, Span(0, 2)), reading(Assertion.HISTORICAL, 0.99))
    assert judged == Judgement(Assertion.HISTORICAL, None)


def test_doubt_that_the_text_spells_out_stays_doubt() -> None:
    doubt = Judgement(Assertion.POSSIBLE, Span(0, 8))
    assert fusion().judge(doubt, reading(Assertion.PRESENT, 0.99)) == doubt
    assert fusion().judge(doubt, reading(Assertion.NEGATED, 0.99)).assertion is Assertion.NEGATED


def test_rules_alone_hear_no_encoder() -> None:
    assert Fusion.rules_alone().judge(PRESENT, reading(Assertion.NEGATED, 1.0)) == PRESENT


def test_a_fusion_is_stored_and_read() -> None:
    stored = Fusion.from_json(json.loads(json.dumps(fusion().to_json())))
    np.testing.assert_allclose(stored.meant, fusion().meant, atol=1e-4)
    with pytest.raises(ValueError, match="each assertion"):
        Fusion.from_json({"meant": [[1.0]], "usual": [1.0], "power": 1.0, "least": 0.1})
