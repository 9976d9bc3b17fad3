"""A second look at a proposed code, guided by the code: what places say where mentions leave doubt.

`support` judges by what coding linked. Here the words of the code itself are looked for (`places`), and what they say
of its side, of its details, and of whether the patient has it corrects the first judgement. A mention that means the
code and counts needs no second look, but for details that the code leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bertillon_server.audit.case import Case
from bertillon_server.audit.places import Place
from bertillon_server.audit.relations import SIDES, Relation, added, relation
from bertillon_server.audit.standing import MOST_EVIDENCE, Standing, Support
from bertillon_server.audit.values import Evidence
from bertillon_server.coding.axes import UNSAID, axis_of, read_title
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import Assertion, SuppressionReason

# Confidence of a judgement that rests on words of the code and rules alone. Of a side, which stands there in so many
# words, the first; of what is denied everywhere, or stated in more detail, the second.
_BY_SIDE, _BY_WORDS = 0.7, 0.6
# A place this like the code outweighs what is said of a code beside it.
_ALIKE = 0.75
_ONE_SIDE = frozenset({"right", "left"})
_REASONS = {
    Assertion.NEGATED: SuppressionReason.NEGATED,
    Assertion.HYPOTHETICAL: SuppressionReason.HYPOTHETICAL,
    Assertion.HISTORICAL: SuppressionReason.HISTORICAL,
    Assertion.FAMILY: SuppressionReason.FAMILY,
    Assertion.OTHER_PERSON: SuppressionReason.OTHER_PERSON,
}
_DOUBTED = frozenset(
    {Standing.ABSENT, Standing.SIBLING, Standing.AGAINST, Standing.LESS_DOCUMENTED, Standing.UNCERTAIN}
)
_ABOUT_SIDES = _DOUBTED - {Standing.UNCERTAIN} | {Standing.PLAUSIBLE, Standing.OTHER_PHASE}
_ABOUT_DETAILS = frozenset({Standing.SUPPORTED, Standing.PLAUSIBLE, Standing.ABSENT, Standing.OTHER_PHASE})


def looked_again(case: Case, ref: CodeRef, first: Support) -> Support:
    """Return the judgement of a proposed code after a second look."""
    if first.standing in _ABOUT_SIDES and (turned := _other_side(case, ref)) is not None:
        return turned
    if first.standing in _DOUBTED:
        first = _again(case, ref, first)
    if first.standing in _ABOUT_DETAILS and (more := _in_more_detail(case, ref, first)) is not None:
        return more
    return first


def _again(case: Case, ref: CodeRef, first: Support) -> Support:
    """Look where the code is spoken of: all against it, or one place for it."""
    places = case.finder.places(ref)
    if first.standing is Standing.ABSENT:
        present = _present(places)
        if present:
            return Support(Standing.PLAUSIBLE, first.confidence, _of(present))
        faint = case.finder.places(ref, faint=True)
        if faint and not _present(faint):
            return Support(Standing.AGAINST, _BY_WORDS, _of(faint), reason=_REASONS.get(faint[0].assertion))
    elif first.standing is Standing.UNCERTAIN and not _is_spelled_out(case, ref):
        present = _present(places)
        if present:
            return Support(Standing.PLAUSIBLE, first.confidence, _of(present))
    elif first.standing is Standing.AGAINST and not any(_means(item, ref) for item in first.evidence):
        # What speaks against it is another reading of a mention, or another code of its category.
        read = [(item.note, item.span) for item in first.evidence]
        apart = [
            place
            for place in _present(places)
            if place.likeness >= _ALIKE
            and not any(note == place.piece.note and span.overlaps(place.span) for note, span in read)
        ]
        if apart:
            return Support(Standing.PLAUSIBLE, first.confidence, _of(apart))
    return first


def _is_spelled_out(case: Case, ref: CodeRef) -> bool:
    """Whether words of the text, and not the encoder alone, make a mention of a code uncertain."""
    return any(item.mention.cue is not None for item in case.by_code.get(ref.code, ()))


def _means(item: Evidence, ref: CodeRef) -> bool:
    return item.code is not None and item.code.code == ref.code


def _present(places: Sequence[Place]) -> list[Place]:
    return [place for place in places if place.is_present]


def _other_side(case: Case, ref: CodeRef) -> Support | None:
    """Return that every place names the other side, where so it is."""
    sides = read_title(ref.title).asserts & SIDES
    if len(sides) != 1 or not sides < _ONE_SIDE:
        return None
    places = _present(case.finder.places(ref))
    stated = {side for place in places for side in _sides(place)}
    if len(stated) != 1 or stated == sides or not stated <= _ONE_SIDE:
        return None
    mirrored = next(
        (
            other
            for code in case.book.table.leaves(ref.code[:3])
            if (other := case.book.ref(code)) is not None
            and relation(ref, other) is Relation.OTHER_SIDE
            and read_title(other.title).asserts & SIDES == stated
            and read_title(other.title).encounter == read_title(ref.title).encounter
        ),
        None,
    )
    if mirrored is None:
        return None
    return Support(Standing.OTHER_SIDE, _BY_SIDE, _of(places), mirrored)


def _in_more_detail(case: Case, ref: CodeRef, first: Support) -> Support | None:
    """Return the one code that says what a place adds to an open code."""
    title = read_title(ref.title)
    if not title.open:
        return None
    places = _present(case.finder.places(ref))
    said = [frozenset(place.piece.forms) for place in places]
    found: dict[str, tuple[CodeRef, frozenset[str]]] = {}
    for other in _more_specific(case, ref):
        extra = added(ref, other) - UNSAID
        if extra and any(extra <= forms for forms in said):
            found[other.code] = (other, extra)
    # What says most; two that say other things leave it open.
    most = {
        code: item for code, item in found.items() if not any(item[1] < extra for _, extra in found.values())
    }
    if len(most) != 1:
        return None
    (better, _) = next(iter(most.values()))
    evidence = _of(places) or first.evidence
    return Support(Standing.MORE_DOCUMENTED, _BY_WORDS, evidence, better)


def _more_specific(case: Case, ref: CodeRef) -> Iterator[CodeRef]:
    """Yield the billable codes of a category that say what a code says, and values of axes beside it."""
    encounter = read_title(ref.title).encounter
    for code in case.book.table.leaves(ref.code[:3]):
        other = case.book.ref(code)
        if other is None or relation(ref, other) is not Relation.MORE:
            continue
        extra = added(ref, other)
        if read_title(other.title).encounter == encounter and all(
            axis_of(form) is not None for form in extra
        ):
            yield other


def _sides(place: Place) -> frozenset[str]:
    return SIDES.intersection(place.piece.forms)


def _of(places: Sequence[Place]) -> tuple[Evidence, ...]:
    return tuple(place.evidence for place in places)[:MOST_EVIDENCE]
