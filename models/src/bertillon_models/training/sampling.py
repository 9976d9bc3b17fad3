"""Draws the batch of a step: which windows, fragments and terms, and which texts they are told apart by.

The batch of a step depends on the seed and on the number of the step alone, so that a run that was interrupted
goes on as if it had not been.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bertillon_models.training.examples import LearnedWindow, TermBank
from bertillon_server.coding.heads import ASSERTIONS
from bertillon_server.coding.vocabulary import Assertion

# What one step looks at; about 3,000 tokens. Of windows that name nothing there are few.
WINDOWS, PLAIN, LINES, ANCHORS = 10, 2, 24, 32
# Mentions of a window that are linked, and stretches of it that name nothing.
LINKED, EMPTY = 5, 2
# Texts of other concepts of an anchor's category, which are the hardest to tell apart.
SIBLINGS = 1
# How much more often a window is drawn that holds an assertion which notes make seldom.
RARE_TIMES = 3
_USUAL = frozenset({ASSERTIONS.index(Assertion.PRESENT), ASSERTIONS.index(Assertion.NEGATED)})
# Anchors are drawn as so many terms of one category, for the same reason.
NEIGHBOURS = 4
_CHANGED, _SHUFFLED, _LOWER = 0.15, 0.1, 0.6
_LONGEST_EMPTY = 4


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is to be linked: tokens of a row of the step's windows, or a text; `stem` is -1 where nothing is named."""

    row: int
    first: int
    last: int
    stem: int
    code: str


@dataclass(frozen=True, slots=True)
class Step:
    """The windows of a step, anchors in them, anchors that are texts, and the texts they are linked to.

    `candidates` are places in the bank, without repetition.
    """

    windows: list[LearnedWindow]
    anchors: list[Anchor]
    texts: list[str]
    text_stems: list[int]
    text_codes: list[str]
    candidates: list[int]


class Sampler:
    """Draws steps from notes, fragments and terms."""

    def __init__(
        self,
        notes: Sequence[LearnedWindow],
        lines: Sequence[LearnedWindow],
        bank: TermBank,
        seed: int,
        batch: int = 1,
    ) -> None:
        """Draw `batch` times as many windows, fragments and terms for each step as a processor is given."""
        self._notes = _with_rare([window for window in notes if window.mentions] or list(notes))
        self._plain = [window for window in notes if not window.mentions]
        self._lines = _with_rare(lines)
        self._bank = bank
        self._seed, self._batch = seed, batch
        self._categories = sorted(
            category for category, places in bank.of_category.items() if len(places) >= NEIGHBOURS
        )
        # Categories with many ways of saying things are asked more often, but far less than in proportion.
        sizes = [len(bank.of_category[category]) ** 0.5 for category in self._categories]
        self._cumulative = np.cumsum(sizes).tolist()

    def step(self, number: int) -> Step:
        """Return the batch of a step."""
        rng = random.Random(self._seed * 1_000_003 + number)
        windows = [*rng.sample(self._notes, min(self._batch * WINDOWS, len(self._notes)))]
        if self._plain:
            windows += rng.sample(self._plain, min(self._batch * PLAIN, len(self._plain)))
        windows += rng.sample(self._lines, min(self._batch * LINES, len(self._lines)))
        anchors = [anchor for row, window in enumerate(windows) for anchor in _anchors(rng, row, window)]
        places = [
            place
            for category in rng.choices(
                self._categories, cum_weights=self._cumulative, k=self._batch * ANCHORS // NEIGHBOURS
            )
            for place in rng.sample(self._bank.of_category[category], NEIGHBOURS)
        ]
        bank = self._bank
        candidates: list[int] = []
        for stem, code, own in [
            *((anchor.stem, anchor.code, -1) for anchor in anchors if anchor.stem >= 0),
            *((int(bank.stems[place]), bank.codes[place], place) for place in places),
        ]:
            positives = [place for place in bank.positives(stem, code) if place != own]
            if positives:
                candidates.append(rng.choice(positives))
            siblings = bank.of_category.get(code[:3], [])
            candidates += rng.sample(siblings, min(SIBLINGS, len(siblings)))
        return Step(
            windows=windows,
            anchors=anchors,
            texts=[varied(rng, bank.texts[place]) for place in places],
            text_stems=[int(bank.stems[place]) for place in places],
            text_codes=[bank.codes[place] for place in places],
            candidates=list(dict.fromkeys(candidates)),
        )


def _with_rare(windows: Sequence[LearnedWindow]) -> list[LearnedWindow]:
    """Return the windows, those with a rare assertion several times over."""
    rare = [window for window in windows if any(m.assertion not in _USUAL for m in window.mentions)]
    return [*windows, *rare * (RARE_TIMES - 1)]


def _anchors(rng: random.Random, row: int, window: LearnedWindow) -> list[Anchor]:
    chosen = rng.sample(window.mentions, min(LINKED, len(window.mentions)))
    anchors = [Anchor(row, m.first, m.last, m.stem, m.code) for m in chosen]
    empty = np.flatnonzero(window.tags == 0).tolist()
    for _ in range(EMPTY if empty else 0):
        first = rng.choice(empty)
        last = first + 1
        while (
            last - first < rng.randint(1, _LONGEST_EMPTY)
            and last < len(window.tags)
            and window.tags[last] == 0
        ):
            last += 1
        anchors.append(Anchor(row, first, last, -1, ""))
    return anchors


def varied(rng: random.Random, text: str) -> str:
    """Return a text as a hurried writer might have it: lower case, without "unspecified", with a slip."""
    if rng.random() < _LOWER:
        text = text.lower()
    text = re.sub(r",? (?:unspecified|NOS)\b", "", text) or text
    words = text.split()
    if len(words) > 1 and rng.random() < _SHUFFLED:
        rng.shuffle(words)
    if rng.random() < _CHANGED:
        place = rng.randrange(len(words)) if words else 0
        if words and len(words[place]) > 4:
            words[place] = _slip(rng, words[place])
    return " ".join(words)


def _slip(rng: random.Random, word: str) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at] + word[at:]
