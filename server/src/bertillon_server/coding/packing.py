"""The mentions of a section as bytes, and back: what is kept of a section is read far more often than it is written.

A mention becomes a row of numbers, and codes, of which several mentions name the same, a table of their own. The rows
go through `marshal`, which the interpreter reads in microseconds; only what this process has written is ever read.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from bertillon_server.coding.results import Alternative, AxisValue, CodeRef, Mention
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, AxisKind, MentionType, SuppressionReason

Member = TypeVar("Member", bound=Enum)


def _members(vocabulary: type[Member]) -> Mapping[int, Member]:
    return {member.value: member for member in vocabulary}


_TYPES = _members(MentionType)
_ASSERTIONS = _members(Assertion)
_AXES = _members(AxisKind)
_SUPPRESSIONS = _members(SuppressionReason)


def pack(mentions: Sequence[Mention]) -> bytes:
    """Return the mentions of a section by itself as bytes, without their signals."""
    codes: dict[CodeRef, int] = {}
    rows = [_row(mention, codes) for mention in mentions]
    table = [(code.system, code.code, code.version, code.title) for code in codes]
    return marshal.dumps((table, rows))


def unpack(packed: bytes, by: int = 0) -> tuple[Mention, ...]:
    """Return mentions as they were packed, by this process, `by` code points further on."""
    table, rows = marshal.loads(packed)  # noqa: S302 - bytes from elsewhere never come here
    codes = [CodeRef(*fields) for fields in table]
    return tuple(_mention(row, codes, by) for row in rows)


def _row(mention: Mention, codes: dict[CodeRef, int]) -> tuple[Any, ...]:
    def number(code: CodeRef) -> int:
        return codes.setdefault(code, len(codes))

    return (
        tuple(mention.span),
        tuple(mention.sentence),
        mention.type.value,
        mention.assertion.value,
        None if mention.cue is None else tuple(mention.cue),
        None if mention.code is None else number(mention.code),
        mention.confidence,
        [(number(other.code), other.confidence) for other in mention.alternatives],
        [(axis.kind.value, axis.value, *axis.span) for axis in mention.axes],
        [axis.value for axis in mention.missing_axes],
        None if mention.suppression is None else mention.suppression.value,
    )


def _mention(row: tuple[Any, ...], codes: Sequence[CodeRef], by: int) -> Mention:
    span, sentence, kind, assertion, cue, code, confidence, alternatives, axes, missing, suppression = row
    return Mention(
        Span(span[0] + by, span[1] + by),
        Span(sentence[0] + by, sentence[1] + by),
        _TYPES[kind],
        _ASSERTIONS[assertion],
        None if cue is None else Span(cue[0] + by, cue[1] + by),
        None if code is None else codes[code],
        confidence,
        tuple([Alternative(codes[other], chance) for other, chance in alternatives]),
        tuple(
            [AxisValue(_AXES[axis], value, Span(start + by, end + by)) for axis, value, start, end in axes]
        ),
        tuple([_AXES[axis] for axis in missing]),
        None if suppression is None else _SUPPRESSIONS[suppression],
    )
