"""The project's own sentences, per class. A third of them was written before the rules and never tuned on."""

from collections import Counter
from pathlib import Path

import pytest

from bertillon_models.evaluation.assertion_sets import read_assertions
from bertillon_models.evaluation.rows import Rejects
from bertillon_server.coding.assertion import AssertionRules, tokenize
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion

# A row that cannot be used is an error here.
EXAMPLES = list(read_assertions(Path(__file__).parent / "data" / "assertions.jsonl", Rejects()))


def test_every_class_is_in_both_parts() -> None:
    classes = {(example.part, example.gold) for example in EXAMPLES}
    assert classes == {(part, assertion.name) for part in ("check", "dev") for assertion in Assertion}


@pytest.mark.parametrize("part", ["check", "dev"])
def test_every_class_is_recognised_at_least_at_the_shipping_gate(part: str) -> None:
    rules = AssertionRules()
    hits: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    for example in EXAMPLES:
        if example.part != part:
            continue
        frame = example.frame
        whole = Span(0, len(frame.text))
        [judgement] = rules.judge(tokenize(frame.text, whole), [example.mention], frame.kind)
        gold[example.gold] += 1
        predicted[judgement.assertion.name] += 1
        hits[example.gold] += judgement.assertion.name == example.gold
    f1 = {name: 2 * hits[name] / (gold[name] + predicted[name]) for name in gold}
    assert {name: value for name, value in f1.items() if value < 0.90} == {}
