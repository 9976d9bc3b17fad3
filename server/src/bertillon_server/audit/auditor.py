"""Runs the rules over a case and brings what they find into one report."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.case import Case, CodedText, make_case
from bertillon_server.audit.registry import selected
from bertillon_server.audit.support import support_of
from bertillon_server.audit.values import AuditInput, Finding, Kind, Severity, Verdict
from bertillon_server.coding.results import EncounterSummary
from bertillon_server.coding.terms import TermIndex

# Least confidence of a condition that is reported as missed or asked about; chosen on the notes of the dev split.
MIN_CONFIDENCE = 0.5
# Verdicts from the gravest down: one of a kind further up decides.
_GRAVE = (Kind.CONFLICT, Kind.UNSUPPORTED, Kind.SPECIFICITY, Kind.CONFIRMED)
_BY_SEVERITY = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class Auditor:
    """Audits with one release. `rules_off` are the rules that the settings leave out.

    `terms` are the terms of the release, by which places are found; without them titles alone find places.
    """

    def __init__(
        self, book: CodeBook, rules_off: Collection[str] = (), terms: TermIndex | None = None
    ) -> None:
        self._book = book
        self._terms = terms
        self._rules_off = frozenset(rules_off)

    def audit(
        self, request: AuditInput, notes: Sequence[CodedText], summary: EncounterSummary
    ) -> tuple[tuple[Verdict, ...], tuple[Finding, ...]]:
        """Return the verdict on each code and all findings; `summary` is of all notes together."""
        least = MIN_CONFIDENCE if request.min_confidence is None else request.min_confidence
        case = make_case(self._book, request, notes, summary, least, support_of, self._terms)
        found = [
            finding
            for rule in selected(request.rules_off, request.rules_on, self._rules_off)
            for finding in rule.check(case)
        ]
        findings = sorted(found, key=_weight)
        return tuple(
            self._verdict(case, index, findings, request) for index in range(len(case.claims))
        ), tuple(findings)

    def _verdict(self, case: Case, index: int, findings: Sequence[Finding], request: AuditInput) -> Verdict:
        claim = case.claims[index]
        about = [number for number, finding in enumerate(findings) if index in finding.proposed]
        grave = {findings[number].kind for number in about if _decides(findings[number], index)}
        light = {findings[number].kind for number in about}
        kind = next((kind for kind in _GRAVE if kind in (grave or light)), None)
        if kind is None:
            kind = Kind.CONFIRMED if case.supports[index].evidence else Kind.UNSUPPORTED
        flags = self._book.flags(claim.code) if request.auditor_view and claim.ref is not None else None
        confidence = case.supports[index].confidence if kind is not Kind.UNSUPPORTED else 0.0
        return Verdict(claim.proposed, claim.ref, kind, confidence, tuple(about), flags)


def _decides(finding: Finding, index: int) -> bool:
    """Whether a finding decides on a proposed code; a warning about several is about the first of them."""
    if finding.severity is Severity.WARNING and finding.kind is Kind.CONFLICT:
        return finding.proposed[0] == index
    return finding.severity is not Severity.INFO or finding.kind is Kind.CONFIRMED


def _weight(finding: Finding) -> tuple[bool, int, float]:
    """Sort the gravest first, of these the surest, and queries last."""
    return (finding.kind is Kind.QUERY, _BY_SEVERITY.index(finding.severity), -finding.confidence)
