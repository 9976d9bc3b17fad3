"""The ceiling: the encoder of a bundle in a plain loop, in this process, over windows that are known beforehand."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.knowledge import load_knowledge
from bertillon_server.coding.results import NoteInput
from bertillon_server.inference.encoder import Encoder

SYSTEM = "icd-10-cm"
BATCH_TOKENS = 512
"""Tokens in a call: where throughput is flat. The batches have windows of one length, so no padding."""

Window = NDArray[np.int64]


class EncoderLoop:
    """The encoder and the stages before it, as the server has them, without a server."""

    def __init__(self, bundle: Path) -> None:
        loaded = load_bundle(bundle)
        self.encoder_file = loaded.path(ENCODER_FILE)
        self._encoder = Encoder(self.encoder_file)
        with Catalog.open() as catalog:
            release = catalog.release_for(SYSTEM, None).release.version
            self._coder = Coder(load_knowledge(loaded, catalog, SYSTEM, release, version("bertillon-server")))

    def windows(self, text: str) -> list[Window]:
        """Return the token ids of the windows of a note that the encoder is to see."""
        note = NoteInput(text)
        outline = self._coder.outline(note, ())
        return [ids for section in outline.sections for ids in self._coder.read(note, section).windows]

    def encode(self, windows: Sequence[Window], threads: int) -> float:
        """Encode windows as fast as that goes and return the seconds it took.

        Windows of one length make batches; one thread for each core calls one session, which is the best that
        onnxruntime gives here. Nothing else is done with what the encoder says.
        """
        batches: SimpleQueue[NDArray[np.int64]] = SimpleQueue()
        for batch in batched(windows):
            batches.put(batch)

        def work() -> None:
            while True:
                try:
                    self._encoder.encode(batches.get_nowait())
                except Empty:
                    return

        workers = [threading.Thread(target=work) for _ in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - began


def batched(windows: Sequence[Window]) -> list[NDArray[np.int64]]:
    """Return batches [rows, length] of windows of one length, longest first, so that threads end together."""
    by_length: defaultdict[int, list[Window]] = defaultdict(list)
    for window in windows:
        by_length[window.size].append(window)
    batches = []
    for length in sorted(by_length, reverse=True):
        rows = max(1, BATCH_TOKENS // length)
        group = by_length[length]
        batches += [np.stack(group[start : start + rows]) for start in range(0, len(group), rows)]
    return batches
