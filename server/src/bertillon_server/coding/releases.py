"""The coders of all releases that are loaded; the date of service chooses among them.

Beside them are the imported code systems: their concepts, which are searched, and those that code procedures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.catalog.codes import Release
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.procedures.choice import systems_for
from bertillon_server.coding.procedures.coder import ProcedureCoder
from bertillon_server.coding.procedures.systems import ProcedureSystem
from bertillon_server.coding.results import NoteInput, Notice


class Searcher(Protocol):
    """What finds codes by meaning; `coding.coder` and `coding.imported` meet it."""

    def tokenize(self, text: str) -> list[NDArray[np.int64]]:
        """Return a short text as one window."""
        ...

    def nearest(self, encoded: NDArray[np.floating], limit: int) -> list[tuple[str, str, float]]:
        """Return the codes nearest to an encoded query [tokens, width] as (code, title, cosine), best first."""
        ...


class Releases:
    """Coders by release of one code system; concepts and readers of procedures by system and release."""

    def __init__(
        self,
        catalog: Catalog,
        system: str,
        coders: Mapping[str, Coder],
        imported: Mapping[tuple[str, str], Searcher] | None = None,
        procedures: Mapping[tuple[str, str], ProcedureSystem] | None = None,
    ) -> None:
        self._catalog = catalog
        self._system = system
        self._coders = dict(coders)
        self._imported = dict(imported or {})
        self._procedures = dict(procedures or {})
        self._procedure_systems = frozenset(name for name, _ in self._procedures)
        self._assertion = AssertionRules()

    def coder_for(self, date_of_service: dt.date | None) -> tuple[Coder, tuple[Notice, ...]]:
        """Return the coder for a date of service, and what the caller should know of the choice."""
        release, notices = self._release(self._system, date_of_service)
        return self._coders[release.version], notices

    def procedures_for(
        self, note: NoteInput, dimensions: int
    ) -> tuple[ProcedureCoder | None, tuple[Notice, ...]]:
        """Return what codes the procedures of a note, None where nothing does, and what to know of the choice.

        `dimensions` is the length of the encoder's vectors.
        """
        chosen: list[ProcedureSystem] = []
        notices: tuple[Notice, ...] = ()
        for system in systems_for(note, self._procedure_systems):
            release, said = self._release(system, note.date_of_service)
            chosen.append(self._procedures[system, release.version])
            notices += said
        return (ProcedureCoder(chosen, self._assertion, dimensions) if chosen else None), notices

    def coder_of(self, system: str, version: str) -> Coder | None:
        """Return the coder of a release, None when the system or the release has none."""
        return self._coders.get(version) if system == self._system else None

    def searcher_of(self, system: str, version: str) -> Searcher | None:
        """Return what searches a release by meaning, None where it can only be searched by words."""
        return self.coder_of(system, version) or self._imported.get((system, version))

    def known_as(self, text: str, system: str, version: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) of a text that as a whole is a term of a release."""
        known = self.coder_of(system, version) or self._procedures.get((system, version))
        return [] if known is None else known.known_as(text)

    def _release(self, system: str, date: dt.date | None) -> tuple[Release, tuple[Notice, ...]]:
        choice = self._catalog.release_for(system, date)
        release = choice.release
        if choice.defaulted:
            message = f"no date of service was sent; {system} {release.version} was used"
            return release, (Notice("DEFAULT_RELEASE", message),)
        if not choice.exact:
            message = (
                f"the date of service lies outside the releases loaded; the nearest, "
                f"{system} {release.version}, was used"
            )
            return release, (Notice("NEAREST_RELEASE", message),)
        return release, ()
