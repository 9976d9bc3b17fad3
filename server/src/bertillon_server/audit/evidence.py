"""Rules of evidence: what supports each proposed code, what speaks against it, and what is documented beside them."""

from __future__ import annotations

from collections.abc import Iterator

from bertillon_server.audit.case import Case, Claimed, Documented
from bertillon_server.audit.relations import Relation, added, axes_between, relation
from bertillon_server.audit.standing import MOST_EVIDENCE, Standing, Support
from bertillon_server.audit.values import Evidence, Finding, Kind, Rule, Severity
from bertillon_server.coding.axes import axis_of, read_title
from bertillon_server.coding.combinations import combinations
from bertillon_server.coding.detail import says_more
from bertillon_server.coding.results import CodeRef, EncounterCode
from bertillon_server.coding.symptoms import is_integral
from bertillon_server.coding.vocabulary import Assertion, AxisKind, Setting, SuppressionReason

_PROVIDER = "guidelines I.A.19"
_DETAIL = "guidelines I.B.2"
_SIDE = "guidelines I.B.13"
_ALL_CONDITIONS = "guidelines III, IV.J"
# Findings that rest on a mention below this are for information: reading and linking it may be wrong. Chosen, like
# the next one, on the notes of the dev split.
_SURE = 0.3
# Factors of health and external causes: reporting them is often a matter of policy.
_ADDITIONAL = frozenset("VWXYZ")
# A sibling in the same category is reported above information only where the reading of the mention is this sure.
_SURE_OF_SIBLING = 0.9

_SAID = {
    SuppressionReason.NEGATED: "the notes say that the patient does not have it",
    SuppressionReason.HYPOTHETICAL: "the notes speak of it as something that may come",
    SuppressionReason.FAMILY: "the notes say it of a relative",
    SuppressionReason.OTHER_PERSON: "the notes say it of another person",
    SuppressionReason.HISTORICAL: "the notes tell it as past",
}


def confirmed(case: Case) -> Iterator[Finding]:
    """Find a proposed code that the documentation supports.

    Source: guidelines I.A.19 (a code rests on the provider's statement that the condition exists).
    """
    for claim, support in _judged(case, Standing.SUPPORTED, Standing.PLAUSIBLE):
        sure = support.standing is Standing.SUPPORTED
        yield Finding(
            Kind.CONFIRMED,
            Severity.INFO,
            "confirmed",
            _PROVIDER,
            "the notes state it" if sure else "words of the code stand in the notes; read them",
            proposed=(claim.index,),
            codes=_codes(claim),
            confidence=support.confidence,
            evidence=support.evidence,
        )


def unsupported_absent(case: Case) -> Iterator[Finding]:
    """Find a proposed code of which the notes say nothing.

    Source: guidelines I.A.19.
    """
    for claim, support in _judged(case, Standing.ABSENT):
        # Where words of the code do stand in the notes, or it is of a kind that notes circumscribe, a person reads.
        silent = claim.ref is not None and not _circumscribed(claim.code) and not _touched(case, claim.ref)
        yield _unsupported(
            case,
            claim,
            support,
            "unsupported-absent",
            "no words of the notes stand for it",
            Severity.WARNING if silent else Severity.INFO,
        )


def _circumscribed(code: str) -> bool:
    """Whether notes tell what a code stands for in words that are far from its title.

    External causes, factors of health, organisms as causes, drugs, and complications of care.
    """
    return code[0] in "UVWXYZ" or code.startswith(
        ("B95", "B96", "B97", "T36", "T37", "T38", "T39", "T4", "T5", "T8")
    )


def _touched(case: Case, ref: CodeRef) -> bool:
    """Whether any word of a title that is no value of an axis stands in the notes."""
    words = {form for form in read_title(ref.title).asserts if axis_of(form) is None}
    return not words.isdisjoint(case.forms)


def unsupported_against(case: Case) -> Iterator[Finding]:
    """Find a proposed code that the notes deny, tell as past or as possible in future, or say of somebody else.

    Source: guidelines I.A.19; I.C.21.c.4 for what is past or a relative's.
    """
    for claim, support in _judged(case, Standing.AGAINST):
        explanation = _SAID.get(support.reason) if support.reason else None
        yield _unsupported(
            case,
            claim,
            support,
            "unsupported-against",
            explanation or "the notes do not state it as present",
            Severity.ERROR,
        )


def unsupported_side(case: Case) -> Iterator[Finding]:
    """Find a proposed code for the other side than the one that the notes name.

    Source: guidelines I.B.13 (laterality).
    """
    for claim, support in _judged(case, Standing.OTHER_SIDE):
        yield _unsupported(
            case,
            claim,
            support,
            "unsupported-side",
            "the notes state the other side",
            Severity.ERROR,
            axes=(AxisKind.LATERALITY,),
        )


