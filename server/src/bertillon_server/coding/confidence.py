"""How sure a code is: a logistic model over a few readable features, fitted per profile on labelled notes.

The weights are part of the bundle (`calibration.json`), since they hold for its terms and its vectors only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from bertillon_server.coding.fusion import Fusion
from bertillon_server.coding.ranking import Ranking
from bertillon_server.coding.terms import TermFlag
from bertillon_server.coding.usage import Habit, Usage
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, SectionKind

_GROUPS: Mapping[str, tuple[SectionKind, ...]] = {
    "section:assessment": (
        SectionKind.ASSESSMENT,
        SectionKind.ASSESSMENT_AND_PLAN,
        SectionKind.DIAGNOSES,
        SectionKind.POSTOPERATIVE_DIAGNOSIS,
        SectionKind.PREOPERATIVE_DIAGNOSIS,
    ),
    "section:plan": (SectionKind.PLAN, SectionKind.DISPOSITION),
    "section:story": (
        SectionKind.CHIEF_COMPLAINT,
        SectionKind.HISTORY_OF_PRESENT_ILLNESS,
        SectionKind.HOSPITAL_COURSE,
        SectionKind.INDICATION,
    ),
    "section:history": (
        SectionKind.PAST_MEDICAL_HISTORY,
        SectionKind.PAST_SURGICAL_HISTORY,
        SectionKind.FAMILY_HISTORY,
        SectionKind.SOCIAL_HISTORY,
        SectionKind.OBSTETRIC_HISTORY,
    ),
    "section:examination": (
        SectionKind.REVIEW_OF_SYSTEMS,
        SectionKind.PHYSICAL_EXAM,
        SectionKind.VITAL_SIGNS,
        SectionKind.LABORATORY,
        SectionKind.IMAGING,
        SectionKind.FINDINGS,
        SectionKind.PROCEDURE,
    ),
    "section:lists": (SectionKind.MEDICATIONS, SectionKind.ALLERGIES, SectionKind.IMMUNIZATIONS),
}
# As plain numbers: combining members of an enum takes ten times as long.
_CURATED, _OFFICIAL, _STRIPPED = int(TermFlag.CURATED), int(TermFlag.OFFICIAL), int(TermFlag.STRIPPED)
_GROUP_OF = {kind: group for group, kinds in _GROUPS.items() for kind in kinds}

# Chapters that behave unlike diseases: symptoms, injuries, factors of health, external causes, neoplasms.
_DISEASE = "chapter:disease"
_CHAPTERS = {"R": "chapter:symptom", "S": "chapter:injury", "T": "chapter:injury", "Z": "chapter:status"}
_CHAPTERS |= dict.fromkeys("VWXY", "chapter:external") | {"C": "chapter:neoplasm"}


class Place(Enum):
    """Where in its section a mention stands."""

    __hash__ = object.__hash__  # as in `vocabulary`

    HEAD = auto()
    """In the head of a problem: the clinician's name for it."""
    BODY = auto()
    """In what is said about a problem."""
    PROSE = auto()
    """Where no problems are listed."""


class Tagging(Enum):
    """How the encoder's tags stand to a mention."""

    __hash__ = object.__hash__

    EXACT = auto()
    """They name just its words."""
    WITHIN = auto()
    """They name more words, the mention's among them."""
    PARTIAL = auto()
    """They name some of its words, or some of them and others."""
    NONE = auto()
    """They name none of its words."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a link when its confidence is asked for.

    `weight` is the term's weight in the index and `margin` its lead over the next meaning; `cosine` is the
    similarity of a phrase found by the encoder alone, None for a term. `words` counts the words that matched.
    `codeable` and `named` are what the encoder's heads give the mention, `similarity` how near it is to a text of
    the code; None where the encoder did not see it. `outside` tells that the note states its problems in other
    sections than the mention's. `habit` is what annotators usually gave for the same words, None where nothing
    was learned of them or the profile does not ask.
    """

    code: str
    section: SectionKind
    assertion: Assertion
    place: Place
    words: int
    weight: float
    margin: float
    flags: TermFlag
    cosine: float | None
    invented: int
    used: int
    codeable: float | None = None
    named: float | None = None
    similarity: float | None = None
    lead: float = 0.0
    outside: bool = False
    tagging: Tagging = Tagging.NONE
    habit: Habit | None = None


