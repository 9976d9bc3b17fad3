"""A bundle's stages in this process over the small knowledge: what evaluation runs, without a bundle on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_models.evaluation.local import LocalCoder
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.heads import HEAD_WIDTH
from small_knowledge import RELEASE, encode, knowledge


@dataclass
class SmallEncoder:
    """Encodes windows of the fake tokenizer."""

    width: int = 1 + HEAD_WIDTH

    def encode(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.stack(encode(list(ids)))


def small_coder(catalog: Catalog) -> LocalCoder:
    coder = LocalCoder.__new__(LocalCoder)
    coder.catalog = catalog
    coder.release = RELEASE
    coder.knowledge = knowledge(catalog)
    coder._coder = Coder(coder.knowledge)
    coder._encoder = SmallEncoder()  # type: ignore[assignment]
    return coder
