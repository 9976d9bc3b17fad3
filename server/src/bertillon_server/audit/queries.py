"""Rules that ask the clinician: what is left open, and what is treated or measured and not named.

A query is never a code: nothing here proposes one. Questions, answers and what is never said in them: see
`query_table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bertillon_server.audit.case import Case, Clause
from bertillon_server.audit.query_table import GAPS, INDICATORS, Gap, Indicator
from bertillon_server.audit.relations import SIDES
from bertillon_server.audit.standing import WORDS_ALONE, Standing
from bertillon_server.audit.values import Evidence, Finding, Kind, Query, Rule, Severity
from bertillon_server.coding.axes import axis_in, read_title
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, AxisKind, Setting

_SOURCE = "guidelines I.A.19, I.B.2; compliant query practice (AHIMA/ACDIS)"
_MOST_INDICATORS = 4
_LEAST_OPTIONS = 2
# Axes that a clinician is asked about wherever the code set divides by them, and how the question names them.
_ASKED = {
    AxisKind.LATERALITY: "side",
    AxisKind.ACUITY: "acuity",
    AxisKind.SEVERITY: "severity",
    AxisKind.STAGE: "stage or grade",
    AxisKind.TYPE: "type",
    AxisKind.TRIMESTER: "trimester",
}
# What the notes may say of a proposed code that leaves an axis open, beside a mention that means it.
_SPOKEN_OF = frozenset(
    {Standing.SUPPORTED, Standing.PLAUSIBLE, Standing.LESS_DOCUMENTED, Standing.OTHER_PHASE}
)
# Codes that are looked at for the values of an axis: those of the category, of a large one those of the subcategory.
_MOST_LEAVES = 600


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition that the notes say the patient has."""

    ref: CodeRef
    missing: tuple[AxisKind, ...]
    confidence: float
    evidence: tuple[Evidence, ...]


def condition_gap(case: Case) -> Iterator[Finding]:
    """Find a documented condition that leaves open what its codes divide by, from the table of topics.

    Source: guidelines I.B.2 (highest level of detail), I.A.19; AHIMA/ACDIS practice brief on compliant queries.
    """
    conditions = _conditions(case)
    present = tuple(item.code for item in case.documented if item.counts)
    for gap in GAPS:
        condition = next((item for item in conditions if item.ref.code.startswith(gap.codes)), None)
        if condition is None or any(code.startswith(gap.settled) for code in present if gap.settled):
            continue
        if gap.unless is not None and any(gap.unless.search(note.text) for note in case.texts):
            continue
        indicators = _quoted(case, gap)
        if gap.only_with_indicators and not indicators:
            continue
        yield _query(
            "query-gap", gap.topic, gap.question, gap.options, (*condition.evidence, *indicators), condition
        )


def axis_gap(case: Case) -> Iterator[Finding]:
    """Find a documented condition with an axis on which the code set divides it and the notes are silent.

    Source: the axes of the tabular list; guidelines I.B.2, I.B.13 (laterality), I.C.15.a.3 (trimester).
    """
    topics = tuple(code for gap in GAPS if not gap.only_with_indicators for code in gap.codes)
    for condition in _conditions(case):
        if condition.ref.code.startswith(topics):
            continue
        for axis in condition.missing:
            options = _values(case, condition.ref, axis) if axis in _ASKED else ()
            if len(options) >= _LEAST_OPTIONS:
                words = condition.evidence[0] if condition.evidence else None
                name = "the condition" if words is None else words.span.of(case.texts[words.note].text)
                yield _query(
                    "query-axis",
                    f"{' '.join(name.split()).lower()}: {_ASKED[axis]}",
                    f"Please clarify the {_ASKED[axis]} of the condition documented as quoted.",
                    options,
                    condition.evidence,
                    condition,
                    axes=(axis,),
                )


def past_or_active(case: Case) -> Iterator[Finding]:
    """Find a cancer that one place tells as past and another as present.

    Source: guidelines I.C.2.m (current malignancy against personal history of malignancy).
    """
    for condition in _conditions(case):
        if condition.ref.code[0] != "C":
            continue
        past = [
            item.evidence
            for item in case.documented
            if item.mention.assertion is Assertion.HISTORICAL
            and (item.code.startswith("Z85") or item.code[:3] == condition.ref.code[:3])
        ]
        if past:
            yield _query(
                "query-active",
                "neoplasm: active or past",
                "Please clarify the status of the malignancy at this encounter.",
                (
                    "active, under treatment or surveillance of known disease",
                    "history of, treatment completed",
                ),
                (*condition.evidence[:2], *past[:2]),
                condition,
            )


def indicator_without_diagnosis(case: Case) -> Iterator[Finding]:
    """Find a drug or an abnormal value without a documented condition that it belongs to: a question, never a code.

    Source: guidelines III.B (abnormal findings are not coded unless the provider states their significance), I.A.19.
    """
    known = tuple({item.code for item in case.documented if item.counts} | case.codes | case.expected.keys())
    history = tuple(item.code for item in case.documented if item.mention.assertion is Assertion.HISTORICAL)
    asked: set[str] = set()
    for indicator in INDICATORS:
        if indicator.topic in asked or any(code.startswith(indicator.conditions) for code in known + history):
            continue
        found = _found(case, indicator)
        if found:
            asked.add(indicator.topic)
            inpatient = case.setting is Setting.INPATIENT
            yield Finding(
                Kind.QUERY,
                Severity.WARNING if inpatient and indicator.is_value else Severity.INFO,
                "query-indicator",
                "guidelines III.B, I.A.19",
                "a value is abnormal and no condition is documented that it belongs to"
                if indicator.is_value
                else "a drug is given and no condition is documented that it treats",
                evidence=found,
                query=Query(
                    f"{indicator.topic}: condition" if indicator.is_value else "drug: condition",
                    indicator.question,
                    indicator.options,
                ),
            )