# Names of features, made once: a note asks for hundreds.
_PLACE_NAMES = {place: f"place:{place.name.lower()}" for place in Place}
_PLACED = {
    (place, chapter): f"{name}, {chapter}"
    for place, name in _PLACE_NAMES.items()
    for chapter in {_DISEASE, *_CHAPTERS.values()}
}
_ASSERTION_NAMES = {assertion: f"assertion:{assertion.name.lower()}" for assertion in Assertion}
_TAGGING_NAMES = {tagging: f"read:{tagging.name.lower()}" for tagging in Tagging}


def features(signals: Signals) -> dict[str, float]:
    """Return the features of a link by name; absent ones are 0."""
    chapter = _CHAPTERS.get(signals.code[0], _DISEASE)
    named = {
        "bias": 1.0,
        _GROUP_OF.get(signals.section, "section:other"): 1.0,
        chapter: 1.0,
        _PLACE_NAMES[signals.place]: 1.0,
        _PLACED[signals.place, chapter]: 1.0,
        "invented": float(signals.invented > 0),
        "axes": float(signals.used > 0),
        "lead": min(signals.lead, 3.0),
        "outside": float(signals.outside),
        _ASSERTION_NAMES[signals.assertion]: 1.0,
    }
    if signals.codeable is not None and signals.named is not None:
        named |= {
            "read": 1.0,
            "read:codeable": _logit(signals.codeable),
            "read:named": _logit(signals.named),
            _TAGGING_NAMES[signals.tagging]: 1.0,
        }
    if signals.similarity is not None:
        named |= {"compared": 1.0, "compared:similarity": 10.0 * (signals.similarity - 0.6)}
    if signals.habit is not None:
        named |= {
            "usual": 1.0,
            "usual:chance": _logit(signals.habit.chance),
            "usual:notes": math.log1p(signals.habit.notes),
            "usual:alone": float(not signals.weight and signals.cosine is None),
        }
    if signals.cosine is not None:
        # Similarities of unrelated texts lie below 0.6; ten times the rest spreads them over the logistic.
        named |= {"phrase": 1.0, "cosine": 10.0 * (signals.cosine - 0.6)}
    else:
        flags = int(signals.flags)
        named |= {
            "term:curated": float(flags & _CURATED > 0),
            "term:official": float(flags & _OFFICIAL > 0),
            "term:stripped": float(flags & _STRIPPED > 0),
            "term:weight": signals.weight / 10.0,
            "term:ambiguous": float(signals.margin < 1.0),
            "words:two": float(signals.words == 2),
            "words:more": float(signals.words > 2),
        }
    return named


@dataclass(frozen=True, slots=True)
class ProfileModel:
    """Weights by feature name and the least confidence of a code that is reported, for one profile."""

    weights: Mapping[str, float]
    threshold: float

    def confidence(self, signals: Signals) -> float:
        """Return the probability in (0, 1) that the code is right."""
        known = self.weights.get
        logit = 0.0
        for name, value in features(signals).items():
            logit += known(name, 0.0) * value
        return logistic(logit)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The confidence models of a bundle."""

    profiles: Mapping[CodingProfile, ProfileModel]
    ranking: Ranking = field(default_factory=Ranking)
    fusion: Fusion = field(default_factory=Fusion.rules_alone)
    usage: Usage = field(default_factory=Usage)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read `calibration.json`: by profile name `weights` and `threshold`, and `ranking`, `fusion` and `usage`.

        The last three may be left out.
        """
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            {
                profile: ProfileModel(stored[profile.name]["weights"], stored[profile.name]["threshold"])
                for profile in CodingProfile
            },
            Ranking(stored["ranking"]) if "ranking" in stored else Ranking(),
            Fusion.from_json(stored["fusion"]) if "fusion" in stored else Fusion.rules_alone(),
            Usage.from_json(stored.get("usage", {})),
        )


def _logit(chance: float) -> float:
    bounded = min(max(chance, 0.001), 0.999)
    return math.log(bounded / (1.0 - bounded))


def logistic(logit: float) -> float:
    """Return the logistic of a number, safe at both ends."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def shared(confidence: float, weights: Iterable[float]) -> list[float]:
    """Divide what the best code leaves of the probability among alternatives, by their weights."""
    listed = list(weights)
    total = sum(listed)
    return [(1.0 - confidence) * weight / (total + max(listed)) for weight in listed] if total > 0 else []
