"""The coders of all releases that are loaded; the date of service chooses among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.results import Notice


class Releases:
    """Coders by release of one code system."""

    def __init__(self, catalog: Catalog, system: str, coders: Mapping[str, Coder]) -> None:
        self._catalog = catalog
        self._system = system
        self._coders = dict(coders)

    def coder_for(self, date_of_service: dt.date | None) -> tuple[Coder, tuple[Notice, ...]]:
        """Return the coder for a date of service, and what the caller should know of the choice."""
        choice = self._catalog.release_for(self._system, date_of_service)
        release = choice.release
        notices: tuple[Notice, ...] = ()
        if choice.defaulted:
            message = f"no date of service was sent; {self._system} {release.version} was used"
            notices = (Notice("DEFAULT_RELEASE", message),)
        elif not choice.exact:
            message = (
                f"the date of service lies outside the releases loaded; the nearest, "
                f"{self._system} {release.version}, was used"
            )
            notices = (Notice("NEAREST_RELEASE", message),)
        return self._coders[release.version], notices

    def coder_of(self, system: str, version: str) -> Coder | None:
        """Return the coder of a release, None when the system or the release has none."""
        return self._coders.get(version) if system == self._system else None
