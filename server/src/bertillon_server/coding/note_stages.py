"""The stages of one note, each a plain function that runs in the pool: cut it, read, code and summarise its sections.

Where only diagnoses are coded, a section is coded by itself, apart from the rest of its note, and what it came to may
be kept for text that is copied forward (`section_cache`). Procedures are told by a report as a whole: where they are
coded too, sections are coded in their note, and nothing is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.packing import pack, unpack
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
from bertillon_server.coding.section_cache import Lone, SectionCache, alone


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A section where it stands in its note; `codeable` tells whether codes are expected in it.

    `lone` is the section by itself and `key` its key in the cache; both are None where it is coded in its note.
    """

    section: Section
    codeable: bool
    lone: Lone | None = None
    key: bytes | None = None

    @property
    def code_points(self) -> int:
        """Length of the section."""
        return self.section.span.end - self.section.span.start


class Coded(NamedTuple):
    """What a section was coded to, in its place; `packed` as if by itself, empty where nothing is kept."""

    mentions: tuple[Mention, ...]
    timings: Timings
    packed: bytes


class ToEncode(NamedTuple):
    """A section that was read, and what it says is done; `windows` int64 [tokens] are those the encoder is to see."""

    reading: Reading
    plan: ProcedurePlan
    windows: list[NDArray[np.int64]]


@dataclasses.dataclass(frozen=True, slots=True)
class NoteStages:
    """What codes one note: diagnoses, procedures or both."""

    note: NoteInput
    coder: Coder
    procedures: ProcedureCoder | None
    notices: tuple[Notice, ...]
    diagnoses: bool

    def cut(self, cache: SectionCache | None, generation: int) -> tuple[Outline, list[Piece]]:
        """Cut the note into sections; those that take longest to link go first.

        `generation` is that of the keys (`SectionCache.keys`). Linking computes in one thread: the assessment would
        run alone at the end if it were begun in its turn.
        """
        outline = self.coder.outline(self.note, self.notices)
        codeable = codeable_sections(outline.sections, self.note.options.profile)
        ordered = sorted(outline.sections, key=lambda section: section.kind not in PHRASE_KINDS)
        if self.procedures is None and self.diagnoses:
            lones = [
                alone(self.note, section, outline.versions, codeable=section.kind in codeable)
                for section in ordered
            ]
            keys = [None] * len(lones) if cache is None else cache.keys(lones, generation)
            pieces = [
                Piece(section, lone.codeable, lone, key)
                for section, lone, key in zip(ordered, lones, keys, strict=True)
            ]
        else:
            pieces = [Piece(section, section.kind in codeable) for section in ordered]
        if self.procedures is not None:
            code_sets = (
                *(outline.versions.code_sets if self.diagnoses else ()),
                *self.procedures.code_sets,
            )
            versions = dataclasses.replace(outline.versions, code_sets=code_sets)
            outline = dataclasses.replace(outline, versions=versions)
        return outline, pieces

    def read(self, outline: Outline, piece: Piece) -> Coded | ToEncode:
        """Read a section and, where the encoder has nothing to see, code it at once."""
        if piece.lone is not None:
            reading = self.coder.read(piece.lone.note, piece.lone.section)
        else:
            reading = self.coder.read(self.note, piece.section)
            if not self.diagnoses:
                reading = dataclasses.replace(reading, seen=())
        plan = (
            ProcedurePlan() if self.procedures is None else self.procedures.read(self.note, outline, reading)
        )
        windows = [*reading.windows, *(window.ids for window in plan.windows)]
        read = ToEncode(reading, plan, windows)
        return read if windows else self.code(outline, piece, read, ())

    def code(
        self, outline: Outline, piece: Piece, read: ToEncode, rows: Sequence[NDArray[np.floating]]
    ) -> Coded:
        """Code what was read, and pack it where it is to be kept; `rows` [tokens, width] of each of its windows."""
        reading = read.reading
        if piece.lone is not None:
            done = self.coder.code(piece.lone.note, reading, rows, codeable=piece.codeable)
            packed = b"" if piece.key is None else pack(done.mentions)
            return Coded(_placed(done.mentions, piece), done.timings, packed)
        if self.diagnoses:
            done = self.coder.code(self.note, reading, rows[: len(reading.seen)], codeable=piece.codeable)
        else:
            done = SectionResult(reading.section, (), Timings(tokenize_us=reading.tokenize_us))
        if self.procedures is not None:
            done = self.procedures.add(self.note, outline, reading, read.plan, rows, done)
        return Coded(done.mentions, done.timings, b"")

    def summarise(self, outline: Outline, results: Sequence[SectionResult]) -> EncounterSummary:
        """Bring the sections together."""
        summary = self.coder.summarise(self.note, outline, results)
        if self.procedures is None:
            return summary
        return self.procedures.summarise(self.note, outline, results, summary)


def stages_for(note: NoteInput, releases: Releases) -> NoteStages:
    """Return what codes a note, by its date of service, its setting and the systems that it asks for."""
    coder, said = releases.coder_for(note.date_of_service)
    procedures, more = releases.procedures_for(note, coder.dimensions)
    diagnoses = codes_diagnoses(note)
    return NoteStages(note, coder, procedures, (*(said if diagnoses else ()), *more), diagnoses)


def recall(found: Sequence[tuple[Piece, bytes]]) -> list[Coded]:
    """Return what sections were coded to by themselves, each in its place; it takes microseconds."""
    return [Coded(unpack(packed, piece.section.span.start), Timings(), packed) for piece, packed in found]


def _placed(mentions: Sequence[Mention], piece: Piece) -> tuple[Mention, ...]:
    """Return the mentions of a section by itself where it stands in its note."""
    return tuple(mention.shifted(piece.section.span.start) for mention in mentions)
