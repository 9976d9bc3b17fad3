"""Present on admission: indicators that are missing or do not belong."""

from __future__ import annotations

from collections.abc import Iterator

from bertillon_server.audit.case import Case
from bertillon_server.audit.values import Finding, Kind, Poa, Rule, Severity
from bertillon_server.coding.vocabulary import Setting

_SOURCE = "guidelines, appendix I"


def poa_missing(case: Case) -> Iterator[Finding]:
    """Find a code of an admission without an indicator, where others of the same list have one.

    Source: guidelines, appendix I (all diagnoses of an admission, but for exempt codes).
    """
    if case.setting is not Setting.INPATIENT or all(claim.proposed.poa is None for claim in case.valid):
        return
    for claim in case.valid:
        flags = case.book.flags(claim.code)
        exempt = flags is not None and flags.poa_exempt
        if claim.ref is not None and claim.proposed.poa is None and not exempt:
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "poa-missing",
                _SOURCE,
                "it has no present-on-admission indicator, and others of the list have one",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


def poa_exempt(case: Case) -> Iterator[Finding]:
    """Find an indicator on an exempt code, or "exempt" on one that is not; only where the list has been imported.

    Source: guidelines, appendix I; CMS's list of codes exempt from reporting.
    """
    for claim in case.valid:
        flags = case.book.flags(claim.code)
        reported = claim.proposed.poa
        if claim.ref is None or flags is None or flags.poa_exempt is None or reported is None:
            continue
        if flags.poa_exempt != (reported is Poa.EXEMPT):
            yield Finding(
                Kind.CONFLICT,
                Severity.WARNING,
                "poa-exempt",
                f"{_SOURCE}; CMS's list of exempt codes",
                "the code is exempt from present on admission"
                if flags.poa_exempt
                else "the code is not exempt",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


def poa_outpatient(case: Case) -> Iterator[Finding]:
    """Find an indicator on a code of an outpatient encounter.

    Source: guidelines, appendix I (the indicator is for admissions).
    """
    if case.setting is not Setting.OUTPATIENT:
        return
    for claim in case.valid:
        if claim.ref is not None and claim.proposed.poa is not None:
            yield Finding(
                Kind.CONFLICT,
                Severity.INFO,
                "poa-outpatient",
                _SOURCE,
                "present on admission is not reported for outpatient encounters",
                proposed=(claim.index,),
                codes=(claim.ref,),
            )


RULES = (
    Rule("poa-missing", "A code without present on admission", _SOURCE, Severity.WARNING, poa_missing),
    Rule(
        "poa-exempt",
        "Present on admission on an exempt code",
        f"{_SOURCE}, where imported",
        Severity.WARNING,
        poa_exempt,
    ),
    Rule("poa-outpatient", "Present on admission, outpatient", _SOURCE, Severity.INFO, poa_outpatient),
)
