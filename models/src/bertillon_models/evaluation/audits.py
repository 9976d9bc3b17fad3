"""Scores audits on notes with one thing made wrong, and on the same notes as they are.

A finding counts when it is above *information*. Of each perturbed note, a finding of the kind at issue is right
when it is about what was made wrong. Any other of that kind is false, unless the audit of the note as it is has it
as well: then it is no answer to what was made wrong, and counts among the findings on clean notes. Precision over
all findings, those of the clean note included, is reported beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bertillon_models.corpus import CorpusNote
from bertillon_models.evaluation.intervals import Counts, Interval, bootstrap
from bertillon_models.evaluation.local import SYSTEM, Coded, LocalCoder
from bertillon_models.evaluation.perturbations import Perturbed, Perturber, Wrong
from bertillon_server.audit.auditor import Auditor
from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.case import CodedText
from bertillon_server.audit.values import AuditedText, AuditInput, Finding, Kind, Proposed, Severity
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.vocabulary import Setting

_KINDS = {
    Wrong.MISSED: Kind.MISSED,
    Wrong.SIBLING: Kind.UNSUPPORTED,
    Wrong.SIDE: Kind.UNSUPPORTED,
    Wrong.NEGATED: Kind.UNSUPPORTED,
    Wrong.FAMILY: Kind.UNSUPPORTED,
    Wrong.SPECIFICITY: Kind.SPECIFICITY,
    Wrong.CONFLICT: Kind.CONFLICT,
    Wrong.QUERY: Kind.QUERY,
}
# Perturbations that are scored together, by the name of the row.
GROUPS: dict[str, tuple[Wrong, ...]] = {
    "conflict": (Wrong.CONFLICT,),
    "unsupported: negated, family, other side": (Wrong.NEGATED, Wrong.FAMILY, Wrong.SIDE),
    "unsupported: sibling": (Wrong.SIBLING,),
    "missed": (Wrong.MISSED,),
    "specificity": (Wrong.SPECIFICITY,),
    "query": (Wrong.QUERY,),
}
_ALARMS = (Kind.UNSUPPORTED, Kind.MISSED, Kind.SPECIFICITY, Kind.CONFLICT, Kind.QUERY)
# Quantities of a note: found, made wrong, false beyond the clean note, false at all.
_FOUND, _WRONG, _NEW_FALSE, _ALL_FALSE = range(4)


@dataclass(frozen=True, slots=True)
class Score:
    """A figure with its interval; `n` is how many notes it is over."""

    name: str
    n: int
    value: float
    interval: Interval


class AuditScorer:
    """Audits with one bundle and one release."""

    def __init__(self, coder: LocalCoder) -> None:
        self._coder = coder
        self.book = CodeBook(coder.catalog, SYSTEM, coder.release)
        self._perturber = Perturber(coder.catalog, self.book)
        self._auditor = Auditor(self.book, terms=coder.knowledge.terms)
        self._known: tuple[str, Setting, Coded] | None = None

    def scores(self, notes: Sequence[CorpusNote], *, seed: int, tick: Callable[[], None]) -> list[Score]:
        """Return recall and precision of each kind, and the false findings of notes as they are."""
        per_note = {name: np.zeros((len(notes), 4)) for name in GROUPS}
        alarms = np.zeros((len(notes), 2 + len(_ALARMS)))
        for row, note in enumerate(notes):
            clean = self._findings(note, note.text, sorted(note.coded().codes))
            fair = [finding for finding in clean if self._asks_what_is_open(note, finding)]
            clean = [finding for finding in clean if finding not in fair]
            asked = {_key(finding) for finding in fair}
            alarms[row] = [
                1,
                *(sum(finding.kind is kind for finding in clean) for kind in _ALARMS),
                len(fair),
            ]
            for perturbed in self._perturber.all(note):
                found = self._findings(note, perturbed.text, perturbed.codes)
                # What is fair to ask of the note as it is, and is no answer to what was made wrong, is fair here too.
                found = [item for item in found if _is_about(perturbed, item) or _key(item) not in asked]
                counts = _counts(perturbed, found, clean)
                for name, group in GROUPS.items():
                    if perturbed.wrong in group:
                        per_note[name][row] += counts
            tick()
        scores: list[Score] = []
        for name, counts in per_note.items():
            scores += _ratios(name, counts, seed)
        return scores + _alarms(alarms, seed)

    def _asks_what_is_open(self, note: CorpusNote, finding: Finding) -> bool:
        """Whether a query is about a code of the note's author that leaves something open."""
        given = note.coded().codes
        return finding.kind is Kind.QUERY and any(
            ref.code in given and read_title(ref.title).open for ref in finding.codes
        )

    def _findings(self, note: CorpusNote, text: str, codes: Iterable[str]) -> list[Finding]:
        """Audit; findings above information."""
        setting = note.coded().setting
        age = note.fields.get("age", "")
        request = AuditInput(
            notes=(AuditedText("", text),),
            codes=tuple(Proposed(code) for code in codes),
            setting=setting,
            age_years=int(age) if age.isdigit() else None,
        )
        coded = self._coded(text, setting)
        _, findings = self._auditor.audit(
            request, [CodedText(request.notes[0], coded.sections)], coded.summary
        )
        return [finding for finding in findings if finding.severity is not Severity.INFO]

    def _coded(self, text: str, setting: Setting) -> Coded:
        """Code a text; most perturbations leave it as it is, so the last one is kept."""
        if self._known is None or self._known[:2] != (text, setting):
            self._known = (text, setting, self._coder.code(NoteInput(text, setting=setting)))
        return self._known[2]


