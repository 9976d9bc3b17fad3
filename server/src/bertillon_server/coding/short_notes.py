"""The stages of a short note in one go: what is typed is a section or two, and hand-overs would take half its time.

A note has a stage for each of its sections and yields each as it is done. A short one has a stage before the encoder
and one behind it; and where the workers of the encoder are busy, one stage alone, which encodes its windows itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.note_stages import Coded, NoteStages, Piece, ToEncode
from bertillon_server.coding.results import EncounterSummary, Outline, SectionResult
from bertillon_server.inference.pending import Encoded

SHORT_CODE_POINTS = 2_000
"""Length up to which a note is short: 30 ms of work, after which the first section comes too."""

Windows = list[NDArray[np.int64]]


class ReadNote(NamedTuple):
    """A short note whose sections were read; `windows` are those of all of them, in order."""

    outline: Outline
    sections: Sequence[tuple[Piece, Coded | ToEncode]]
    windows: Windows


class CodedNote(NamedTuple):
    """A short note that was coded."""

    outline: Outline
    results: list[SectionResult]
    summary: EncounterSummary


def read_note(stages: NoteStages) -> ReadNote:
    """Cut a note and read its sections."""
    # Text that is being typed changes from call to call, so nothing is looked up or kept.
    outline, pieces = stages.cut(None, 0)
    sections = [(piece, stages.read(outline, piece)) for piece in pieces]
    windows = [window for _, read in sections if isinstance(read, ToEncode) for window in read.windows]
    return ReadNote(outline, sections, windows)


def code_note(stages: NoteStages, note: ReadNote, encoded: Encoded) -> CodedNote:
    """Code the sections of a note that was read, and bring them together; `encoded` are its windows."""
    rows = iter(encoded.rows)
    # The windows of all sections were encoded together: the time is told once, with the first.
    encoding = {"queue_us": encoded.queue_us, "infer_us": encoded.infer_us}
    results = []
    for piece, read in note.sections:
        if isinstance(read, ToEncode):
            coded = stages.code(note.outline, piece, read, [next(rows) for _ in read.windows])
            coded = coded._replace(timings=dataclasses.replace(coded.timings, **encoding))
            encoding = {}
        else:
            coded = read
        results.append(SectionResult(piece.section, coded.mentions, coded.timings))
    return CodedNote(note.outline, results, stages.summarise(note.outline, results))


def code_at_once(stages: NoteStages, encode: Callable[[Windows], Encoded]) -> CodedNote:
    """Code a note from beginning to end in the calling thread."""
    note = read_note(stages)
    return code_note(stages, note, encode(note.windows))
