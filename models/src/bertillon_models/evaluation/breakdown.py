"""Where a coder does well and where not: scores of notes by specialty, section and frequency of the code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bertillon_models.evaluation.evidence_scores import two_sided
from bertillon_models.evaluation.figures import Figure, Table, from_counts
from bertillon_models.evaluation.note_scores import Prediction
from bertillon_models.evaluation.note_sets import CodedNote, Evidence
from bertillon_server.coding.sections import sections_from

# A code that training links this often, or more, counts as seen often.
OFTEN = 5
FREQUENCIES = ("seen often", "seen seldom", "never seen")

# By group: predictions that are right, predictions, gold codes that are listed, gold codes.
_Tally = dict[str, list[int]]


def by_specialty(
    title: str,
    notes: Sequence[CodedNote],
    predictions: Sequence[Prediction],
    specialties: Sequence[str],
    seed: int,
) -> Table:
    """Score the notes of each specialty."""
    tallies = []
    for note, prediction, specialty in zip(notes, predictions, specialties, strict=True):
        tally: _Tally = defaultdict(lambda: [0] * 4)
        for code in prediction.listed:
            _predicted(tally, [specialty], right=code in note.codes)
        for code in note.codes:
            _gold(tally, [specialty], found=code in prediction.listed)
        tallies.append(tally)
    return _table(f"{title}, by specialty", tallies, sorted(set(specialties)), seed)


def by_frequency(
    title: str,
    notes: Sequence[CodedNote],
    predictions: Sequence[Prediction],
    seen: Mapping[str, int],
    seed: int,
) -> Table:
    """Score codes that training links often, seldom and never."""

    def group(code: str) -> str:
        times = seen.get(code, 0)
        if times >= OFTEN:
            return FREQUENCIES[0]
        return FREQUENCIES[1] if times else FREQUENCIES[2]

    tallies = []
    for note, prediction in zip(notes, predictions, strict=True):
        tally: _Tally = defaultdict(lambda: [0] * 4)
        for code in prediction.listed:
            _predicted(tally, [group(code)], right=code in note.codes)
        for code in note.codes:
            _gold(tally, [group(code)], found=code in prediction.listed)
        tallies.append(tally)
    return _table(
        f"{title}, by code in training ({OFTEN} times or more is often)", tallies, FREQUENCIES, seed
    )


def by_section(
    title: str, notes: Sequence[CodedNote], predictions: Sequence[Prediction], seed: int
) -> Table | None:
    """Score codes by the kind of section of their evidence; None where nobody marked any.

    Precision is over the codes that the system supports there, recall over those that annotators support there; a
    code that is supported in several kinds counts in each.
    """
    tallies = []
    for note, prediction in zip(notes, predictions, strict=True):
        if note.evidence is None or prediction.evidence is None:
            continue
        tally: _Tally = defaultdict(lambda: [0] * 4)
        for code, kinds in _kinds(note.text, prediction.evidence).items():
            _predicted(tally, kinds, right=code in note.codes)
        for code, kinds in _kinds(note.text, note.evidence).items():
            _gold(tally, kinds, found=code in prediction.listed)
        tallies.append(tally)
    if not tallies:
        return None
    return _table(
        f"{title}, by section of the evidence", tallies, sorted({kind for t in tallies for kind in t}), seed
    )


def _predicted(tally: _Tally, groups: Iterable[str], *, right: bool) -> None:
    for group in groups:
        tally[group][0] += right
        tally[group][1] += 1


def _gold(tally: _Tally, groups: Iterable[str], *, found: bool) -> None:
    for group in groups:
        tally[group][2] += found
        tally[group][3] += 1


def _kinds(text: str, evidence: Iterable[Evidence]) -> dict[str, set[str]]:
    sections = sections_from(text, ())
    kinds: dict[str, set[str]] = defaultdict(set)
    for entry in evidence:
        kind = next((s.kind for s in sections if s.span.start <= entry.span.start < s.span.end), None)
        if kind is not None:
            kinds[entry.code].add(kind.name.lower().replace("_", " "))
    return kinds


def _table(title: str, tallies: Sequence[_Tally], groups: Sequence[str], seed: int) -> Table:
    rows = {}
    for group in groups:
        counts = np.array([tally.get(group, [0] * 4) for tally in tallies], np.float64)
        sums = counts.sum(axis=0)
        rows[group] = {
            "gold": Figure(int(sums[3])),
            "listed": Figure(int(sums[1])),
            **from_counts(("P", "R", "F1"), counts, two_sided, seed),
        }
    return Table(title, len(tallies), "notes", ("gold", "listed", "P", "R", "F1"), rows)