def _counts(perturbed: Perturbed, found: Sequence[Finding], clean: Sequence[Finding]) -> Counts:
    kind = _KINDS[perturbed.wrong]
    before = {_key(finding) for finding in clean}
    of_kind = [finding for finding in found if finding.kind is kind]
    hits = [finding for finding in of_kind if _is_about(perturbed, finding)]
    false = [finding for finding in of_kind if finding not in hits]
    counts = np.zeros(4)
    counts[_FOUND] = bool(hits)
    counts[_WRONG] = 1
    counts[_NEW_FALSE] = sum(_key(finding) not in before for finding in false)
    counts[_ALL_FALSE] = len(false)
    return counts


def _is_about(perturbed: Perturbed, finding: Finding) -> bool:
    codes = {ref.code for ref in finding.codes}
    if perturbed.wrong is Wrong.QUERY:
        # Asked about the condition, by whatever code of its category the note now stands for.
        return any(code[:3] == perturbed.target[:3] for code in codes)
    return perturbed.target in codes


def _key(finding: Finding) -> tuple[object, ...]:
    topic = finding.query.topic if finding.query is not None else ""
    return finding.rule, frozenset(ref.code for ref in finding.codes), topic


def _ratios(name: str, counts: Counts, seed: int) -> list[Score]:
    counts = counts[counts[:, _WRONG] > 0]
    if not len(counts):
        return []
    labels = ("recall", "precision", "precision with what the clean note has")

    def figures(sums: Counts) -> Counts:
        found, wrong = sums[:, _FOUND], sums[:, _WRONG]
        with np.errstate(invalid="ignore"):
            return np.stack(
                [found / wrong, found / (found + sums[:, _NEW_FALSE]), found / (found + sums[:, _ALL_FALSE])],
                axis=1,
            )

    values = figures(counts.sum(axis=0, keepdims=True))[0]
    intervals = bootstrap(counts, figures, seed=seed)
    made = int(counts[:, _WRONG].sum())
    return [
        Score(f"{name}: {label}", made, float(value), interval)
        for label, value, interval in zip(labels, values, intervals, strict=True)
    ]


def _alarms(alarms: Counts, seed: int) -> list[Score]:
    def figures(sums: Counts) -> Counts:
        notes = sums[:, :1]
        every = sums[:, 1:-1].sum(axis=1, keepdims=True)
        but_queries = sums[:, 1:-2].sum(axis=1, keepdims=True)
        return np.concatenate([every, but_queries, sums[:, 1:]], axis=1) / notes

    labels = (
        "all",
        "all but queries",
        *(kind.name.lower() for kind in _ALARMS),
        "query on what the code leaves open (not counted)",
    )
    values = figures(alarms.sum(axis=0, keepdims=True))[0]
    intervals = bootstrap(alarms, figures, seed=seed)
    return [
        Score(f"findings on a clean note: {label}", len(alarms), float(value), interval)
        for label, value, interval in zip(labels, values, intervals, strict=True)
    ]
