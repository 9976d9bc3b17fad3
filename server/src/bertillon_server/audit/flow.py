"""Takes the notes of one encounter through coding, and what comes of it through the rules.

Coding is that of `CodeNote`, with its admission, deadline and priority; the notes of an encounter are coded one after
another, each admitted for itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bertillon_server.audit.auditor import Auditor
from bertillon_server.audit.case import CodedText, joined
from bertillon_server.audit.values import AuditInput, AuditReport
from bertillon_server.coding.current import Current
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.results import (
    EncounterSummary,
    Event,
    NoteInput,
    Outline,
    SectionResult,
    Timings,
    in_order,
)
from bertillon_server.inference.call import Call
from bertillon_server.inference.errors import DeadlineUnreachableError

# A release of a code system: its id and its version.
ReleaseKey = tuple[str, str]


class NoteAuditor(Protocol):
    """Audits encounters; raises the errors of `inference.errors`."""

    async def audit(self, request: AuditInput, call: Call) -> AuditReport:
        """Return what is found."""
        ...


class NoteSource(Protocol):
    """Codes notes; `coding.flow` meets it."""

    def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        """Yield the outline, the section results as they are done, then the encounter summary."""


class Summariser(Protocol):
    """Brings sections together to the codes of an encounter; `coding.coder` meets it."""

    def summarise(
        self, note: NoteInput, outline: Outline, results: Sequence[SectionResult]
    ) -> EncounterSummary:
        """Return the codes of the encounter."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseAudit:
    """What audits with one release: its rules, and what sums up several notes."""

    auditor: Auditor
    summariser: Summariser


class AuditFlow:
    """Audits with the releases that are loaded. Belongs to one event loop."""

    def __init__(
        self, coder: NoteSource, releases: Mapping[ReleaseKey, ReleaseAudit], pool: StagePool
    ) -> None:
        self._coder = coder
        self._releases = Current(dict(releases))
        self._pool = pool

    def take_up(self, releases: Mapping[ReleaseKey, ReleaseAudit]) -> asyncio.Event:
        """Audit with other releases from now on; the event is set when no audit uses the old ones any more."""
        return self._releases.replace(dict(releases))

    async def audit(self, request: AuditInput, call: Call) -> AuditReport:
        """Code the notes and run the rules."""
        with self._releases.kept() as releases:
            return await self._audit(request, call, releases)

    async def _audit(
        self, request: AuditInput, call: Call, releases: Mapping[ReleaseKey, ReleaseAudit]
    ) -> AuditReport:
        began = time.perf_counter_ns()
        coded: list[CodedText] = []
        outlines: list[Outline] = []
        summaries: list[EncounterSummary] = []
        for text in request.notes:
            results: list[SectionResult] = []
            events = self._coder.code_note(note_input(request, text.text), call)
            try:
                async for event in events:
                    match event:
                        case Outline():
                            outlines.append(event)
                        case SectionResult():
                            results.append(event)
                        case EncounterSummary():
                            summaries.append(event)
            finally:
                # A caller that leaves withdraws the coding at once, and not when it is collected.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            coded.append(CodedText(text, tuple(in_order(results))))
        # Releases that came while the notes were coded may have coded them.
        known = {**self._releases.value, **releases}
        release = next(known[key] for key in outlines[0].versions.code_sets if key in known)
        if call.deadline is not None and time.monotonic() >= call.deadline:
            raise DeadlineUnreachableError("the deadline has passed")
        stage = self._pool.submit(call.priority, audited, release, request, coded, outlines[0], summaries)
        report = await asyncio.wrap_future(stage)
        total = (time.perf_counter_ns() - began) // 1000
        return dataclasses.replace(report, timings=dataclasses.replace(report.timings, total_us=total))


def note_input(request: AuditInput, text: str) -> NoteInput:
    """Return a note of the encounter as coding takes it."""
    return NoteInput(
        text=text,
        setting=request.setting,
        date_of_service=request.date_of_service,
        age_years=request.age_years,
        sex=request.sex,
    )


def audited(
    release: ReleaseAudit,
    request: AuditInput,
    coded: Sequence[CodedText],
    outline: Outline,
    summaries: Sequence[EncounterSummary],
) -> AuditReport:
    """Run the rules over coded notes; computes and does not wait."""
    began = time.perf_counter_ns()
    summary = summaries[0]
    if len(coded) > 1:
        # The codes of the encounter are those of all its notes together.
        summary = release.summariser.summarise(note_input(request, ""), outline, joined(coded))
    verdicts, findings = release.auditor.audit(request, coded, summary)
    spent = (time.perf_counter_ns() - began) // 1000
    timings = _sum([item.timings for item in summaries], spent)
    return AuditReport(verdicts, findings, outline.versions, outline.notices, timings)


def _sum(timings: Sequence[Timings], rules_us: int) -> Timings:
    return Timings(
        queue_us=sum(item.queue_us for item in timings),
        tokenize_us=sum(item.tokenize_us for item in timings),
        infer_us=sum(item.infer_us for item in timings),
        link_us=sum(item.link_us for item in timings) + rules_us,
    )
