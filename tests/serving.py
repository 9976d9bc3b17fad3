"""Servers on ephemeral ports, with a coder that the test holds in its hand."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc
import numpy as np
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from bertillon.coding.v1.catalog_service_pb2_grpc import CatalogServiceStub
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from bertillon_server.app.components import Components
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.server import Server
from bertillon_server.app.settings import Settings, load_settings
from bertillon_server.audit.auditor import Auditor
from bertillon_server.audit.book import CodeBook
from bertillon_server.audit.flow import AuditFlow, ReleaseAudit
from bertillon_server.bundle.manifest import Canary
from bertillon_server.catalog.codes import CodeKind, NoteKind, Release
from bertillon_server.catalog.folder import CatalogFolder
from bertillon_server.catalog.listing import ListedEntry, ListedNote, Listing, Source
from bertillon_server.catalog.schema import write_catalog
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.results import (
    CodeRef,
    EncounterCode,
    EncounterSummary,
    Event,
    Mention,
    MentionRef,
    NoteInput,
    Outline,
    Section,
    SectionResult,
    Timings,
    Versions,
)
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, MentionType
from bertillon_server.inference.call import Call
from bertillon_server.inference.scheduler import Scheduler

TERM = "cough"
COUGH = CodeRef("icd-10-cm", "R05.9", "2026-04-01", "Cough, unspecified")
VERSIONS = Versions("fake/1", "0", (("icd-10-cm", "2026-04-01"),))


class FakeCoder:
    """Finds the word `cough`. Tests hold it back with `gate`, or make it fail with `before`."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.before: Callable[[NoteInput], None] = lambda _: None
        self.active = 0
        self.most_active = 0
        self.calls: list[tuple[NoteInput, Call]] = []
        self.begun = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.events_per_note = 1

    def forget(self) -> None:
        self.calls.clear()
        self.begun.clear()
        self.most_active = 0

    async def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        self.calls.append((note, call))
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        self.begun.set()
        self.idle.clear()
        try:
            self.before(note)
            sections = tuple(sections_from(note.text, note.sections))
            yield Outline(sections, VERSIONS, ())
            await self.gate.wait()
            results = [_coded(note, section) for section in sections for _ in range(self.events_per_note)]
            for result in results:
                yield result
            evidence = tuple(
                MentionRef(result.section.index, index, mention.span)
                for result in results
                for index, mention in enumerate(result.mentions)
            )
            codes = (EncounterCode(COUGH, 0.75, evidence),) if evidence else ()
            yield EncounterSummary(codes, (), VERSIONS, (), Timings(1, 2, 3, 4, 10))
        finally:
            self.active -= 1
            if not self.active:
                self.idle.set()

    def search_terms(self, query: str, system: str, version: str) -> list[tuple[str, str]]:
        """Know no term."""
        del query, system, version
        return []

    async def search_semantic(
        self, query: str, system: str, version: str, limit: int, call: Call
    ) -> list[tuple[str, str, float]]:
        del query, system, version, call
        return [("J20.9", "Acute bronchitis, unspecified", 0.9), ("J20", "Acute bronchitis", 0.8)][:limit]


def _coded(note: NoteInput, section: Section) -> SectionResult:
    mentions = []
    start = note.text.find(TERM, *section.span)
    while start >= 0:
        mentions.append(
            Mention(
                span=Span(start, start + len(TERM)),
                sentence=section.span,
                type=MentionType.SYMPTOM,
                assertion=Assertion.PRESENT,
                cue=None,
                code=COUGH,
                confidence=0.75,
            )
        )
        start = note.text.find(TERM, start + 1, section.span.end)
    return SectionResult(section, tuple(mentions), Timings(1, 2, 3, 4, 10))


class Unsummed:
    """Sums up several notes of the fake coder: no codes."""

    def summarise(self, note: NoteInput, outline: Outline, results: Any) -> EncounterSummary:
        del note, results
        return EncounterSummary((), (), outline.versions, outline.notices, Timings())


