"""Scores assertion: precision, recall and F1 of each class; the rules alone, and with the encoder's own reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.assertion_sets import Example, Frame
from bertillon_models.evaluation.figures import Figure, Row, Table, from_counts
from bertillon_models.evaluation.intervals import precision_recall_f1
from bertillon_models.evaluation.local import LocalCoder
from bertillon_server.coding.assertion import AssertionRules, Judgement, tokenize
from bertillon_server.coding.heads import MentionReading, read_mention
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion
from bertillon_server.coding.windows import cut_windows

RULES = "rules"
# Sets that only tell negated from not: every other assertion counts as affirmed.
_AFFIRMED = "AFFIRMED"
_ALL = "all classes"


def judged_by_rules(examples: Sequence[Example]) -> list[Judgement]:
    """Judge every example by the rules, those of one sentence together, as coding does."""
    rules = AssertionRules()
    by_sentence: dict[tuple[int, Span], list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        by_sentence[id(example.frame), _sentence(example)].append(number)
    judged: dict[int, Judgement] = {}
    for (_, sentence), numbers in by_sentence.items():
        frame = examples[numbers[0]].frame
        spans = [examples[number].mention for number in numbers]
        judged.update(
            zip(numbers, rules.judge(tokenize(frame.text, sentence), spans, frame.kind), strict=True)
        )
    return [judged[number] for number in range(len(examples))]


def judged_with(
    coder: LocalCoder, examples: Sequence[Example], by_rules: Sequence[Judgement]
) -> list[Judgement]:
    """Return the judgements of the rules brought together with what the bundle's encoder reads."""
    fusion = coder.knowledge.calibration.fusion
    read = read_examples(coder, examples)
    return [fusion.judge(judgement, reading) for judgement, reading in zip(by_rules, read, strict=True)]


def read_examples(coder: LocalCoder, examples: Sequence[Example]) -> list[MentionReading | None]:
    """Return what the encoder reads of each mention; None where it saw nothing."""
    knowledge = coder.knowledge
    by_frame: dict[int, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        by_frame[id(example.frame)].append(number)
    found: dict[int, MentionReading | None] = {}
    for numbers in track(list(by_frame.values()), "reading", console=Console(stderr=True), transient=True):
        frame: Frame = examples[numbers[0]].frame
        spans = [examples[number].mention for number in numbers]
        windows = cut_windows(frame.text, frame.body, frame.kind, frame.sentences, knowledge.tokenizer)
        encodings = coder.encode([w for w in windows if any(w.holds(span) for span in spans)])
        for number, span in zip(numbers, spans, strict=True):
            rows = encodings.at(span)
            found[number] = None if rows is None else read_mention(rows, knowledge.vectors.dimensions)
    return [found[number] for number in range(len(examples))]


def assertions_table(
    title: str, examples: Sequence[Example], systems: Mapping[str, Sequence[Judgement]], seed: int
) -> Table:
    """Score judgements class by class, part by part of the set and together; P, R and F1 of each system.

    Intervals resample units. Raises ValueError when there are no examples.
    """
    if not examples:
        raise ValueError(f"{title}: there are no asserted mentions")
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        if example.part is not None:
            numbers[example.part].append(number)
    parts = {part: numbers[part] for part in sorted(numbers)} | {"": list(range(len(examples)))}
    rows: dict[str, Row] = {}
    for part, chosen in parts.items():
        for system, judged in systems.items():
            labels = [judged[number].assertion.name for number in chosen]
            scored = _score([examples[number] for number in chosen], labels, system, seed)
            for name, row in scored.items():
                rows.setdefault(f"{part}: {name}" if part else name, {}).update(row)
    columns = ["gold", *(f"{system} {figure}" for system in systems for figure in ("P", "R", "F1"))]
    return Table(title, len(examples), "mentions", tuple(columns), rows)


def _sentence(example: Example) -> Span:
    frame, start = example.frame, example.mention.start
    return next((s for s in frame.sentences if s.start <= start < s.end), frame.body)


def _score(examples: Sequence[Example], labels: Sequence[str], system: str, seed: int) -> dict[str, Row]:
    golds = {example.gold for example in examples}
    binary = golds <= {_AFFIRMED, Assertion.NEGATED.name}
    if binary:
        labels = [label if label == Assertion.NEGATED.name else _AFFIRMED for label in labels]
    order = [Assertion.NEGATED.name, _AFFIRMED] if binary else list(Assertion.__members__)
    classes = [label for label in order if label in golds or label in labels]
    units = {unit: row for row, unit in enumerate(dict.fromkeys(example.unit for example in examples))}
    # By class: right, predicted, gold; then the same over all classes.
    counts = np.zeros((len(units), 3 * len(classes) + 3))
    for example, label in zip(examples, labels, strict=True):
        row = counts[units[example.unit]]
        row[3 * classes.index(label) + 1] += 1
        row[3 * classes.index(example.gold) + 2] += 1
        row[-3:] += label == example.gold, 1, 1
        if label == example.gold:
            row[3 * classes.index(label)] += 1
    names = [f"{name}\t{figure}" for name in (*classes, _ALL) for figure in ("P", "R", "F1")]
    rows: dict[str, Row] = {}
    for key, figure in from_counts(names, counts, precision_recall_f1, seed).items():
        name, _, kind = key.partition("\t")
        rows.setdefault(name, {})[f"{system} {kind}"] = figure
    for at, name in enumerate((*classes, _ALL)):
        rows[name]["gold"] = Figure(int(counts[:, 3 * at + 2].sum()))
    return rows
