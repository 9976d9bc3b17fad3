"""Learns what annotators usually give for which words, from notes whose codes are known but not where they stand.

Each code of a note has some words to account for it. Which, is learned by expectation and maximisation: a note's code
is shared out among the words that account for it elsewhere, the likeliest words taking most, and how often words
account for a code is counted anew from the shares. What the linker proposes for a mention is likely beforehand, so
words beside a mention do not take what is its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.note_sets import CodedNote, Profile
from bertillon_server.coding.mentions import breaks_phrase, sentence_numbers
from bertillon_server.coding.results import CodingOptions, NoteInput
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.terms import term_key
from bertillon_server.coding.usage import Usage, Usual
from bertillon_server.coding.words import Words, words_of

# Longest run of words that is learned, of those that count.
LONGEST = 4
# Notes that must have the words, and those that must have the code too, before the two are paired unasked.
_LEAST_NOTES, _LEAST_BOTH = 2, 2
# How much oftener than in all notes the code must be where the words are.
_LIFT = 1.5
# Notes that speak against a pair before any is seen, and how likely one is that the linker proposes.
_DOUBT, _PROPOSED = 2.0, 0.5
_ROUNDS = 15
# Chance of what no words account for, relative to how usual a code is.
_LEAK = 0.3
# A pair that accounts for less of its notes is not kept, unless the linker proposes it and it so speaks against it.
_LEAST_SHARE = 0.05
# Words, silent ones among them, from the first to the last of a run.
_REACH = 6
# How codes end that leave a detail open or are of a first encounter.
_OPEN = ("9", "0", "A")


@dataclass(frozen=True, slots=True)
class NoteWords:
    """What of a note usage is learned from.

    `codes` are those that people gave, as the profile compares them; `keys` those of all runs of words; `proposals`
    by the key of a mention the codes that the linker proposes for it.
    """

    codes: frozenset[str]
    keys: frozenset[int]
    proposals: Mapping[int, frozenset[str]]


def read_words(coder: LocalCoder, notes: Sequence[CodedNote], profile: Profile) -> list[NoteWords]:
    """Read the notes with a coder that knows no usage; their codes are comparable already."""
    options = CodingOptions(profile=profile.coding, min_confidence=0.0)
    read = []
    for note in track(notes, "reading", console=Console(stderr=True), transient=True):
        coded = coder.code(NoteInput(text=note.text, setting=note.setting, options=options))
        keys: set[int] = set()
        proposals: dict[int, set[str]] = defaultdict(set)
        for section in coded.sections:
            keys |= _runs(note.text, section.section.body)
            for mention in section.mentions:
                words = words_of(note.text, mention.span.start, mention.span.end)
                found = [mention.code, *(alternative.code for alternative in mention.alternatives)]
                proposals[term_key(words.plain)] |= {ref.code for ref in found if ref is not None}
        read.append(
            NoteWords(
                note.codes,
                frozenset(keys | proposals.keys()),
                {key: frozenset(codes) for key, codes in proposals.items()},
            )
        )
    return read


def _runs(text: str, body: Span) -> set[int]:
    words = words_of(text, body.start, body.end)
    numbers = sentence_numbers(words, split_sentences(text, body))
    return run_keys(words, numbers)


def run_keys(words: Words, sentences: NDArray[np.int32]) -> set[int]:
    """Return the keys of all short runs of words that could be a name: none breaks a phrase at its ends."""
    counted = np.flatnonzero(words.plain != 0)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(words.plain[counted], dtype=np.uint64)])
    ends = np.array([breaks_phrase(words.forms[i]) or words.forms[i].isdigit() for i in counted], np.bool_)
    keys: set[int] = set()
    for length in range(1, min(LONGEST, len(counted)) + 1):
        first, last = counted[: len(counted) - length + 1], counted[length - 1 :]
        whole = (sentences[first] == sentences[last]) & (last - first <= _REACH)
        whole &= ~ends[: len(first)] & ~ends[length - 1 :]
        keys.update((sums[length:] - sums[:-length])[whole].tolist())
    keys.discard(0)
    return keys


class Editions:
    """Turns codes of the edition that a set is labelled with into those that are billable now."""

    def __init__(self, billable: Iterable[str], profile: Profile) -> None:
        self._profile = profile
        self._now: dict[str, list[str]] = defaultdict(list)
        for code in sorted(billable):
            self._now[profile.comparable(code)].append(code)

    def comparable(self, code: str) -> str:
        """Return a code as the set writes it."""
        return self._profile.comparable(code)

    def now(self, code: str, proposed: Mapping[str, int]) -> str | None:
        """Return the billable code for one of the set, the one proposed oftenest; None where there is none."""
        found = self._now.get(code, [])

        def rank(now: str) -> tuple[int, bool, bool]:
            return proposed.get(now, 0), now == code, now.endswith(_OPEN)

        return max(found, key=rank, default=None)


def fit_usage(read: Sequence[NoteWords], editions: Editions) -> Usage:
    """Return what is usual in the notes."""
    notes = Counter(key for note in read for key in note.keys)
    usual = Counter(code for note in read for code in note.codes)
    proposed = Counter(code for note in read for codes in note.proposals.values() for code in codes)
    # By key and code of the set: the billable codes that the linker proposes.
    linked: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for note in read:
        for key, codes in note.proposals.items():
            for code in codes:
                linked[key, editions.comparable(code)][code] += 1
    both = Counter(
        (key, code) for note in read for key in note.keys if notes[key] >= _LEAST_NOTES for code in note.codes
    )
    unasked = {
        (key, code)
        for (key, code), count in both.items()
        if count >= _LEAST_BOTH and count > _LIFT * notes[key] * usual[code] / len(read)
    }
    pairs = sorted(unasked | linked.keys())
    shares, accounted, together = _accounted(read, pairs, notes, usual, linked.keys())
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for number, (key, code) in enumerate(pairs):
        if (key, code) in linked:
            # A mention accounts for all of its code: that another could as well does not speak against it.
            table[key] |= dict.fromkeys(linked[key, code], float(together[number]))
        elif shares[number] >= _LEAST_SHARE:
            now = editions.now(code, proposed)
            if now is not None:
                table[key][now] = float(accounted[number])
    return Usage(
        {key: Usual(notes[key], {c: n for c, n in counts.items() if n > 0}) for key, counts in table.items()}
    )


def _accounted(
    read: Sequence[NoteWords],
    pairs: Sequence[tuple[int, str]],
    notes: Mapping[int, int],
    usual: Mapping[str, int],
    linked: Iterable[tuple[int, str]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return for each pair of words and code how likely the words account for it, and in how many notes they do.

    And, last, how many notes have both.
    """
    place = {pair: number for number, pair in enumerate(pairs)}
    by_key: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for (key, code), number in place.items():
        by_key[key].append((code, number))
    # A row for each code of each note: which pairs may account for it.
    rows: list[int] = []
    members: list[int] = []
    leaks: list[float] = []
    for note in read:
        row_of = {code: len(leaks) + number for number, code in enumerate(sorted(note.codes))}
        leaks += [_LEAK * usual[code] / len(read) for code in sorted(note.codes)]
        for key in note.keys & by_key.keys():
            for code, number in by_key[key]:
                if code in row_of:
                    rows.append(row_of[code])
                    members.append(number)
    row, member, leak = np.array(rows, np.int64), np.array(members, np.int64), np.array(leaks)
    seen = np.array([notes[key] for key, _ in pairs], np.float64)
    before = np.zeros(len(pairs))
    before[[place[pair] for pair in linked]] = _PROPOSED
    base = np.array([usual.get(code, 0) / len(read) for _, code in pairs])
    together = np.bincount(member, minlength=len(pairs))
    shares = np.clip((together - seen * base + _DOUBT * before) / (seen + _DOUBT), 1e-4, 0.99)
    accounted: NDArray[np.float64] = together.astype(np.float64)
    for _ in range(_ROUNDS):
        # Squared, so that the likeliest words take nearly all: the maximum over mentions, softened.
        strength = shares[member] ** 2
        total = np.bincount(row, strength, len(leak)) + leak**2
        accounted = np.bincount(member, strength / total[row], len(pairs)).astype(np.float64)
        shares = np.clip((accounted + _DOUBT * before) / (seen + _DOUBT), 1e-5, 0.99)
    return shares, accounted, together
