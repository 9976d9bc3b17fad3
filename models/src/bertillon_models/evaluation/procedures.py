"""How well procedures are coded: CodiEsp's procedure codes against those of the server's own stages.

CodiEsp codes procedures of case reports in ICD-10-PCS of 2018 (Miranda-Escalada et al. 2020): some in full, most with
their first four characters, where the text leaves the rest open. A code is compared to the length that the gold has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertillon_models.evaluation.intervals import Interval, bootstrap
from bertillon_models.evaluation.rows import DataError, Rejects, json_rows
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.catalog.folder import CatalogFolder
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.knowledge import load_knowledge
from bertillon_server.coding.procedures.coder import ProcedureCoder
from bertillon_server.coding.procedures.index import load_index
from bertillon_server.coding.procedures.pcs import PcsLinker
from bertillon_server.coding.procedures.pcs_system import PcsSystem
from bertillon_server.coding.procedures.release import PcsRelease
from bertillon_server.coding.results import CodingOptions, NoteInput, SectionResult, Timings
from bertillon_server.coding.vocabulary import CodingProfile, Setting

SYSTEM = "icd-10-pcs"
DIAGNOSES = "icd-10-cm"

# Characters compared: the whole code, table and body part, table.
LEVELS = {"exact": 7, "body part": 4, "table": 3}


@dataclass(frozen=True, slots=True)
class ProcedureNote:
    """A note with its procedure codes."""

    note_id: str
    text: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class LevelScore:
    """Precision, recall and F1 at one level, with 95 % intervals over notes; `n` counts gold codes."""

    level: str
    n: int
    precision: float
    recall: float
    f1: float
    intervals: tuple[Interval, Interval, Interval]


def read_procedure_notes(path: Path, rejects: Rejects) -> list[ProcedureNote]:
    """Return the notes of a JSON-lines file with `note_id`, `text` and `procedure_codes`."""
    notes = []
    for where, row in json_rows(path, rejects):
        note_id, text, codes = row.get("note_id"), row.get("text"), row.get("procedure_codes")
        if not isinstance(note_id, str) or not isinstance(text, str) or not isinstance(codes, list):
            rejects.refuse(DataError(f"{where}: needs note_id, text and procedure_codes"))
        else:
            notes.append(ProcedureNote(note_id, text, frozenset(str(code).upper() for code in codes)))
    return notes


class LocalProcedures:
    """Codes the procedures of a note with a bundle's reading and the newest release in a catalog directory."""

    def __init__(self, bundle: Path, catalog_dir: Path) -> None:
        catalog = Catalog.open(imported=CatalogFolder(catalog_dir))
        version = catalog.release_for(SYSTEM, None).release.version
        index = load_index(CatalogFolder(catalog_dir).codes_place(SYSTEM, version))
        linker = PcsLinker(PcsRelease(catalog.code_table(SYSTEM, version)), index.names, index.parts)
        release = catalog.release_for(DIAGNOSES, None).release.version
        knowledge = load_knowledge(load_bundle(bundle), catalog, DIAGNOSES, release, "")
        self._reader = Coder(knowledge)
        self._coder = ProcedureCoder(
            [PcsSystem(SYSTEM, version, linker)], AssertionRules(), self._reader.dimensions
        )

    def code(self, text: str) -> list[tuple[str, float]]:
        """Return the codes of a note with their confidences, every mention that was performed counted."""
        options = CodingOptions((SYSTEM,), CodingProfile.ALL_MENTIONS, min_confidence=0.0)
        note = NoteInput(text, Setting.INPATIENT, options=options)
        outline = self._reader.outline(note, ())
        results = []
        for section in outline.sections:
            reading = self._reader.read(note, section)
            plan = self._coder.read(note, outline, reading)
            empty = SectionResult(section, (), Timings())
            results.append(self._coder.add(note, outline, reading, plan, (), empty))
        summary = self._reader.summarise(note, outline, [])
        found = self._coder.summarise(note, outline, results, summary).procedures
        return [(item.code.code, item.confidence) for item in found]


def scores(
    notes: Sequence[ProcedureNote],
    coded: Iterable[Sequence[tuple[str, float]]],
    *,
    threshold: float = 0.0,
    seed: int = 0,
) -> list[LevelScore]:
    """Return the scores at each level of codes of at least a confidence."""
    kept = [{code for code, confidence in codes if confidence >= threshold} for codes in coded]
    found = []
    for level, length in LEVELS.items():
        counts = np.array(
            [list(_counts(note.codes, codes, length)) for note, codes in zip(notes, kept, strict=True)], float
        )
        values = _figures(counts.sum(axis=0, keepdims=True))[0]
        low = bootstrap(counts, _figures, seed=seed)
        precision, recall, f1 = (float(value) for value in values)
        found.append(
            LevelScore(level, int(counts[:, 1].sum()), precision, recall, f1, (low[0], low[1], low[2]))
        )
    return found


def _counts(gold: frozenset[str], codes: set[str], length: int) -> Iterator[float]:
    """Yield the right codes, the gold ones and those returned, all cut to a length and to that of the gold."""
    wanted = {code[:length] for code in gold}
    told = {_as_gold(code[:length], wanted) for code in codes}
    yield float(len(wanted & told))
    yield float(len(wanted))
    yield float(len(told))


def _as_gold(code: str, wanted: set[str]) -> str:
    """Return a code as the gold writes it: cut where the gold leaves the rest open."""
    return next((open_ for open_ in sorted(wanted) if code.startswith(open_)), code)


def _figures(sums: np.ndarray) -> np.ndarray:
    right, wanted, told = sums[:, 0], sums[:, 1], sums[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([right / told, right / wanted, 2 * right / (told + wanted)], axis=1)