def unsupported_detail(case: Case) -> Iterator[Finding]:
    """Find a proposed code that states a detail which the notes lack: they support a less specific or another code.

    Source: guidelines I.B.2 (highest level of detail documented), I.B.18 (unspecified codes).
    """
    for claim, support in _judged(case, Standing.LESS_DOCUMENTED, Standing.SIBLING):
        if claim.ref is None or support.other is None:
            continue
        sibling = support.standing is Standing.SIBLING
        # A value of an axis is said or it is not; other words of a title may be said in words of the clinician's own.
        told = _differ_by_axes(claim.ref, support.other)
        sure = support.confidence >= _SURE_OF_SIBLING if sibling else told and support.confidence >= _SURE
        yield _unsupported(
            case,
            claim,
            support,
            "unsupported-detail",
            f"the notes support {support.other.code} in its category, not this code"
            if sibling
            else f"the notes lack a detail that it states; they support {support.other.code}",
            Severity.WARNING if sure else Severity.INFO,
            axes=axes_between(support.other, claim.ref),
        )


def _differ_by_axes(one: CodeRef, other: CodeRef) -> bool:
    """Whether what the title of one code says beyond that of the other are values of axes alone."""
    beyond = added(other, one)
    return bool(beyond) and all(axis_of(form) is not None for form in beyond)


def unsupported_phase(case: Case) -> Iterator[Finding]:
    """Find a proposed code whose 7th character states another phase of care than the notes.

    Source: guidelines I.C.19.a (active treatment, routine healing, sequela).
    """
    for claim, support in _judged(case, Standing.OTHER_PHASE):
        yield _unsupported(
            case,
            claim,
            support,
            "seventh-phase",
            "the notes state another phase of care than its 7th character",
            Severity.INFO,
            axes=(AxisKind.ENCOUNTER,),
        )


def more_specific(case: Case) -> Iterator[Finding]:
    """Find a proposed code where the notes support a more specific one.

    Source: guidelines I.B.2; I.B.9 and I.A.15 where a combination code says more.
    """
    for claim, support in _judged(case, Standing.MORE_DOCUMENTED):
        if claim.ref is None or support.other is None or support.other.code in case.codes:
            continue
        yield Finding(
            Kind.SPECIFICITY,
            Severity.WARNING if support.confidence >= _SURE else Severity.INFO,
            "more-specific",
            _DETAIL,
            support.explanation or f"the notes say more than it does; they support {support.other.code}",
            proposed=(claim.index,),
            codes=(claim.ref, support.other),
            suggestions=(support.other,),
            confidence=support.confidence,
            evidence=support.evidence,
            axes=axes_between(claim.ref, support.other),
        )


def missed(case: Case) -> Iterator[Finding]:
    """Find a condition that is documented and codeable in this encounter, and not among the codes.

    Source: guidelines IV.J (outpatient), III (inpatient: additional diagnoses).
    """
    for code in case.expected.values():
        if code.confidence >= case.min_confidence and _is_missed(case, code):
            evidence = _evidence(case, code)
            if _uncertain_only(case, evidence):
                continue
            yield Finding(
                Kind.MISSED,
                Severity.INFO if code.code.code[0] in _ADDITIONAL else Severity.WARNING,
                "missed",
                _ALL_CONDITIONS,
                "it is documented as a condition of this encounter and not among the codes",
                codes=(code.code,),
                suggestions=(code.code,),
                confidence=code.confidence,
                evidence=evidence,
                axes=code.missing_axes,
            )


def _uncertain_only(case: Case, evidence: tuple[Evidence, ...]) -> bool:
    """Whether a code rests on uncertain diagnoses of an admission, of which another rule speaks."""
    certain = {item.assertion for item in evidence} - {Assertion.POSSIBLE}
    return case.setting is Setting.INPATIENT and bool(evidence) and not certain


def uncertain_inpatient(case: Case) -> Iterator[Finding]:
    """Find an uncertain diagnosis at discharge that is not among the codes.

    Source: guidelines II.H, III.C (at the end of an admission it is coded as if it existed).
    """
    for code in case.expected.values():
        if code.confidence >= case.min_confidence and _is_missed(case, code):
            evidence = _evidence(case, code)
            if _uncertain_only(case, evidence):
                yield Finding(
                    Kind.CONFLICT,
                    Severity.WARNING,
                    "uncertain-inpatient",
                    "guidelines II.H, III.C",
                    "an uncertain diagnosis at discharge is coded as if it existed; it is not among the codes",
                    codes=(code.code,),
                    suggestions=(code.code,),
                    confidence=code.confidence,
                    evidence=evidence,
                )


def uncertain_outpatient(case: Case) -> Iterator[Finding]:
    """Find an uncertain diagnosis that is coded where only confirmed ones are.

    Source: guidelines IV.H (outpatient); I.C.1.a.1, I.C.1.f, I.C.1.g.1.a, I.C.10.c (certain infections, inpatient).
    """
    for claim, support in _judged(case, Standing.UNCERTAIN):
        outpatient = case.setting is Setting.OUTPATIENT
        yield Finding(
            Kind.CONFLICT,
            Severity.ERROR,
            "uncertain-outpatient",
            "guidelines IV.H" if outpatient else "guidelines I.C.1, I.C.10.c",
            "the notes state it as uncertain; code the symptom or finding instead"
            if outpatient
            else "it is coded only when confirmed, and the notes state it as uncertain",
            proposed=(claim.index,),
            codes=_codes(claim),
            suggestions=_symptoms(case),
            confidence=support.confidence,
            evidence=support.evidence,
            would_support="a statement that the diagnosis is established",
        )


