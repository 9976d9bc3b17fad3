"""Everything that is measured in one run: which systems, on which sets, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bertillon_models.corpus import CorpusNote
from bertillon_models.evaluation.assertion_sets import Example
from bertillon_models.evaluation.assertions import RULES, assertions_table, judged_by_rules, judged_with
from bertillon_models.evaluation.bm25 import Bm25
from bertillon_models.evaluation.breakdown import by_frequency, by_section, by_specialty
from bertillon_models.evaluation.confidence_scores import reliability, risk_coverage
from bertillon_models.evaluation.corpus_parts import Part, Training
from bertillon_models.evaluation.figures import Curve, Table
from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase
from bertillon_models.evaluation.mentions import (
    bm25_ranking,
    groups_of,
    link,
    mentions_table,
)
from bertillon_models.evaluation.note_sets import CodedNote, Profile, comparable
from bertillon_models.evaluation.notes import floor_run, notes_table, predict
from bertillon_models.evaluation.quantisation import mentions_fidelity, notes_fidelity
from bertillon_models.splits import code_is_held_out


@dataclass(slots=True)
class Results:
    """Tables and curves so far, in the order they were made, and what the reader has to know beside them.

    `fidelity` are the tables that compare int8 with fp32, titled by their sets; `unbillable` holds the gold codes, by
    set, that are not billable in the release.
    """

    tables: list[Table] = field(default_factory=list)
    fidelity: list[Table] = field(default_factory=list)
    curves: dict[str, dict[str, Curve]] = field(default_factory=dict)
    unbillable: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Systems:
    """The bundle that is judged, and what stands beside it; None where nothing was asked for."""

    coder: LocalCoder
    baseline: LocalCoder | None = None
    terms: Path | None = None
    fp32: Path | None = None

    @property
    def coders(self) -> list[LocalCoder]:
        """The bundles."""
        return [self.coder] if self.baseline is None else [self.coder, self.baseline]


class Suite:
    """Runs the evaluations, each on one set; results gather in `results`."""

    def __init__(self, systems: Systems, *, seed: int, training: Training | None = None) -> None:
        self.results = Results()
        self._systems = systems
        self._seed = seed
        self._training = training
        self._reference: LocalCoder | None = None
        if systems.fp32 is not None:
            self._reference = systems.coder.with_encoder(systems.fp32)
        self._floor: DictionaryFloor | None = None
        if systems.terms is not None:
            self._floor = DictionaryFloor(systems.terms, systems.coder.billable)

    def notes(self, name: str, notes: Sequence[CodedNote], profile: Profile) -> None:
        """Score coded notes."""
        self._notes(name, notes, profile, None, held_out=False)

    def corpus_notes(self, name: str, notes: Sequence[CorpusNote], profile: Profile, part: Part) -> None:
        """Score annotated notes, with their specialties; of the part `code` only the codes that were held out."""
        specialties = [note.fields.get("specialty", "unknown") for note in notes]
        coded = [note.coded() for note in notes]
        self._notes(name, coded, profile, specialties, held_out=part is Part.CODE)

    def _notes(
        self,
        name: str,
        given: Sequence[CodedNote],
        profile: Profile,
        specialties: Sequence[str] | None,
        *,
        held_out: bool,
    ) -> None:
        self._check(name, (note.codes for note in given))
        notes = comparable(given, profile)
        runs = [predict(coder, notes, profile) for coder in self._systems.coders]
        if self._floor is not None:
            runs.append(floor_run(self._floor, notes, profile))
        reference = None if self._reference is None else predict(self._reference, notes, profile)
        if held_out:
            notes = [note.restricted(code_is_held_out) for note in notes]
            runs = [run.restricted(code_is_held_out) for run in runs]
            reference = reference and reference.restricted(code_is_held_out)
        title = f"{name}, profile {profile.value}"
        tables, seed = self.results.tables, self._seed
        tables.append(notes_table(title, notes, runs, seed))
        ours = runs[0].predictions
        if reference is not None:
            self.results.fidelity.append(notes_fidelity(title, notes, ours, reference.predictions, seed))
        if specialties is not None:
            tables.append(by_specialty(title, notes, ours, specialties, seed))
        if (table := by_section(title, notes, ours, seed)) is not None:
            tables.append(table)
        if self._training is not None:
            seen = {profile.comparable(code): n for code, n in self._training.codes.items()}
            tables.append(by_frequency(title, notes, ours, seen, seed))
        bundles = runs[: len(self._systems.coders)]
        self.results.curves[f"{title}: reliability"] = {
            run.system: reliability(notes, run.predictions) for run in bundles
        }
        self.results.curves[f"{title}: risk and coverage"] = {
            run.system: risk_coverage(notes, run.predictions) for run in bundles
        }

    def mentions(self, name: str, cases: Sequence[MentionCase]) -> None:
        """Score the linker on mentions."""
        self._check(name, (case.codes for case in cases))
        linked = [link(coder, cases) for coder in self._systems.coders]
        rankings = [ranking for one in linked for ranking in (one.full, one.nearest)]
        if self._floor is not None and self._systems.terms is not None:
            rankings.append(bm25_ranking(Bm25(self._systems.terms, self._floor), cases))
        groups = groups_of(cases, self._systems.coder.knowledge, self._training)
        self.results.tables.append(mentions_table(name, cases, rankings, groups, self._seed))
        if self._reference is not None:
            self.results.fidelity.append(
                mentions_fidelity(name, cases, linked[0], link(self._reference, cases), self._seed)
            )

    def assertions(self, name: str, examples: Sequence[Example]) -> None:
        """Score assertion, by the rules alone and with each bundle's encoder."""
        self._check(name, [frozenset()] * len(examples))
        by_rules = judged_by_rules(examples)
        systems = {RULES: by_rules} | {
            coder.knowledge.versions.model: judged_with(coder, examples, by_rules)
            for coder in self._systems.coders
        }
        self.results.tables.append(assertions_table(name, examples, systems, self._seed))

    def _check(self, name: str, gold: Iterable[frozenset[str]]) -> None:
        """Note gold codes that are not billable; raises ValueError for a set of nothing."""
        codes = list(gold)
        if not codes:
            raise ValueError(f"{name}: there is nothing to score")
        missing = sorted(frozenset().union(*codes) - self._systems.coder.billable)
        if missing:
            self.results.unbillable[name] = missing
