"""What the notes say of a proposed code: the question on which most findings rest."""

from __future__ import annotations

from bertillon_server.audit.case import Case, Claimed, Clause, Documented
from bertillon_server.audit.relations import SIDES, Relation, added, relation
from bertillon_server.audit.second_look import looked_again
from bertillon_server.audit.standing import MOST_EVIDENCE, WORDS_ALONE, Standing, Support
from bertillon_server.audit.values import Evidence
from bertillon_server.coding.axes import DEFAULTS, UNSAID, axis_of, read_title
from bertillon_server.coding.combinations import combinations
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import Assertion, SuppressionReason
from bertillon_server.coding.words import words_of

# Codes of family history, and the beginnings of the codes of the conditions that they are for.
_RELATIVES = {
    "Z80": ("C",),
    "Z81.0": ("F7",),
    "Z81.1": ("F10",),
    "Z81.8": ("F2", "F3", "F4"),
    "Z82.0": ("G",),
    "Z82.3": ("I6",),
    "Z82.4": ("I",),
    "Z82.5": ("J4",),
    "Z82.6": ("M",),
    "Z82.7": ("Q",),
    "Z83.2": ("D5", "D6", "D7", "D8"),
    "Z83.3": ("E08", "E09", "E10", "E11", "E13"),
    "Z83.4": ("E0", "E2", "E3", "E7", "E8"),
    "Z83.5": ("H",),
    "Z83.7": ("K",),
    "Z84.0": ("L",),
    "Z84.1": ("N",),
    "Z84.2": ("N",),
}


def support_of(case: Case, claim: Claimed) -> Support:
    """Return what the notes say of a proposed code that the release has."""
    if claim.ref is None:
        return Support(Standing.ABSENT, 0.0)
    return looked_again(case, claim.ref, _by_mentions(case, claim.ref))


def _by_mentions(case: Case, ref: CodeRef) -> Support:
    """Judge a code by what coding linked."""
    left_out = case.left_out.get(ref.code)
    if (
        left_out is not None
        and left_out.reason is SuppressionReason.LESS_SPECIFIC
        and left_out.in_favour_of is not None
        and left_out.in_favour_of.code in case.expected
    ):
        better = case.expected[left_out.in_favour_of.code]
        evidence = _of(*case.by_code.get(ref.code, ()), *case.by_code.get(better.code.code, ()))
        return Support(
            Standing.MORE_DOCUMENTED,
            better.confidence,
            evidence,
            better.code,
            explanation=left_out.explanation,
        )
    own = case.by_code.get(ref.code, ())
    positive = [item for item in own if item.counts or _is_suspicion(ref, item)]
    expected = case.expected.get(ref.code)
    if expected is None and (more := _says_more_of(case, ref)) is not None:
        return more
    if positive or expected is not None:
        confidence = expected.confidence if expected else max(item.mention.confidence for item in positive)
        evidence = _of(*positive) or _of(*_parts(case, ref.code))
        return Support(Standing.SUPPORTED, confidence, evidence)
    combined = _parts(case, ref.code)
    if combined:
        return Support(Standing.SUPPORTED, min(item.mention.confidence for item in combined), _of(*combined))
    return _indirect(case, ref, own)


def _is_suspicion(ref: CodeRef, item: Documented) -> bool:
    """Whether a code stands for a suspicion ("maternal care for suspected ..."), and a mention suspects."""
    return "suspected" in ref.title.lower() and item.mention.suppression is SuppressionReason.UNCERTAIN


def _says_more_of(case: Case, ref: CodeRef) -> Support | None:
    """Return a code of the encounter that says more than one which is none of its codes."""
    better = [
        item
        for code, item in case.expected.items()
        if code[:3] == ref.code[:3] and relation(ref, item.code) is Relation.MORE
    ]
    if not better:
        return None
    best = max(better, key=lambda item: item.confidence)
    evidence = _of(*(item for item in case.by_code.get(best.code.code, ()) if item.counts))
    return Support(Standing.MORE_DOCUMENTED, best.confidence, evidence, best.code)


def _indirect(  # noqa: C901, PLR0911 - a cascade: what is asked first goes before what follows
    case: Case, ref: CodeRef, own: tuple[Documented, ...]
) -> Support:
    """Judge a code that no mention means and asserts."""
    related = [item for item in case.by_category.get(ref.code[:3], ()) if item.counts]
    relations = [(relation(ref, item.ref), item) for item in related]

    def among(kind: Relation) -> list[Documented]:
        found = [item for other, item in relations if other is kind]
        return sorted(found, key=lambda item: -item.mention.confidence)

    if more := among(Relation.MORE):
        return _judged(Standing.MORE_DOCUMENTED, more)
    uncertain = [item for item in own if item.mention.suppression is SuppressionReason.UNCERTAIN]
    if uncertain:
        return Support(Standing.UNCERTAIN, uncertain[0].mention.confidence, _of(*uncertain))
    if other_side := among(Relation.OTHER_SIDE):
        return _judged(Standing.OTHER_SIDE, other_side)
    if own:
        return _against(own)
    if phase := among(Relation.PHASE):
        return _judged(Standing.OTHER_PHASE, phase)
    clause = _clause_with(case, ref)
    if clause is not None and (denied := _denied_in(case, clause)):
        return _against(denied)
    if less := among(Relation.LESS):
        if clause is not None or _said(case, added(less[0].ref, ref)):
            return Support(Standing.PLAUSIBLE, WORDS_ALONE, _of(*less))
        return _judged(Standing.LESS_DOCUMENTED, less)
    if clause is not None:
        return Support(Standing.PLAUSIBLE, WORDS_ALONE, (clause.evidence,))
    if siblings := among(Relation.SIBLING):
        if _said(case, added(siblings[0].ref, ref)):
            return Support(Standing.PLAUSIBLE, WORDS_ALONE, _of(*siblings))
        return _judged(Standing.SIBLING, siblings)
    return _elsewhere(case, ref)


