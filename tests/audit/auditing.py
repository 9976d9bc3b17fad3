"""Audits over a few terms and the real code set: in this process, and behind a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from bertillon_models.terms import Term
from bertillon_server.app.components import Components
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.server import Server
from bertillon_server.audit.auditor import Auditor
from bertillon_server.audit.book import CodeBook, FlagSource
from bertillon_server.audit.case import CodedText
from bertillon_server.audit.flow import AuditFlow, ReleaseAudit, audited
from bertillon_server.audit.values import (
    AuditedText,
    AuditInput,
    AuditReport,
    Finding,
    Flags,
    Kind,
    Poa,
    Proposed,
)
from bertillon_server.bundle.manifest import Canary
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.current import Current
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.vocabulary import Setting, Sex
from bertillon_server.inference.scheduler import Scheduler
from serving import CLIENT_OPTIONS, settings_for_tests
from small_coder import SmallEncoder
from small_knowledge import RELEASE, SYSTEM, code, knowledge

MORE = [
    Term(text, code, "lexicon", capitals=text.isupper())
    for text, code in (
        ("right knee pain", "M25.561"),
        ("left knee pain", "M25.562"),
        ("pulmonary embolism", "I26.99"),
        ("colon cancer", "C18.9"),
        ("anemia", "D64.9"),
        ("iron deficiency anemia", "D50.9"),
        ("CKD stage 3a", "N18.31"),
        ("systolic heart failure", "I50.20"),
        ("bronchitis", "J40"),
        ("obesity", "E66.9"),
        ("depression", "F32.A"),
        ("colles fracture", "S52.53"),
    )
]


@dataclass(frozen=True)
class Told:
    """Flags as a test tells them, by code."""

    by_code: dict[str, Flags]

    def flags(self, system: str, version: str, code: str) -> Flags | None:
        del system, version
        return self.by_code.get(code, Flags())


class SmallAudit:
    """Audits texts in this process."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        known = knowledge(catalog, threshold=0.3, more=MORE)
        self._terms = known.terms
        self._coder = Coder(known)

    def __call__(
        self,
        text: str | Sequence[str],
        *codes: str | Proposed,
        setting: Setting = Setting.OUTPATIENT,
        age: int | None = None,
        sex: Sex | None = None,
        off: Iterable[str] = (),
        on: Iterable[str] = (),
        off_by_default: Iterable[str] = (),
        flags: FlagSource | None = None,
        auditor_view: bool = False,
    ) -> AuditReport:
        texts = [text] if isinstance(text, str) else list(text)
        request = AuditInput(
            notes=tuple(AuditedText(f"n{number}", each) for number, each in enumerate(texts)),
            codes=tuple(item if isinstance(item, Proposed) else Proposed(item) for item in codes),
            setting=setting,
            age_years=age,
            sex=sex,
            rules_off=frozenset(off),
            rules_on=frozenset(on),
            auditor_view=auditor_view,
        )
        coded, summaries = [], []
        outline = None
        for note in request.notes:
            results, summary = code(self._coder, note.text, setting=setting)
            outline = outline or self._coder.outline(NoteInput(note.text), ())
            coded.append(CodedText(note, tuple(results)))
            summaries.append(summary)
        assert outline is not None
        auditor = Auditor(
            CodeBook(self.catalog, SYSTEM, RELEASE, flags), frozenset(off_by_default), self._terms
        )
        return audited(ReleaseAudit(auditor, self._coder), request, coded, outline, summaries)


def sequenced(*codes: str, poa: Poa | None = None) -> list[Proposed]:
    """Return codes in the order of a claim."""
    return [Proposed(each, position=place, poa=poa) for place, each in enumerate(codes, 1)]


def of_rule(report: AuditReport, rule: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.rule == rule]


def codes_of(finding: Finding) -> list[str]:
    return [ref.code for ref in finding.codes]


def verdict_of(report: AuditReport, wanted: str) -> Kind:
    return next(verdict.kind for verdict in report.codes if verdict.proposed.code == wanted)


ServeAudits: TypeAlias = "Callable[..., AbstractAsyncContextManager[RunningAudits]]"


class RunningAudits:
    """A server in this process, and a channel to it."""

    def __init__(self, port: int, metrics: Metrics) -> None:
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CLIENT_OPTIONS)
        self.coding = CodingServiceStub(self.channel)
        self.target = f"127.0.0.1:{port}"
        self.metrics = metrics


def audit_server(catalog: Catalog) -> ServeAudits:
    @asynccontextmanager
    async def running(**changes: Any) -> AsyncIterator[RunningAudits]:
        metrics, pool = Metrics(), StagePool(1)
        settings = settings_for_tests(**changes)
        scheduler = Scheduler(SmallEncoder(), workers=1, observer=metrics)
        coder = Coder(knowledge(catalog, threshold=0.3, more=MORE))
        flow = CodingFlow(Releases(catalog, SYSTEM, {RELEASE: coder}), scheduler, pool)
        auditor = Auditor(CodeBook(catalog, SYSTEM, RELEASE), settings.rules_left_out)
        audits = AuditFlow(flow, {(SYSTEM, RELEASE): ReleaseAudit(auditor, coder)}, pool)
        components = Components(
            catalog=Current(_Kept(catalog)),  # type: ignore[arg-type]
            coder=flow,
            auditor=audits,
            scheduler=scheduler,
            executor=ThreadPoolExecutor(1),
            pool=pool,
            model="small/1",
            canary=Canary("Assessment:\n1. Hypertension\n", ("I10",)),
        )
        server = Server(settings, metrics)
        port = await server.bind()
        await server.start(components)
        up = RunningAudits(port, metrics)
        try:
            yield up
        finally:
            await up.channel.close()
            await server.stop()

    return running


class _Kept:
    """A catalog that several servers share and none closes."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def close(self) -> None:
        """Do nothing."""
