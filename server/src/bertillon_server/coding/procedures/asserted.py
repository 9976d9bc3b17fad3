"""How a procedure is asserted: done now, planned, not done, or done in the past.

The rules of assertion judge it as they judge a condition; what differs for something that is *done* is here. A plan
is what conditions have no word for ("scheduled for"), and a date beside an operation is its own date.
"""

from __future__ import annotations

import re

from bertillon_server.coding.assertion.rules import Judgement
from bertillon_server.coding.procedures.standing import OPERATIVE, PLANS, TOLD
from bertillon_server.coding.results import Section
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind

_DONE = re.compile(
    r"\b(?:under(?:went|gone)|performed|carried out|completed|was (?:done|made|taken|placed|inserted|removed|excised)"
    r"|were (?:done|made|taken|placed|inserted|removed|excised)|status post|taken to the (?:operating room|or)\b)",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:scheduled|plan(?:s|ned|ning)?|will (?:undergo|have|need|require|be)|to undergo|to have|recommend(?:s|ed)?"
    r"|recommendation|candidate|consider(?:s|ed|ing)?|offered|consent(?:ed|s)?|needs?|requires?|proposed|proposal"
    r"|arrange[ds]?|booked|refer(?:red|ral)? (?:for|to)|awaiting|pending|elective|possible|potential|may need"
    r"|might need|return for|await|tomorrow|next (?:week|month)|wishes|would like|options? (?:include|of|are)"
    r"|discussed)\b",
    re.IGNORECASE,
)
_PLANNED_AFTER = re.compile(
    r"\b(?:(?:was|were|is|are|has been|had been) (?:then )?(?:recommended|planned|scheduled|discussed|offered"
    r"|proposed|considered|advised|decided|arranged|suggested|indicated|requested)|to follow|will be)\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    r"\b(?:declin(?:ed|es|ing)|refus(?:ed|es|ing|al)|defer(?:red|s)?|cancel(?:l?ed)?|postponed|aborted|abandoned"
    r"|not (?:been )?(?:performed|done|indicated|needed|required|carried out|undergone)|no need for|contraindicated"
    r"|instead of|rather than|ruled out for|did not (?:undergo|have|need|require)|never had)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:s/p|status[- ]post|h/o|history of|hx of|prior|previous(?:ly)?|remote|past|years? (?:ago|before)"
    r"|months? ago|in (?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_PLANNED_TITLE = re.compile(r"planned|proposed|anticipated|intended|scheduled", re.IGNORECASE)
# Code points before and after a procedure in which such words speak of it.
_BEFORE, _AFTER = 80, 60

# Not about the patient, or not done: nothing else that is said of it matters.
_SETTLED = frozenset({Assertion.NEGATED, Assertion.FAMILY, Assertion.OTHER_PERSON})
_PRESENT = Judgement(Assertion.PRESENT, None)


def judged(text: str, section: Section, sentence: Span, mention: Span, rules: Judgement) -> Judgement:
    """Return how a procedure is asserted, given what the rules for conditions say of it."""
    around = Span(max(sentence.start, mention.start - _BEFORE), min(sentence.end, mention.end + _AFTER))
    if (cue := _cue(_NOT_DONE, text, around)) is not None:
        return Judgement(Assertion.NEGATED, cue)
    if rules.assertion in _SETTLED:
        return rules
    past = _cue(_PAST, text, around)
    historical = rules.assertion is Assertion.HISTORICAL
    if past is not None and (section.kind not in OPERATIVE or historical):
        return Judgement(Assertion.HISTORICAL, past)
    if section.kind in OPERATIVE and _is_planned(text, section):
        return Judgement(Assertion.HYPOTHETICAL, None)
    # A date is that of the operation itself where the stay is told; "in 2010" is past, and was found above.
    if historical and section.kind in (OPERATIVE | TOLD):
        rules = _PRESENT
    if _cue(_DONE, text, sentence) is not None:
        return rules if rules.assertion is Assertion.HISTORICAL else _PRESENT
    return _planned(text, section.kind, mention, around, rules)


def _planned(text: str, kind: SectionKind, mention: Span, around: Span, rules: Judgement) -> Judgement:
    """Return the judgement of what nothing says was done."""
    before = _cue(_PLANNED, text, Span(around.start, mention.start))
    cue = before or _cue(_PLANNED_AFTER, text, Span(mention.end, around.end))
    if cue is not None or (kind in PLANS and rules.assertion in (Assertion.PRESENT, Assertion.POSSIBLE)):
        return Judgement(Assertion.HYPOTHETICAL, cue)
    return rules


def _is_planned(text: str, section: Section) -> bool:
    return section.title is not None and _PLANNED_TITLE.search(section.title.of(text)) is not None


def _cue(pattern: re.Pattern[str], text: str, span: Span) -> Span | None:
    match = pattern.search(text, span.start, span.end)
    return None if match is None else Span(match.start(), match.end())
