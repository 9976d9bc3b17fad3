"""A few terms over the real code set, and an encoder that knows a handful of phrases: enough to code notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_models.terms import Term, build_table
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.codeable import codeable_sections
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.confidence import Calibration, ProfileModel
from bertillon_server.coding.decoding import Decoder
from bertillon_server.coding.heads import ASSERTIONS, HEAD_WIDTH, PLACES, PROCEDURE_TAGS, TAGS
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.linking import Linker
from bertillon_server.coding.ranking import Ranking
from bertillon_server.coding.results import (
    CodingOptions,
    EncounterSummary,
    NoteInput,
    SectionResult,
    Versions,
)
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.vocabulary import Assertion, CodingProfile, Setting

SYSTEM = "icd-10-cm"
RELEASE = "2026-04-01"
TERMS = [
    Term(text, code, "lexicon", capitals=text.isupper())
    for text, code in (
        ("hypertension", "I10"),
        ("HTN", "I10"),
        ("diabetes", "E11.9"),
        ("type 2 diabetes", "E11.9"),
        ("CKD", "N18.9"),
        ("heart failure", "I50.9"),
        ("pneumonia", "J18.9"),
        ("cough", "R05.9"),
        ("fever", "R50.9"),
        ("chest pain", "R07.9"),
        ("knee pain", "M25.56"),
        ("breast cancer", "C50.919"),
        ("personal history of breast cancer", "Z85.3"),
        ("family history of breast cancer", "Z80.3"),
        ("ankle sprain", "S93.40"),
        ("type 1 diabetes", "E10.9"),
        ("gestational diabetes", "O24.41"),
        ("asthma", "J45.909"),
        ("asthma exacerbation", "J45.901"),
        ("appendicitis", "K37"),
    )
]
# A phrase that no term covers, and the row of the term that the fake encoder puts it next to.
PHRASE, PHRASE_TERM = "tired sugar", "diabetes"


# Ids of tokens that belong to the known phrase, and of all others.
OF_PHRASE, OTHER = 7, 8
# The encoder's logit of what it is sure of.
SURE = 9.0


class WordTokenizer:
    """Makes a token of every word; the words of the known phrase have an id of their own where it stands."""

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> list[NDArray[np.int64]]:
        return [np.array([101, *self.split(text)[0], 102][:max_tokens]) for text in texts]

    def split(self, text: str) -> tuple[list[int], list[int], list[int]]:
        known = [match.span() for match in re.finditer(PHRASE, text, re.IGNORECASE)]
        ids, starts, ends = [], [], []
        for match in re.finditer(r"\w+|[^\w\s]", text):
            inside = any(start <= match.start() and match.end() <= end for start, end in known)
            ids.append(OF_PHRASE if inside else OTHER)
            starts.append(match.start())
            ends.append(match.end())
        return ids, starts, ends


class PhraseVectors:
    """Finds the row of `PHRASE_TERM` for the known phrase and nothing near for any other."""

    dimensions = 1

    def __init__(self, row: int) -> None:
        self._row = row

    def search(
        self, queries: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        del count
        rows = np.full((len(queries), 1), self._row, np.int32)
        return rows, np.where(queries > 0.5, 0.95, 0.1).astype(np.float32)

    def similarity(self, query: NDArray[np.float32], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        return np.full(len(rows), 0.95 if query[0] > 0.5 else 0.1, np.float32)


def encode(windows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float32]]:
    """Encode windows of the fake tokenizer: hidden states of one number, and heads that find everything present."""
    return [_rows(window) for window in windows]


def _rows(window: NDArray[np.int64]) -> NDArray[np.float32]:
    rows = np.zeros((len(window), 1 + HEAD_WIDTH), np.float32)
    known = window == OF_PHRASE
    rows[:, 0] = np.where(known, 1.0, -1.0)
    heads = rows[:, 1:]
    tags = heads[:, PLACES["tags"]]
    tags[~known, 0] = SURE
    tags[known, TAGS.index("inside-problem")] = SURE
    tags[known & ~np.roll(known, 1), TAGS.index("begin-problem")] = 2 * SURE
    heads[:, PLACES["assertion"]][:, ASSERTIONS.index(Assertion.PRESENT)] = SURE
    heads[:, PLACES["procedure"]][:, PROCEDURE_TAGS.index("outside")] = SURE
    return rows


def knowledge(catalog: Catalog, *, threshold: float = 0.0, more: Sequence[Term] = ()) -> Knowledge:
    """Return the small knowledge, and `more` terms, over the release that is packaged."""
    codes = catalog.code_table(SYSTEM, RELEASE)
    table = build_table([*TERMS, *more], frozenset(codes.codes))
    terms = TermIndex(table.rows, tuple(table.codes))
    decoder = Decoder(codes)
    vectors = PhraseVectors(table.texts.index(PHRASE_TERM))
    model = ProfileModel({"bias": 1.0, "place:head": 1.0, "outside": -9.0}, max(threshold, 0.01))

    def exclusions(code: str, other: str) -> str | None:
        rule = catalog.excludes1(SYSTEM, RELEASE, code, other)
        return None if rule is None else f"Excludes1 at {rule.stated_at}"

    return Knowledge(
        system=SYSTEM,
        release=RELEASE,
        codes=codes,
        decoder=decoder,
        linker=Linker(terms, decoder, table.concepts, vectors, Ranking()),
        terms=terms,
        vectors=vectors,  # type: ignore[arg-type]
        tokenizer=WordTokenizer(),  # type: ignore[arg-type]
        calibration=Calibration(dict.fromkeys(CodingProfile, model)),
        exclusions=exclusions,
        versions=Versions("small/1", "test", ((SYSTEM, RELEASE),)),
    )


def code(
    coder: Coder,
    text: str,
    *,
    setting: Setting = Setting.OUTPATIENT,
    profile: CodingProfile = CodingProfile.ENCOUNTER,
    min_confidence: float | None = None,
) -> tuple[list[SectionResult], EncounterSummary]:
    """Code a text through all stages."""
    options = CodingOptions(profile=profile, min_confidence=min_confidence)
    note = NoteInput(text=text, setting=setting, options=options)
    outline = coder.outline(note, ())
    results = []
    codeable = codeable_sections(outline.sections, note.options.profile)
    for section in outline.sections:
        reading = coder.read(note, section)
        rows = encode(reading.windows)
        results.append(coder.code(note, reading, rows, codeable=section.kind in codeable))
    return results, coder.summarise(note, outline, results)
