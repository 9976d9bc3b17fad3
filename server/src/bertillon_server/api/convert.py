"""Results out: from the frozen values of `coding.results` to the contract's messages.

Every span leaves in the caller's unit and echoes its quote, which is `text[start:end]` of the text as sent.
Messages of which a note has hundreds are filled in where they stand: making each by itself and copying it into its
place takes more than twice as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api import enums
from bertillon_server.api.offsets import OffsetMap
from bertillon_server.coding import results
from bertillon_server.coding.spans import Span

# Each mention quotes its sentence. In a text without a full stop the sentence may be the whole text and a
# reply would grow with its square: quote no more than this many code points before and after the mention.
SENTENCE_MARGIN: Final = 400


class ReplyWriter:
    """Writes the results of one text as messages of the contract."""

    def __init__(self, text: str, offsets: OffsetMap) -> None:
        self._text = text
        self._offsets = offsets

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._text)} code points)"

    def outline(self, outline: results.Outline) -> pb.Outline:
        """Return the outline."""
        message = pb.Outline(versions=versions_message(outline.versions), notices=notices(outline.notices))
        for section in outline.sections:
            self._section(message.sections.add(), section)
        return message

    def section_result(self, result: results.SectionResult) -> pb.SectionResult:
        """Return a section with its mentions."""
        message = pb.SectionResult(timings=timings_message(result.timings))
        self._section(message.section, result.section)
        for mention in result.mentions:
            self._mention(message.mentions.add(), mention)
        return message

    def summary(self, summary: results.EncounterSummary) -> pb.EncounterSummary:
        """Return the encounter summary."""
        message = pb.EncounterSummary(
            versions=versions_message(summary.versions),
            notices=notices(summary.notices),
            timings=timings_message(summary.timings),
        )
        for listed in summary.codes:
            self._listed(message.codes.add(), listed)
        for left_out in summary.suppressed:
            self._left_out(message.suppressed.add(), left_out)
        for listed in summary.procedures:
            self._listed(message.procedures.add(), listed)
        for left_out in summary.suppressed_procedures:
            self._left_out(message.suppressed_procedures.add(), left_out)
        return message

    def _listed(self, message: pb.EncounterCode, item: results.EncounterCode) -> None:
        _name(message, item.code)
        message.confidence = item.confidence
        for reference in item.evidence:
            self._reference(message.evidence.add(), reference)
        message.missing_axes.extend([enums.AXIS_KIND_VALUE[axis] for axis in item.missing_axes])

    def _left_out(self, message: pb.SuppressedCode, item: results.SuppressedCode) -> None:
        _name(message, item.code)
        message.reason = enums.SUPPRESSION_VALUE[item.reason]
        if item.in_favour_of is not None:
            _refer(message.in_favour_of, item.in_favour_of)
        message.explanation = item.explanation
        for reference in item.evidence:
            self._reference(message.evidence.add(), reference)
        message.confidence = item.confidence

    def _reference(self, message: pb.MentionRef, reference: results.MentionRef) -> None:
        message.section_index = reference.section_index
        message.mention_index = reference.mention_index
        self._quote(message.evidence, reference.span)

    def _span(self, message: types.Span, span: Span) -> None:
        message.start, message.end = self._offsets.from_code_points(span)

    def _quote(self, message: types.Evidence, span: Span) -> None:
        self._span(message.span, span)
        message.quote = self._text[span.start : span.end]

    def _section(self, message: types.Section, section: results.Section) -> None:
        message.index = section.index
        message.kind = enums.SECTION_KIND_VALUE[section.kind]
        if section.title is not None:
            self._quote(message.title, section.title)
        self._span(message.span, section.span)

    def _mention(self, message: types.Mention, mention: results.Mention) -> None:
        (start, end), sentence = mention.span, mention.sentence
        self._quote(message.evidence, mention.span)
        # A sentence that was cut for its length may end within the mention.
        around = Span(
            max(min(sentence.start, start), start - SENTENCE_MARGIN),
            min(max(sentence.end, end), end + SENTENCE_MARGIN),
        )
        self._quote(message.sentence, around)
        message.type = enums.MENTION_TYPE_VALUE[mention.type]
        message.assertion = enums.ASSERTION_VALUE[mention.assertion]
        if mention.cue is not None:
            self._quote(message.cue, mention.cue)
        if mention.code is not None:
            _name(message, mention.code)
        message.confidence = mention.confidence
        for other in mention.alternatives:
            alternative = message.alternatives.add()
            _name(alternative, other.code)
            alternative.confidence = other.confidence
        for axis in mention.axes:
            value = message.axes.add()
            value.kind = enums.AXIS_KIND_VALUE[axis.kind]
            value.value = axis.value
            self._quote(value.evidence, axis.span)
        if mention.missing_axes:
            message.missing_axes.extend([enums.AXIS_KIND_VALUE[axis] for axis in mention.missing_axes])
        if mention.suppression is not None:
            message.suppression = enums.SUPPRESSION_VALUE[mention.suppression]


class _Named(Protocol):
    """A message of a code with its title."""

    title: str

    @property
    def code(self) -> types.Code:
        """The code."""
        ...


def _name(message: _Named, reference: results.CodeRef) -> None:
    _refer(message.code, reference)
    message.title = reference.title


def _refer(message: types.Code, reference: results.CodeRef) -> None:
    message.system = reference.system
    message.code = reference.code
    message.version = reference.version


def code(reference: results.CodeRef) -> types.Code:
    """Return a code without its title."""
    return types.Code(system=reference.system, code=reference.code, version=reference.version)


def notices(items: Iterable[results.Notice]) -> list[types.Notice]:
    """Return what the caller should know."""
    return [types.Notice(kind=enums.NOTICE_VALUE[item.kind], message=item.message) for item in items]


def versions_message(versions: results.Versions) -> types.Versions:
    """Return what produced a reply."""
    return types.Versions(
        model=versions.model,
        rules=versions.rules,
        code_sets=[
            types.CodeSetVersion(system=system, version=version) for system, version in versions.code_sets
        ],
    )


def timings_message(timings: results.Timings) -> types.Timings:
    """Return where the time went."""
    return types.Timings(
        queue_us=timings.queue_us,
        tokenize_us=timings.tokenize_us,
        infer_us=timings.infer_us,
        link_us=timings.link_us,
        total_us=timings.total_us,
    )
