"""The coders of all releases that are loaded; the date of service chooses among them.

Beside them are the concepts of imported code systems, which are searched and code no notes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.results import Notice


class Searcher(Protocol):
    """What finds codes by meaning; `coding.coder` and `coding.imported` meet it."""

    def tokenize(self, text: str) -> list[NDArray[np.int64]]:
        """Return a short text as one window."""
        ...

    def nearest(self, encoded: NDArray[np.floating], limit: int) -> list[tuple[str, str, float]]:
        """Return the codes nearest to an encoded query [tokens, width] as (code, title, cosine), best first."""
        ...


class Releases:
    """Coders by release of one code system, and the concepts of imported systems by system and release."""

    def __init__(
        self,
        catalog: Catalog,
        system: str,
        coders: Mapping[str, Coder],
        imported: Mapping[tuple[str, str], Searcher] | None = None,
    ) -> None:
        self._catalog = catalog
        self._system = system
        self._coders = dict(coders)
        self._imported = dict(imported or {})

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

    def searcher_of(self, system: str, version: str) -> Searcher | None:
        """Return what searches a release by meaning, None where it can only be searched by words."""
        return self.coder_of(system, version) or self._imported.get((system, version))