def _symptoms(case: Case) -> tuple[CodeRef, ...]:
    """Return the symptoms that the notes document and that are not among the codes."""
    return tuple(
        item.code
        for item in case.expected.values()
        if item.code.code[0] == "R" and item.code.code not in case.codes
    )[:MOST_EVIDENCE]


def _judged(case: Case, *standings: Standing) -> Iterator[tuple[Claimed, Support]]:
    for claim, support in zip(case.claims, case.supports, strict=True):
        if claim.ref is not None and claim.billable and support.standing in standings:
            yield claim, support


def _codes(claim: Claimed) -> tuple[CodeRef, ...]:
    return () if claim.ref is None else (claim.ref,)


def _unsupported(
    case: Case,
    claim: Claimed,
    support: Support,
    rule: str,
    explanation: str,
    severity: Severity,
    axes: tuple[AxisKind, ...] = (),
) -> Finding:
    title = claim.ref.title if claim.ref is not None else claim.code
    other = support.other
    lacking = sorted(added(other, claim.ref)) if other is not None and claim.ref is not None else []
    needed = f"a provider's statement of {title[0].lower()}{title[1:]} as a condition of this encounter"
    if lacking:
        needed += f", naming: {', '.join(lacking)}"
    return Finding(
        Kind.UNSUPPORTED,
        severity,
        rule,
        _SIDE if rule == "unsupported-side" else _DETAIL if rule == "unsupported-detail" else _PROVIDER,
        explanation,
        proposed=(claim.index,),
        codes=_codes(claim) + (() if other is None else (other,)),
        suggestions=() if other is None else (other,),
        confidence=support.confidence if support.evidence else 1 - support.confidence,
        evidence=support.evidence,
        looked_in="" if support.evidence else case.looked_in,
        would_support=needed,
        axes=axes,
    )


def _is_missed(case: Case, code: EncounterCode) -> bool:
    ref = code.code
    if ref.code in case.codes:
        return False
    places = {(item.note, item.span) for item in _evidence(case, code)}
    for claim, support in zip(case.claims, case.supports, strict=True):
        if claim.ref is None:
            continue
        if support.other is not None and support.other.code == ref.code:
            return False  # said already, as what a proposed code should be
        if ref.code[:3] == claim.code[:3]:
            # A second condition of the category, or another reading of what is coded.
            apart = support.standing is Standing.SUPPORTED and relation(ref, claim.ref) is not Relation.MORE
            own = {(item.note, item.span) for item in support.evidence}
            if not apart or own & places or says_more(ref.title, claim.ref.title):
                return False
        if is_integral(ref.code, claim.code) or case.book.excludes1(ref.code, claim.code) is not None:
            return False
        if support.standing is Standing.PLAUSIBLE and places & {
            (item.note, item.span) for item in support.evidence
        }:
            return False
    together = combinations(case.codes | {ref.code})
    return not any(ref.code in item.replaced and item.code in case.codes for item in together)


def _evidence(case: Case, code: EncounterCode) -> tuple[Evidence, ...]:
    places = {(item.section_index, item.mention_index) for item in code.evidence}
    found: list[Documented] = [item for item in case.documented if (item.section, item.index) in places]
    return tuple(item.evidence for item in found[:MOST_EVIDENCE])


RULES = (
    Rule("confirmed", "A code that the notes support", _PROVIDER, Severity.INFO, confirmed),
    Rule(
        "unsupported-against",
        "A code that the notes deny, or say of the past or of somebody else",
        "guidelines I.A.19, I.C.21.c.4",
        Severity.ERROR,
        unsupported_against,
    ),
    Rule("unsupported-side", "A code for the other side", _SIDE, Severity.ERROR, unsupported_side),
    Rule(
        "unsupported-detail",
        "A code that states a detail which the notes lack",
        _DETAIL,
        Severity.WARNING,
        unsupported_detail,
    ),
    Rule(
        "unsupported-absent",
        "A code of which the notes say nothing",
        _PROVIDER,
        Severity.WARNING,
        unsupported_absent,
    ),
    Rule(
        "seventh-phase",
        "A 7th character for another phase of care",
        "guidelines I.C.19.a",
        Severity.INFO,
        unsupported_phase,
    ),
    Rule("more-specific", "A code where the notes say more", _DETAIL, Severity.WARNING, more_specific),
    Rule("missed", "A documented condition that is not coded", _ALL_CONDITIONS, Severity.WARNING, missed),
    Rule(
        "uncertain-outpatient",
        "An uncertain diagnosis that is coded",
        "guidelines IV.H",
        Severity.ERROR,
        uncertain_outpatient,
    ),
    Rule(
        "uncertain-inpatient",
        "An uncertain diagnosis at discharge that is not coded",
        "guidelines II.H, III.C",
        Severity.WARNING,
        uncertain_inpatient,
    ),
)
