"""Takes up what was imported, replaced or removed in the catalog directory, while calls go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from bertillon_server.app.holdings import Holdings, Library
from bertillon_server.audit.flow import AuditFlow
from bertillon_server.bundle.loader import BundleError
from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.section_jobs import Identity

_LOG: Final = structlog.get_logger("bertillon.catalog")


class Reloader:
    """Replaces the holdings of a running server. Belongs to one event loop."""

    def __init__(
        self,
        library: Library,
        holdings: Holdings,
        catalog: Current[Catalog],
        coding: CodingFlow,
        audit: AuditFlow,
        identity: Callable[[Catalog], Identity] = lambda _: (),
    ) -> None:
        self._library = library
        self._holdings = holdings
        self._catalog = catalog
        self._coding = coding
        self._audit = audit
        self._identity = identity
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> bool:
        """Load what has changed and use it for the calls that begin from now on; returns whether it could be.

        Calls in progress end with what they began with. What cannot be loaded leaves all as it was, with one line in
        the log that names the file and the reason.
        """
        async with self._one_at_a_time:
            began = time.monotonic()
            try:
                holdings = await asyncio.to_thread(self._library.open_again, self._holdings)
            except (CatalogError, BundleError) as error:
                _LOG.error("catalog_reload_failed", reason=str(error))
                return False
            except Exception as error:  # noqa: BLE001 - a server goes on, whatever a file holds
                # What libraries say of files may quote what is in them.
                _LOG.error("catalog_reload_failed", reason=type(error).__name__)
                return False
            earlier, self._holdings = self._holdings, holdings
            # No call begins between these lines: the event loop runs nothing else.
            unused = [
                self._coding.take_up(holdings.releases, self._identity(holdings.catalog)),
                self._audit.take_up(holdings.audits),
                self._catalog.replace(holdings.catalog),
            ]
            _LOG.info(
                "catalog_reloaded",
                releases=[
                    f"{system} {release.version}"
                    for system in holdings.catalog.systems()
                    for release in holdings.catalog.releases(system)
                ],
                reload_ms=round((time.monotonic() - began) * 1000),
            )
            for event in unused:
                await event.wait()
            await asyncio.to_thread(earlier.catalog.close, but=holdings.catalog)
            return True
