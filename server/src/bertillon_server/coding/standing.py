"""How a mention stands: what its assertion makes of its code, and whether it may count in this encounter.

Sources: Official Guidelines II.H and IV.H (uncertain diagnoses), I.C.21.c.4 (history), IV.I (chronic diseases).
"""

from __future__ import annotations

from collections.abc import Callable

from bertillon_server.coding.history import (
    FAMILY_CATEGORIES,
    family_history,
    is_lasting,
    personal_history,
)
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.mentions import Found
from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, Setting, SuppressionReason
from bertillon_server.coding.words import Words

Standing = tuple[str, SuppressionReason | None]

# What the patient does not have now has its code and never counts.
_NOT_CURRENT = {
    Assertion.NEGATED: SuppressionReason.NEGATED,
    Assertion.HYPOTHETICAL: SuppressionReason.HYPOTHETICAL,
    Assertion.OTHER_PERSON: SuppressionReason.OTHER_PERSON,
}
# Status codes and symptoms of the past have no history code of their own.
_NO_HISTORY = frozenset("ZR")


def stands(
    knowledge: Knowledge, note: NoteInput, words: Words, found: Found, code: str, assertion: Assertion
) -> Standing:
    """Return the code that a mention's assertion leaves, and why it does not count where it does not."""
    if assertion in _NOT_CURRENT:
        return code, _NOT_CURRENT[assertion]
    if assertion is Assertion.FAMILY:
        return _history(knowledge, family_history, words, found, code, SuppressionReason.FAMILY)
    if note.options.profile is CodingProfile.ALL_MENTIONS:
        return code, None
    if assertion is Assertion.HISTORICAL and not is_lasting(code) and code[0] not in _NO_HISTORY:
        return _history(knowledge, personal_history, words, found, code, SuppressionReason.HISTORICAL)
    if assertion is Assertion.POSSIBLE and needs_certainty(code, note.setting):
        return code, SuppressionReason.UNCERTAIN
    return code, None


def _history(
    knowledge: Knowledge,
    find: Callable[..., str | None],
    words: Words,
    found: Found,
    code: str,
    otherwise: SuppressionReason,
) -> Standing:
    if code[:3] in FAMILY_CATEGORIES:
        return code, None
    history = find(knowledge.terms, words, found.first, found.last)
    if history is None:
        return code, otherwise
    leaf = knowledge.decoder.decode(history, frozenset(), {})
    return (history if leaf is None else leaf.code), None


def needs_certainty(code: str, setting: Setting) -> bool:
    """Whether a code may not rest on an uncertain diagnosis; a symptom that may be present is no diagnosis.

    Outpatient none may (guidelines IV.H). Inpatient the uncertain diagnosis is coded as if it existed (II.H),
    but for those that are coded only when confirmed: HIV (I.C.1.a.1), Zika (I.C.1.f), COVID-19 (I.C.1.g.1.a),
    certain influenza viruses (I.C.10.c).
    """
    if setting is Setting.OUTPATIENT:
        return code[0] != "R"
    return code.startswith(("B20", "A92.5", "U07.1", "J09", "J10"))
