"""The one place where the parts below the API are made and put together."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import DEFAULT_SYSTEM
from bertillon_server.app.coding_process import PROGRAM, ProcessSettings, identity_of
from bertillon_server.app.holdings import Holdings, Library
from bertillon_server.app.reloading import Reloader
from bertillon_server.app.settings import Settings
from bertillon_server.app.startup import StartupError
from bertillon_server.audit.flow import AuditFlow, NoteAuditor
from bertillon_server.bundle.loader import Bundle, BundleError, load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE, Canary
from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.knowledge import load_learned
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.processes import Processes
from bertillon_server.coding.results import EncounterSummary, NoteInput
from bertillon_server.coding.section_cache import CacheObserver, SectionCache
from bertillon_server.inference.batching import BATCH_TOKENS
from bertillon_server.inference.call import Call
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.observer import SchedulerObserver
from bertillon_server.inference.scheduler import MAX_QUEUED_TOKENS, Scheduler, SchedulerStats

# When the components stop, no call is left that could have work in the scheduler.
_SCHEDULER_GRACE_S: Final = 1.0
# Look-ups in the catalog take a few milliseconds, mostly in SQLite, which lets other threads run.
_LOOK_UP_THREADS: Final = 2


class Observer(SchedulerObserver, CacheObserver, Protocol):
    """Who counts what happens below the API."""


@dataclass(frozen=True, slots=True)
class Components:
    """What exists once per process below the API.

    `executor` runs look-ups in the catalog, `pool` the stages of coding; `model` is what replies state as the
    model. `canary_date` is a date of service in the release that the bundle was made for. `reloader` takes up what
    changes in the catalog directory, None where nothing can; `cache` is None where nothing is kept from note to note.
    """

    catalog: Current[Catalog]
    coder: NoteCoder
    auditor: NoteAuditor
    scheduler: Scheduler
    executor: ThreadPoolExecutor
    pool: StagePool
    model: str
    canary: Canary
    canary_date: dt.date | None = None
    reloader: Reloader | None = None
    cache: SectionCache | None = None
    processes: Processes | None = None

    def stats(self) -> SchedulerStats:
        """Return where the scheduler stands."""
        return self.scheduler.stats()

    async def start(self) -> None:
        """Start the scheduler, show the encoder every shape, and prove the bundle by its canary.

        Raises `StartupError` when the canary is not coded as the manifest records.
        """
        await self.scheduler.start()
        await self.scheduler.warm_up()
        note = NoteInput(self.canary.text, date_of_service=self.canary_date)
        codes: set[str] = set()
        async for event in self.coder.code_note(note, Call()):
            if isinstance(event, EncounterSummary):
                codes = {item.code.code for item in event.codes}
        expected = set(self.canary.codes)
        if codes != expected:
            missing, added = sorted(expected - codes), sorted(codes - expected)
            raise StartupError(
                f"the bundle {self.model} does not code its canary as recorded: "
                f"missing {', '.join(missing) or 'none'}, added {', '.join(added) or 'none'}"
            )

    async def stop(self) -> None:
        """End the scheduler, then the threads, then the catalog that they read."""
        await self.scheduler.stop(_SCHEDULER_GRACE_S)
        if self.processes is not None:
            await self.processes.stop()
        await asyncio.to_thread(self.pool.shutdown)
        await asyncio.to_thread(self.executor.shutdown, cancel_futures=True)
        self.catalog.value.close()


def build_components(settings: Settings, observer: Observer) -> Components:
    """Load everything; blocks for seconds. Raises `StartupError` saying what is missing or damaged."""
    if "catalog_dir" in settings.model_fields_set and not settings.catalog_dir.is_dir():
        raise StartupError(
            f"there is no catalog directory at {settings.catalog_dir}; import something, or unset it"
        )
    try:
        return _put_together(settings, observer, load_bundle(settings.bundle))
    except (BundleError, CatalogError) as error:
        raise StartupError(str(error)) from None
    except Exception as error:
        # The libraries that read tensors and tokenizers raise what they like on files that do not fit.
        raise StartupError(
            f"the bundle {settings.bundle} cannot be loaded ({type(error).__name__})"
        ) from error


def _put_together(settings: Settings, observer: Observer, bundle: Bundle) -> Components:
    library = Library(settings, bundle, load_learned(bundle))
    holdings = library.open()
    catalog = holdings.catalog
    scheduler = Scheduler(
        Encoder(bundle.path(ENCODER_FILE)),
        workers=settings.inference_threads,
        batch_tokens=settings.max_batch_tokens or BATCH_TOKENS,
        max_queued_tokens=settings.max_queued_tokens or MAX_QUEUED_TOKENS,
        observer=observer,
    )
    pool = StagePool(settings.inference_threads)
    cache = SectionCache(settings.cache_bytes, observer) if settings.cache_bytes else None
    processes = _processes(settings, bundle, holdings, scheduler)
    coding = CodingFlow(holdings.releases, scheduler, pool, cache, processes)
    audit = AuditFlow(coding, holdings.audits, pool)
    current = Current(catalog)
    executor = ThreadPoolExecutor(_LOOK_UP_THREADS, thread_name_prefix="look-ups")
    canary_date = next(
        (
            release.valid_from
            for made_for in bundle.manifest.code_sets
            for release in catalog.releases(made_for.system)
            if (made_for.system, made_for.release) == (DEFAULT_SYSTEM, release.version)
        ),
        None,
    )
    return Components(
        current,
        coding,
        audit,
        scheduler,
        executor,
        pool,
        bundle.label,
        bundle.manifest.canary,
        canary_date,
        Reloader(
            library,
            holdings,
            current,
            coding,
            audit,
            lambda catalog: identity_of(bundle, catalog, DEFAULT_SYSTEM),
        ),
        cache,
        processes,
    )


def _processes(
    settings: Settings, bundle: Bundle, holdings: Holdings, scheduler: Scheduler
) -> Processes | None:
    if not settings.coding_process_count:
        return None
    told = ProcessSettings(
        settings.bundle.resolve(),
        DEFAULT_SYSTEM,
        settings.catalog_dir.resolve(),
        settings.max_batch_tokens or BATCH_TOKENS,
    )
    # Without -P the directory in which the server was started would come before the installed packages.
    command = [sys.executable, "-P", "-c", PROGRAM]
    processes = Processes(settings.coding_process_count, command, told, scheduler.encoded_elsewhere)
    processes.use(identity_of(bundle, holdings.catalog, DEFAULT_SYSTEM))
    return processes