def auditing(coder: FakeCoder, catalog: Catalog, pool: StagePool) -> AuditFlow:
    """Return an auditor over the fake coder and the newest release of a catalog."""
    system, version = VERSIONS.code_sets[0]
    audit = ReleaseAudit(Auditor(CodeBook(catalog, system, version)), Unsummed())
    return AuditFlow(coder, {(system, version): audit}, pool)


class UnitEncoder:
    """Gives every window the same vector."""

    def encode(self, ids: Any) -> Any:
        return np.ones((len(ids), 4), np.float32) / 2


def small_catalog(path: Path) -> Path:
    """Write a catalog with two releases of a few codes."""
    bronchitis = (ListedNote(NoteKind.EXCLUDES1, "bronchitis NOS (J40)"),)
    entries = [
        ListedEntry(
            "10", "Diseases of the respiratory system (J00-J99)", CodeKind.CHAPTER, None, billable=False
        ),
        ListedEntry("J20-J22", "Other acute lower respiratory infections", CodeKind.BLOCK, 0, billable=False),
        ListedEntry("J20", "Acute bronchitis", CodeKind.CATEGORY, 1, billable=False, notes=bronchitis),
        ListedEntry("J20.0", "Acute bronchitis due to Mycoplasma", CodeKind.CODE, 2, billable=True),
        ListedEntry("J20.9", "Acute bronchitis, unspecified", CodeKind.CODE, 2, billable=True),
    ]
    releases = [
        Release("icd-10-cm", "2025-10-01", dt.date(2025, 10, 1), dt.date(2026, 3, 31)),
        Release("icd-10-cm", "2026-04-01", dt.date(2026, 4, 1), dt.date(2026, 9, 30)),
    ]
    write_catalog(path, [Listing(release, entries, (Source("test", "0" * 64),)) for release in releases])
    return path


class Running:
    """A server in this process, its parts, and a channel to it."""

    def __init__(self, server: Server, coder: FakeCoder, metrics: Metrics, port: int) -> None:
        self.server = server
        self.coder = coder
        self.metrics = metrics
        self.port = port
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CLIENT_OPTIONS)
        self.coding = CodingServiceStub(self.channel)
        self.catalog = CatalogServiceStub(self.channel)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"bertillon_{name}", labels) or 0.0

    async def idle(self) -> None:
        """Return once no call and no coding is in progress."""
        async with asyncio.timeout(10):
            await self.server._calls.wait_idle()
            await self.coder.idle.wait()


# A subchannel of its own for each test, and no retries that would hide an error.
CLIENT_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]


class Serve(Protocol):
    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[Running]: ...


def settings_for_tests(**changes: Any) -> Settings:
    fixed = {
        "address": "127.0.0.1:0",
        "metrics_address": "",
        "threads": 1,
        "catalog_dir": Path("/nonexistent"),
    }
    return load_settings(fixed | changes, None)


def serving(folder: Path) -> Serve:
    """Return a function that starts a server with the settings given and stops it at the end of the block."""

    @asynccontextmanager
    async def running(**changes: Any) -> AsyncIterator[Running]:
        settings = settings_for_tests(**changes)
        coder, metrics = FakeCoder(), Metrics()
        pool = StagePool(1)
        catalog = Catalog.open(
            small_catalog(folder / "catalog.sqlite"), imported=CatalogFolder(settings.catalog_dir)
        )
        components = Components(
            catalog=Current(catalog),
            coder=coder,
            auditor=auditing(coder, catalog, pool),
            scheduler=Scheduler(UnitEncoder(), workers=1, observer=metrics),
            executor=ThreadPoolExecutor(1),
            pool=pool,
            model="fake/1",
            canary=Canary("cough", ("R05.9",)),
        )
        server = Server(settings, metrics)
        port = await server.bind()
        await server.start(components)
        coder.forget()  # the canary
        up = Running(server, coder, metrics, port)
        try:
            yield up
        finally:
            coder.gate.set()
            await up.channel.close()
            await server.stop()

    return running


def error_details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """Return the google.rpc details of an error by the name of their type."""
    status = rpc_status.from_call(error)
    assert status is not None
    found = {}
    for packed in status.details:
        kind = getattr(error_details_pb2, packed.TypeName().rsplit(".", 1)[-1])
        found[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return found
