"""ICD-10-PCS as a system of procedures: what is heard, linked by the axes of its codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from bertillon_server.coding.confidence import logistic
from bertillon_server.coding.procedures.pcs import PcsLink, PcsLinker
from bertillon_server.coding.procedures.phrases import Heard, Phrases
from bertillon_server.coding.procedures.structure import OBSTETRIC, SURGICAL
from bertillon_server.coding.procedures.systems import Proposed, Tagged
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.words import words_of

# Weights of the confidence, as logits: where it begins, and what takes from it. Chosen by how often codes of each
# kind were right on the training part of CodiEsp.
_NAMED, _IMAGED, _BUILT, _VERB = 0.9, 1.0, -0.3, -1.3
_MISSING, _INVENTED, _NOT_FULL, _CLOSE = -0.5, -0.8, -0.2, -0.4
# Scores so near to each other that the order is hardly more than a guess.
_NEAR = 0.3
# Codes that a search returns for a name.
_KNOWN = 50


class PcsSystem:
    """One release of ICD-10-PCS. Safe to share between threads."""

    uses_vectors = False

    def __init__(self, system: str, version: str, linker: PcsLinker) -> None:
        self.system = system
        self.version = version
        self._linker = linker

    def hear(self, phrases: Phrases) -> list[Heard]:
        """Return what a section says is done."""
        return self._linker.hear(phrases)

    def propose(
        self,
        phrases: Phrases,
        heard: Sequence[Heard],
        wider: Collection[str],
        limit: int,
        tagged: Sequence[Tagged],  # noqa: ARG002 - its titles are far from the words of notes
    ) -> list[Proposed]:
        """Return codes of what a section says is done, in the order of the text."""
        return [
            self._proposed(one, link)
            for one in heard
            for link in self._linker.link(phrases, one, wider, limit)
        ]

    def known_as(self, text: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) of a text that as a whole names a procedure, best first."""
        words = words_of(text)
        phrases = Phrases(text, words, np.zeros(len(words.forms), np.int32))
        found: dict[int, None] = {}
        for heard in self.hear(phrases):
            for link in self._linker.link(phrases, heard, (), _KNOWN):
                best = link.candidates[0][1]
                found |= {
                    position: None
                    for position, score in link.candidates
                    if best - score < _FAR and self._same_part(position, link.candidates[0][0])
                }
        release = self._linker.release
        return [(release.codes[position], release.title(position)) for position in list(found)[:_KNOWN]]

    def _same_part(self, one: int, other: int) -> bool:
        codes = self._linker.release.codes
        return codes[one][:3] == codes[other][:3]

    def _proposed(self, heard: Heard, link: PcsLink) -> Proposed:
        release = self._linker.release
        codes = tuple(
            (CodeRef(self.system, release.codes[position], self.version, release.title(position)), score)
            for position, score in link.candidates
        )
        return Proposed(
            first=heard.first,
            last=heard.last,
            codes=codes,
            confidence=_confidence(heard, link),
            named=heard.named is not None,
            missing=link.missing,
            invented=link.invented,
        )


# A code that scores so much less says something that a search did not ask for.
_FAR = 4.0


def _confidence(heard: Heard, link: PcsLink) -> float:
    """Return how sure a link is, between 0 and 1."""
    if heard.named is not None:
        logit = _NAMED
    elif heard.imaging is not None:
        logit = _IMAGED
    else:
        logit = _VERB if heard.verb else _BUILT
    logit += _MISSING * len(link.missing) + _INVENTED * link.invented
    logit += 0.0 if link.full or heard.named is not None else _NOT_FULL
    scores = [score for _, score in link.candidates[:2]]
    if len(scores) > 1 and scores[0] - scores[1] < _NEAR and not link.missing:
        logit += _CLOSE
    return logistic(logit)


def is_operation(code: str) -> bool:
    """Whether a code is of the sections Medical and Surgical or Obstetrics: an operation, not a study."""
    return code[0] in (SURGICAL, OBSTETRIC)
