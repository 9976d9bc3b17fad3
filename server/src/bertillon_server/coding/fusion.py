"""Brings the rules of assertion and the encoder's own reading together.

Both are evidence. What a rule says is worth what it was worth on annotated notes: how often each assertion was meant
where the rules said so. The encoder's chances are taken relative to how often each assertion occurs, raised to a
power below 1 because the two are not independent. Table and power are part of the bundle (`calibration.json`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.assertion import Judgement
from bertillon_server.coding.heads import ASSERTIONS, MentionReading
from bertillon_server.coding.vocabulary import Assertion

# No assertion is rarer than this, and no verdict of a rule excludes another altogether.
_RAREST = 1e-4
_PLACES = {assertion: place for place, assertion in enumerate(ASSERTIONS)}


@dataclass(frozen=True, slots=True)
class Fusion:
    """What rules and encoder are worth.

    `meant` float64 [7, 7] are the chances of each assertion (columns, in the order of `heads.ASSERTIONS`) where the
    rules judged as in the row; `usual` float64 [7] how often each occurs; `power` what the encoder counts, and
    `least` the chance that it is taken to give at least: trained to be sure, it is wrong more often than it says.
    """

    meant: NDArray[np.float64]
    usual: NDArray[np.float64]
    power: float
    least: float

    @classmethod
    def rules_alone(cls) -> Fusion:
        """Return a fusion that leaves everything to the rules."""
        kinds = len(ASSERTIONS)
        return cls(np.eye(kinds), np.full(kinds, 1 / kinds), 0.0, 1.0)

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Fusion:
        """Read what `to_json` gave; raises KeyError or ValueError for anything else."""
        meant = np.array(stored["meant"], np.float64)
        usual = np.array(stored["usual"], np.float64)
        if meant.shape != (len(ASSERTIONS), len(ASSERTIONS)) or usual.shape != (len(ASSERTIONS),):
            raise ValueError("a fusion has a row and a column for each assertion")
        return cls(meant, usual, float(str(stored["power"])), float(str(stored["least"])))

    def to_json(self) -> dict[str, object]:
        """Return the fusion as it is stored."""
        return {
            "meant": self.meant.round(5).tolist(),
            "usual": self.usual.round(5).tolist(),
            "power": self.power,
            "least": self.least,
        }

    def judge(self, judgement: Judgement, read: MentionReading | None) -> Judgement:
        """Return what is likeliest; the cue of the rules stays with what the rules found."""
        return self.judge_all([judgement], [read])[0]

    def judge_all(
        self, judgements: Sequence[Judgement], read: Sequence[MentionReading | None]
    ) -> list[Judgement]:
        """Judge the mentions of a section at once: it is calls of numpy that cost."""
        judged = list(judgements)
        seen = [(i, reading.assertion) for i, reading in enumerate(read) if reading is not None]
        if not seen or not self.power:
            return judged
        rules = np.array([_PLACES[judged[i].assertion] for i, _ in seen])
        likeliest = self.scores(rules, np.array([chances for _, chances in seen])).argmax(axis=1)
        for (i, _), best in zip(seen, likeliest.tolist(), strict=True):
            by_rules, assertion = judged[i], ASSERTIONS[best]
            if assertion is not by_rules.assertion and not _stands(by_rules, assertion):
                judged[i] = Judgement(assertion, None)
        return judged

    def scores(self, by_rules: int | NDArray[np.integer], read: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log-chances [..., 7], but for a constant, given the rules' verdict and the encoder's chances.

        `by_rules` [...] are places in `heads.ASSERTIONS`, `read` [..., 7].
        """
        evidence = np.log(np.maximum(read, self.least)) - np.log(np.maximum(self.usual, _RAREST))
        scores: NDArray[np.float64] = (
            np.log(np.maximum(self.meant[by_rules], _RAREST)) + self.power * evidence
        )
        return scores


def _stands(judgement: Judgement, other: Assertion) -> bool:
    """Whether a verdict of the rules stands whatever the encoder reads.

    Doubt that the text spells out stays doubt: to code it as certain would break guidelines IV.H.
    """
    return (
        judgement.assertion is Assertion.POSSIBLE and judgement.cue is not None and other is Assertion.PRESENT
    )
