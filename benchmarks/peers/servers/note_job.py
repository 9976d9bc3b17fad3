"""The job of `CodeNote` as a library call: what every peer serves, with our own code and one onnxruntime session.

Imports the coding library of the server and nothing of its API, its scheduler or its pools, which are what is
compared. A peer's framework decides in which process and thread a note is coded, and which notes are coded together.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.knowledge import load_knowledge
from bertillon_server.coding.reading import Reading
from bertillon_server.coding.results import NoteInput, Outline, SectionResult
from bertillon_server.inference.onnx_session import require_exact_int8

SYSTEM = "icd-10-cm"
DATE = dt.date(2026, 5, 11)
"""The date of service of every note that is measured, so that all are coded with one release."""
BATCH_TOKENS = 512
"""Tokens in a call of the encoder, as much as helps."""
THREADS_VARIABLE, BUNDLE_VARIABLE = "PEER_THREADS", "PEER_BUNDLE"
WARM_UP = "ASSESSMENT AND PLAN:\n1. Type 2 diabetes with neuropathy. Continue metformin.\n2. No chest pain."

Ids = NDArray[np.int64]


class NoteJob:
    """Codes notes in the calling thread; may be shared by threads.

    `threads` is what onnxruntime may use for one call. The encoder takes no attention mask, so windows are encoded
    in groups of one length, which needs no padding either.
    """

    def __init__(self, bundle: Path, threads: int) -> None:
        opened = load_bundle(bundle)
        catalog = Catalog.open()
        release = catalog.release_for(SYSTEM, DATE).release.version
        self._coder = Coder(load_knowledge(opened, catalog, SYSTEM, release, "peer"))
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Without it answers would not be equal on a processor that has no 8-bit dot products.
        require_exact_int8(options)
        self._session = ort.InferenceSession(
            str(opened.path(ENCODER_FILE)), options, providers=["CPUExecutionProvider"]
        )
        self.code([WARM_UP])

    @classmethod
    def from_environment(cls) -> NoteJob:
        """Make the job as the study asks a peer's processes to."""
        return cls(Path(os.environ[BUNDLE_VARIABLE]), int(os.environ[THREADS_VARIABLE]))

    def code(self, texts: Sequence[str]) -> list[str]:
        """Return what was found in each note, as JSON: codes in order, each with the spans of its evidence.

        Windows of all of them are encoded together.
        """
        notes = [NoteInput(text, date_of_service=DATE) for text in texts]
        read = [self._read(note) for note in notes]
        windows = [window for _, readings in read for reading in readings for window in reading.windows]
        rows = iter(self.encode(windows))
        return [
            self._finish(
                note, outline, readings, [[next(rows) for _ in reading.windows] for reading in readings]
            )
            for note, (outline, readings) in zip(notes, read, strict=True)
        ]

    def windows(self, text: str) -> list[Ids]:
        """Return the windows of a note that the encoder is to see, int64 [tokens] each."""
        _, readings = self._read(NoteInput(text, date_of_service=DATE))
        return [window for reading in readings for window in reading.windows]

    def encode(self, windows: Sequence[Ids]) -> list[NDArray[np.float16]]:
        """Return the encoder's rows [tokens, width] of each window."""
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for index, window in enumerate(windows):
            groups[window.size].append(index)
        rows: list[NDArray[np.float16]] = [np.empty(0, np.float16)] * len(windows)
        for size, group in groups.items():
            step = max(1, BATCH_TOKENS // size)
            for start in range(0, len(group), step):
                batch = group[start : start + step]
                ids = np.stack([windows[index] for index in batch])
                for index, encoded in zip(batch, self._session.run(None, {"input_ids": ids})[0], strict=True):
                    rows[index] = encoded
        return rows

    def _read(self, note: NoteInput) -> tuple[Outline, list[Reading]]:
        outline = self._coder.outline(note, ())
        return outline, [self._coder.read(note, section) for section in outline.sections]

    def _finish(
        self,
        note: NoteInput,
        outline: Outline,
        readings: Sequence[Reading],
        rows: Sequence[Sequence[NDArray[np.float16]]],
    ) -> str:
        codeable = codeable_sections(outline.sections, note.options.profile)
        results: list[SectionResult] = [
            self._coder.code(note, reading, encoded, codeable=reading.section.kind in codeable)
            for reading, encoded in zip(readings, rows, strict=True)
        ]
        summary = self._coder.summarise(note, outline, results)
        return json.dumps(
            [
                [item.code.code, [[mention.span.start, mention.span.end] for mention in item.evidence]]
                for item in summary.codes
            ]
        )
