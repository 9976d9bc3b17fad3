"""What the notes say of a proposed code, as a value: where it stands, and on what that rests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bertillon_server.audit.values import Evidence
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.vocabulary import SuppressionReason

# Evidence of a finding that is quoted; the rest repeats it.
MOST_EVIDENCE = 5
# Confidence of support that rests on words of the title alone, without a mention that means the code.
WORDS_ALONE = 0.5


class Standing(Enum):
    """What the notes say of a code, from the best to the worst."""

    SUPPORTED = auto()
    PLAUSIBLE = auto()
    """Words of the code stand in the notes, or it is the second reading of a mention."""
    MORE_DOCUMENTED = auto()
    """The notes say more than the code."""
    UNCERTAIN = auto()
    OTHER_SIDE = auto()
    OTHER_PHASE = auto()
    LESS_DOCUMENTED = auto()
    """The notes say less than the code: it states a detail that they lack."""
    SIBLING = auto()
    AGAINST = auto()
    """Only negated, hypothetical, past, or about somebody else."""
    ABSENT = auto()


@dataclass(frozen=True, slots=True)
class Support:
    """What the notes say of a code; `other` is the code that they support in its place."""

    standing: Standing
    confidence: float
    evidence: tuple[Evidence, ...] = ()
    other: CodeRef | None = None
    reason: SuppressionReason | None = None
    explanation: str = ""
