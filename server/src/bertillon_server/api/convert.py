"""Results out: from the frozen values of `coding.results` to the contract's messages.

Every span leaves in the caller's unit and echoes its quote, which is `text[start:end]` of the text as sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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
        return pb.Outline(
            sections=[self._section(section) for section in outline.sections],
            versions=versions_message(outline.versions),
            notices=notices(outline.notices),
        )

    def section_result(self, result: results.SectionResult) -> pb.SectionResult:
        """Return a section with its mentions."""
        return pb.SectionResult(
            section=self._section(result.section),
            mentions=[self._mention(mention) for mention in result.mentions],
            timings=timings_message(result.timings),
        )

    def summary(self, summary: results.EncounterSummary) -> pb.EncounterSummary:
        """Return the encounter summary."""
        return pb.EncounterSummary(
            codes=self._listed(summary.codes),
            suppressed=self._left_out(summary.suppressed),
            versions=versions_message(summary.versions),
            notices=notices(summary.notices),
            timings=timings_message(summary.timings),
            procedures=self._listed(summary.procedures),
            suppressed_procedures=self._left_out(summary.suppressed_procedures),
        )

    def _listed(self, codes: Iterable[results.EncounterCode]) -> list[pb.EncounterCode]:
        return [
            pb.EncounterCode(
                code=code(item.code),
                title=item.code.title,
                confidence=item.confidence,
                evidence=self._references(item.evidence),
                missing_axes=[enums.AXIS_KIND_VALUE[axis] for axis in item.missing_axes],
            )
            for item in codes
        ]

    def _left_out(self, codes: Iterable[results.SuppressedCode]) -> list[pb.SuppressedCode]:
        return [
            pb.SuppressedCode(
                code=code(item.code),
                title=item.code.title,
                reason=enums.SUPPRESSION_VALUE[item.reason],
                in_favour_of=None if item.in_favour_of is None else code(item.in_favour_of),
                explanation=item.explanation,
                evidence=self._references(item.evidence),
                confidence=item.confidence,
            )
            for item in codes
        ]

    def _span(self, span: Span) -> types.Span:
        start, end = self._offsets.from_code_points(span)
        return types.Span(start=start, end=end)

    def _evidence(self, span: Span) -> types.Evidence:
        return types.Evidence(span=self._span(span), quote=span.of(self._text))

    def _section(self, section: results.Section) -> types.Section:
        return types.Section(
            index=section.index,
            kind=enums.SECTION_KIND_VALUE[section.kind],
            title=None if section.title is None else self._evidence(section.title),
            span=self._span(section.span),
        )

    def _mention(self, mention: results.Mention) -> types.Mention:
        # A sentence that was cut for its length may end within the mention.
        around = Span(
            min(mention.sentence.start, mention.span.start), max(mention.sentence.end, mention.span.end)
        )
        sentence = Span(
            max(around.start, mention.span.start - SENTENCE_MARGIN),
            min(around.end, mention.span.end + SENTENCE_MARGIN),
        )
        return types.Mention(
            evidence=self._evidence(mention.span),
            sentence=self._evidence(sentence),
            type=enums.MENTION_TYPE_VALUE[mention.type],
            assertion=enums.ASSERTION_VALUE[mention.assertion],
            cue=None if mention.cue is None else self._evidence(mention.cue),
            code=None if mention.code is None else code(mention.code),
            title="" if mention.code is None else mention.code.title,
            confidence=mention.confidence,
            alternatives=[
                types.Alternative(code=code(other.code), title=other.code.title, confidence=other.confidence)
                for other in mention.alternatives
            ],
            axes=[
                types.Axis(
                    kind=enums.AXIS_KIND_VALUE[axis.kind],
                    value=axis.value,
                    evidence=self._evidence(axis.span),
                )
                for axis in mention.axes
            ],
            missing_axes=[enums.AXIS_KIND_VALUE[axis] for axis in mention.missing_axes],
            suppression=(
                types.SUPPRESSION_REASON_UNSPECIFIED
                if mention.suppression is None
                else enums.SUPPRESSION_VALUE[mention.suppression]
            ),
        )

    def _references(self, references: Iterable[results.MentionRef]) -> list[pb.MentionRef]:
        return [
            pb.MentionRef(
                section_index=reference.section_index,
                mention_index=reference.mention_index,
                evidence=self._evidence(reference.span),
            )
            for reference in references
        ]


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
