"""Codes notes with the server's own stages, in this process and without a server: what evaluation measures."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from importlib.metadata import version
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.knowledge import Knowledge, load_knowledge
from bertillon_server.coding.reading import Reading
from bertillon_server.coding.results import EncounterSummary, NoteInput, SectionResult
from bertillon_server.inference.encoder import Encoder

SYSTEM = "icd-10-cm"


@dataclass(frozen=True, slots=True)
class Coded:
    """What a note was coded as."""

    sections: tuple[SectionResult, ...]
    summary: EncounterSummary


class LocalCoder:
    """One bundle and one release, loaded; codes one note at a time on the calling thread."""

    def __init__(self, bundle: Path, catalog: Catalog | None = None) -> None:
        opened = load_bundle(bundle)
        self.catalog = catalog or Catalog.open()
        self.release = self.catalog.release_for(SYSTEM, None).release.version
        self.knowledge: Knowledge = load_knowledge(
            opened, self.catalog, SYSTEM, self.release, version("bertillon-server")
        )
        self._coder = Coder(self.knowledge)
        self._encoder = Encoder(opened.path(ENCODER_FILE))

    @property
    def billable(self) -> frozenset[str]:
        """All codes that may be reported as they are."""
        table = self.catalog.code_table(SYSTEM, self.release)
        return frozenset(compress(table.codes, table.billable))

    def with_stages(self, stages: Coder) -> LocalCoder:
        """Return a coder that shares all that is loaded and runs other stages."""
        twin = copy.copy(self)
        twin._coder = stages  # noqa: SLF001 - its own class
        return twin

    def code(self, note: NoteInput) -> Coded:
        """Code a note."""
        outline = self._coder.outline(note, ())
        results = []
        for section in outline.sections:
            reading = self._coder.read(note, section)
            results.append(self._coder.code(note, outline, reading, self._vectors(reading)))
        return Coded(tuple(results), self._coder.summarise(note, outline, results))

    def _vectors(self, reading: Reading) -> NDArray[np.float32]:
        if not reading.windows:
            return np.empty((0, self._coder.dimensions), np.float32)
        # One window a call: the server's batches give the same vectors, which its own tests prove.
        return np.concatenate([self._encoder.encode(window[None]) for window in reading.windows])