def _elsewhere(case: Case, ref: CodeRef) -> Support:
    """Judge a code of whose category no mention counts."""
    second = [
        (alternative.confidence, item)
        for item in case.documented
        if item.is_own
        for alternative in item.mention.alternatives
        if alternative.code.code == ref.code
    ]
    if second:
        confidence, item = max(second, key=lambda pair: pair[0])
        return Support(Standing.PLAUSIBLE, confidence, _of(item))
    against = tuple(item for item in case.by_category.get(ref.code[:3], ()) if not item.counts)
    if against:
        return _against(against)
    relatives = _of_relatives(case, ref) or _second_readings(case, ref)
    return _against(relatives) if relatives else Support(Standing.ABSENT, 0.0)


def _denied_in(case: Case, clause: Clause) -> tuple[Documented, ...]:
    """Return the mentions of a piece of a note, where none of them counts."""
    within = [
        item
        for item in case.documented
        if item.note == clause.note and clause.span.contains(item.mention.span)
    ]
    return () if any(item.is_own for item in within) else tuple(within)


def _second_readings(case: Case, ref: CodeRef) -> tuple[Documented, ...]:
    """Return the mentions that do not count and that a code's category is another reading of."""
    return tuple(
        item
        for item in case.documented
        if not item.counts
        and any(alternative.code.code[:3] == ref.code[:3] for alternative in item.mention.alternatives)
    )


def _of_relatives(case: Case, ref: CodeRef) -> tuple[Documented, ...]:
    """Return the mentions of a family history of the kind of condition that a code stands for.

    The codes of family history are for kinds of conditions (Z82.49: diseases of the circulatory system).
    """
    return tuple(
        item
        for item in case.documented
        if item.mention.assertion is Assertion.FAMILY
        and any(
            item.code.startswith(history) and ref.code.startswith(kinds)
            for history, kinds in _RELATIVES.items()
        )
    )


def _judged(standing: Standing, items: list[Documented]) -> Support:
    best = items[0]
    return Support(standing, best.mention.confidence, _of(*items), best.ref)


def _against(items: tuple[Documented, ...]) -> Support:
    best = max(items, key=lambda item: item.mention.confidence)
    if best.mention.suppression is SuppressionReason.UNCERTAIN:
        return Support(Standing.UNCERTAIN, best.mention.confidence, _of(*items))
    return Support(
        Standing.AGAINST,
        best.mention.confidence,
        _of(best, *items),
        reason=SuppressionReason.FAMILY
        if best.mention.assertion is Assertion.FAMILY
        else best.mention.suppression,
    )


def _of(*items: Documented) -> tuple[Evidence, ...]:
    """Return the evidence of mentions, without what stands twice."""
    kept = {(item.note, item.mention.span): item.evidence for item in items}
    return tuple(kept.values())[:MOST_EVIDENCE]


def _parts(case: Case, code: str) -> list[Documented]:
    """Return the mentions whose codes together are a combination code."""
    if not code.startswith(("E1", "I1")):
        return []
    present = {item.code for item in case.documented if item.counts}
    for combination in combinations(present):
        if combination.code == code:
            best = [
                max(case.by_code[part], key=lambda item: item.mention.confidence)
                for part in combination.parts
            ]
            return [item for item in best if item.counts]
    return []


def _wanted(title: str) -> frozenset[str]:
    """Return the forms of a title that a text has to say."""
    return frozenset(read_title(title).asserts - UNSAID - DEFAULTS)


def _clause_with(case: Case, ref: CodeRef) -> Clause | None:
    """Return a piece of a note that has all the words of a code's title or of one of its terms."""
    wordings = [_wanted(ref.title)]
    for term in case.book.terms(ref.code):
        words = words_of(term)
        wordings.append(frozenset(f for f, key in zip(words.forms, words.full.tolist(), strict=True) if key))
    for clause in case.clauses:
        forms = frozenset(clause.forms)
        for wording in wordings:
            if wording and wording <= forms and _numbers_fit(clause, wording):
                return clause
    return None


def _numbers_fit(clause: Clause, wording: frozenset[str]) -> bool:
    """Whether each number of a wording stands beside another word of it: doses and dates do not count."""
    forms = clause.forms
    near = wording | UNSAID
    return all(
        any(form == number and i > 0 and forms[i - 1] in near for i, form in enumerate(forms))
        for number in wording
        if number[:1].isdigit()
    )


def _said(case: Case, forms: frozenset[str]) -> bool:
    """Whether the notes say all of some forms somewhere; an empty set says nothing."""
    forms = forms - UNSAID - DEFAULTS
    if not forms or any(form[:1].isdigit() or form in SIDES for form in forms):
        return False
    return forms <= case.forms and any(axis_of(form) is None for form in forms)
