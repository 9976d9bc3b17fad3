"""What reads one release of one system of procedures: ICD-10-PCS by its axes, any other by its descriptors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import AxisKind


@dataclass(frozen=True, slots=True)
class Proposed:
    """Codes of some words `[first, last)`, best first with their scores, and how sure the best one is.

    `named` tells that the procedure has a name of its own; `missing` are axes that the text leaves open, `invented`
    says that the best code states a side that nobody wrote.
    """

    first: int
    last: int
    codes: tuple[tuple[CodeRef, float], ...]
    confidence: float
    named: bool
    missing: tuple[AxisKind, ...] = ()
    invented: bool = False


@dataclass(frozen=True, slots=True)
class Tagged:
    """Words `[first, last)` that the encoder takes for a procedure, and their vector, float32 of length 1."""

    first: int
    last: int
    vector: NDArray[np.float32]


class ProcedureSystem(Protocol):
    """One release of a system of procedures. Safe to share between threads."""

    @property
    def system(self) -> str:
        """Id of the code system."""
        ...

    @property
    def version(self) -> str:
        """The release."""
        ...

    @property
    def uses_vectors(self) -> bool:
        """Whether it compares words with its titles by meaning, so that the encoder has to see them."""
        ...

    def hear(self, phrases: Phrases) -> list[Heard]:
        """Return what a section says is done."""
        ...

    def propose(
        self,
        phrases: Phrases,
        heard: Sequence[Heard],
        wider: Collection[str],
        limit: int,
        tagged: Sequence[Tagged],
    ) -> list[Proposed]:
        """Return codes of what a section says is done, in the order of the text."""
        ...

    def known_as(self, text: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) of a text that as a whole names a procedure, best first."""
        ...
