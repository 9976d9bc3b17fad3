"""The stages of one note, as `coding.flow` has them computed: diagnoses, procedures or both, section by section.

A section is coded by itself where only diagnoses are asked for, so that what it came to can be kept and moved to
where the same text stands in another note. Procedures look at the rest of their report, so their sections stay in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.procedures.choice import codes_diagnoses
from bertillon_server.coding.procedures.coder import ProcedureCoder, ProcedurePlan
from bertillon_server.coding.reading import PHRASE_KINDS, Reading
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import (
    EncounterSummary,
    Mention,
    NoteInput,
    Notice,
    Outline,
    Section,
    SectionResult,
    Timings,
)
from bertillon_server.coding.section_cache import Lone, SectionCache, alone, pack, unpack


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A section where it stands in its note, and by itself; `key` in the cache, None where nothing is kept."""

    section: Section
    lone: Lone
    key: bytes | None


class Coded(NamedTuple):
    """What a section was coded to, in its place; `packed` as if by itself, empty where nothing is kept."""

    mentions: tuple[Mention, ...]
    timings: Timings
    packed: bytes


class Read(NamedTuple):
    """A section that was read, or that is done at once where the encoder has nothing to see."""

    done: Coded | None
    reading: Reading
    plan: ProcedurePlan

    @property
    def windows(self) -> list[NDArray[np.int64]]:
        """Token ids of what the encoder is to see."""
        return [*self.reading.windows, *(window.ids for window in self.plan.windows)]


@dataclasses.dataclass(frozen=True, slots=True)
class Stages:
    """What codes one note. Every method computes, and none waits."""

    note: NoteInput
    coder: Coder
    procedures: ProcedureCoder | None
    notices: tuple[Notice, ...]
    diagnoses: bool

    def outline(self, cache: SectionCache | None, generation: int) -> tuple[Outline, list[Piece]]:
        """Cut the note into sections and those into pieces; those that take longest to link go first.

        Linking computes in one thread, so that of the assessment would run alone at the end if it were begun in its
        turn. `generation` tells keys of what is loaded now from those of what was loaded before.
        """
        outline = self._outline()
        codeable = codeable_sections(outline.sections, self.note.options.profile)
        cache = cache if self.procedures is None else None
        pieces = []
        for section in sorted(outline.sections, key=lambda section: section.kind not in PHRASE_KINDS):
            lone = alone(self.note, section, outline.versions, codeable=section.kind in codeable)
            pieces.append(Piece(section, lone, None if cache is None else cache.key(lone, generation)))
        return outline, pieces

    def read(self, outline: Outline, piece: Piece) -> Read:
        """Read a section and, where the encoder has nothing to see, code it at once."""
        note, section = self._place_of(piece)
        reading = self.coder.read(note, section)
        if not self.diagnoses:
            reading = dataclasses.replace(reading, seen=())
        plan = ProcedurePlan() if self.procedures is None else self.procedures.read(note, outline, reading)
        read = Read(None, reading, plan)
        return read if read.windows else read._replace(done=self.code(outline, piece, read, ()))

    def code(self, outline: Outline, piece: Piece, read: Read, rows: Sequence[NDArray[np.floating]]) -> Coded:
        """Code a section; `rows` [tokens, width] of the windows of its reading, then of those of the plan."""
        note, section = self._place_of(piece)
        if self.diagnoses:
            seen = rows[: len(read.reading.seen)]
            result = self.coder.code(note, read.reading, seen, codeable=piece.lone.codeable)
        else:
            result = SectionResult(section, (), Timings(tokenize_us=read.reading.tokenize_us))
        if self.procedures is not None:
            result = self.procedures.add(note, outline, read.reading, read.plan, rows, result)
            return Coded(result.mentions, result.timings, b"")
        packed = b"" if piece.key is None else pack(result.mentions)
        return Coded(_placed(result.mentions, piece), result.timings, packed)

    def recall(self, piece: Piece, packed: bytes) -> Coded:
        """Return what a section was coded to elsewhere."""
        return Coded(_placed(unpack(packed), piece), Timings(), packed)

    def summarise(self, outline: Outline, results: Sequence[SectionResult]) -> EncounterSummary:
        """Bring the sections together."""
        summary = self.coder.summarise(self.note, outline, results)
        if self.procedures is None:
            return summary
        return self.procedures.summarise(self.note, outline, results, summary)

    def _outline(self) -> Outline:
        outline = self.coder.outline(self.note, self.notices)
        if self.procedures is None:
            return outline
        code_sets = (*(outline.versions.code_sets if self.diagnoses else ()), *self.procedures.code_sets)
        return dataclasses.replace(
            outline, versions=dataclasses.replace(outline.versions, code_sets=code_sets)
        )

    def _place_of(self, piece: Piece) -> tuple[NoteInput, Section]:
        """Return what a section is coded in: itself, or its note where procedures are coded."""
        if self.procedures is None:
            return piece.lone.note, piece.lone.section
        return self.note, piece.section


def stages_of(note: NoteInput, releases: Releases) -> Stages:
    """Return what codes a note: what its options, setting and date choose among what is loaded."""
    coder, said = releases.coder_for(note.date_of_service)
    procedures, more = releases.procedures_for(note, coder.dimensions)
    diagnoses = codes_diagnoses(note)
    return Stages(note, coder, procedures, (*(said if diagnoses else ()), *more), diagnoses)


def _placed(mentions: Sequence[Mention], piece: Piece) -> tuple[Mention, ...]:
    """Return the mentions of a section by itself where it stands in its note."""
    return tuple(mention.shifted(piece.section.span.start) for mention in mentions)