def _conditions(case: Case) -> list[_Condition]:
    """Return what the notes say the patient has: expected codes, and proposed ones of which the notes speak."""
    found: dict[str, _Condition] = {}
    for code in (*case.expected, *(claim.code for claim in case.valid)):
        mentions = [item for item in case.by_code.get(code, ()) if item.counts]
        expected = case.expected.get(code)
        if code in found or not mentions:
            continue
        if expected is not None and expected.confidence < case.min_confidence and code not in case.codes:
            continue
        best = max(mentions, key=lambda item: item.mention.confidence)
        missing = expected.missing_axes if expected is not None else best.mention.missing_axes
        confidence = expected.confidence if expected is not None else best.mention.confidence
        evidence = tuple(item.evidence for item in mentions[:_MOST_INDICATORS])
        found[code] = _Condition(best.ref, missing, confidence, evidence)
    for claim, support in zip(case.claims, case.supports, strict=True):
        if claim.ref is None or not claim.billable or claim.code in found or not support.evidence:
            continue
        if support.standing in _SPOKEN_OF and read_title(claim.ref.title).open:
            found[claim.code] = _Condition(claim.ref, tuple(_ASKED), WORDS_ALONE, support.evidence)
    return list(found.values())


def _values(case: Case, ref: CodeRef, axis: AxisKind) -> tuple[str, ...]:
    """Return the values of an axis that other codes of the category add to what a code says."""
    own = read_title(ref.title)
    values: dict[str, None] = {}
    leaves = case.book.table.leaves(ref.code[:3])
    if len(leaves) > _MOST_LEAVES:
        leaves = case.book.table.leaves(ref.code[:5])
    for code in leaves[:_MOST_LEAVES]:
        title = read_title(case.book.table.title(code))
        more = title.asserts - own.asserts
        if own.asserts - title.asserts or not 0 < len(more) <= _LEAST_OPTIONS:
            continue
        kinds = {axis_in(form, title.asserts) for form in more}
        if kinds == {axis}:
            values.setdefault(_phrase(more, axis))
    return tuple(value for value in values if value)


def _phrase(forms: frozenset[str], axis: AxisKind) -> str:
    if axis is AxisKind.LATERALITY:
        return next((form for form in sorted(forms) if form in SIDES), "")
    words = sorted(forms, key=lambda form: (form[:1].isdigit(), form))
    return " ".join(words)


def _quoted(case: Case, gap: Gap) -> tuple[Evidence, ...]:
    """Return what speaks to the question of a gap, quoted where it stands."""
    if gap.indicators is None:
        return ()
    found = []
    for number, note in enumerate(case.texts):
        for match in gap.indicators.finditer(note.text):
            span = _trimmed(note.text, match.start(), match.end())
            found.append(Evidence(number, span, _around(case, number, span)))
    return tuple(found[:_MOST_INDICATORS])


def _found(case: Case, indicator: Indicator) -> tuple[Evidence, ...]:
    found = []
    for number, note in enumerate(case.texts):
        for match in indicator.finds.finditer(note.text):
            if indicator.is_value and not indicator.low <= float(match["value"]) <= indicator.high:
                continue
            span = Span(*match.span())
            if _denied(case, number, span):
                continue
            found.append(Evidence(number, span, _around(case, number, span)))
    return tuple(found[:_MOST_INDICATORS])


def _denied(case: Case, note: int, span: Span) -> bool:
    """Whether a drug or value is told as not given, as an allergy, or of a relative: no indicator then."""
    clause = _clause(case, note, span)
    if clause is None:
        return False
    words = {
        "no",
        "not",
        "stop",
        "stopped",
        "allergy",
        "allergic",
        "intolerance",
        "avoid",
        "hold",
        "denies",
        "mother",
        "father",
    }
    return bool(words & set(clause.forms))


def _clause(case: Case, note: int, span: Span) -> Clause | None:
    clauses = (clause for clause in case.clauses if clause.note == note)
    return next((clause for clause in clauses if clause.span.overlaps(span)), None)


def _around(case: Case, note: int, span: Span) -> Span:
    clause = _clause(case, note, span)
    return (
        span if clause is None else Span(min(clause.span.start, span.start), max(clause.span.end, span.end))
    )


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return a span without blanks at its end, and without a word that it cuts."""
    if end < len(text) and text[end - 1 : end + 1].isalnum():
        cut = max(text.rfind(" ", start, end), start)
        end = cut if cut > start else end
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def _query(
    rule: str,
    topic: str,
    question: str,
    options: tuple[str, ...],
    evidence: tuple[Evidence, ...],
    condition: _Condition,
    axes: tuple[AxisKind, ...] = (),
) -> Finding:
    return Finding(
        Kind.QUERY,
        Severity.WARNING,
        rule,
        _SOURCE,
        "the documentation leaves open what the code set divides by",
        codes=(condition.ref,),
        confidence=condition.confidence,
        evidence=evidence,
        axes=axes,
        query=Query(topic, question, options),
    )


RULES = (
    Rule(
        "query-gap", "A named condition that leaves a detail open", _SOURCE, Severity.WARNING, condition_gap
    ),
    Rule(
        "query-axis",
        "An axis of the code set on which the notes are silent",
        _SOURCE,
        Severity.WARNING,
        axis_gap,
    ),
    Rule(
        "query-active",
        "A cancer that is told as past and as present",
        "guidelines I.C.2.m",
        Severity.WARNING,
        past_or_active,
    ),
    Rule(
        "query-indicator",
        "A drug or abnormal value without a diagnosis",
        "guidelines III.B, I.A.19",
        Severity.WARNING,
        indicator_without_diagnosis,
    ),
)
