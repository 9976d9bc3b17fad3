"""Codes notes with the server's own stages, in this process and without a server: what evaluation measures."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import compress
from pathlib import Path

from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.confidence import Calibration
from bertillon_server.coding.knowledge import Knowledge, load_knowledge
from bertillon_server.coding.results import EncounterSummary, NoteInput, SectionResult
from bertillon_server.coding.windows import Encodings, Window
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

    def with_calibration(self, calibration: Calibration) -> LocalCoder:
        """Return a coder that shares all that is loaded and ranks and judges by other weights."""
        twin = copy.copy(self)
        twin.knowledge = dataclasses.replace(
            self.knowledge,
            calibration=calibration,
            linker=self.knowledge.linker.with_ranking(calibration.ranking),
        )
        twin._coder = Coder(twin.knowledge)  # noqa: SLF001 - its own class
        return twin

    def with_encoder(self, path: Path) -> LocalCoder:
        """Return a coder that shares all that is loaded but its encoder; raises ValueError when it does not fit."""
        encoder = Encoder(path)
        if encoder.width != self._encoder.width:
            raise ValueError(f"{path} gives rows of {encoder.width} numbers instead of {self._encoder.width}")
        twin = copy.copy(self)
        twin._encoder = encoder  # noqa: SLF001 - its own class
        return twin

    def code(self, note: NoteInput) -> Coded:
        """Code a note."""
        outline = self._coder.outline(note, ())
        codeable = codeable_sections(outline.sections, note.options.profile)
        results = []
        for section in outline.sections:
            reading = self._coder.read(note, section)
            rows = self.encode(reading.seen).rows
            results.append(self._coder.code(note, reading, rows, codeable=section.kind in codeable))
        return Coded(tuple(results), self._coder.summarise(note, outline, results))

    def encode(self, windows: Sequence[Window]) -> Encodings:
        """Return what the encoder says of windows."""
        # One window a call: the server's batches give the same rows, which its own tests prove.
        return Encodings(windows, [self._encoder.encode(window.ids[None])[0] for window in windows])
