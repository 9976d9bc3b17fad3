"""A few terms over the real code set, and an encoder that knows a handful of phrases: enough to code notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertillon_models.terms import Term, build_table
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.confidence import Calibration, ProfileModel
from bertillon_server.coding.decoding import Decoder
from bertillon_server.coding.knowledge import Knowledge
from bertillon_server.coding.linking import Linker
from bertillon_server.coding.results import (
    CodingOptions,
    EncounterSummary,
    NoteInput,
    SectionResult,
    Versions,
)
from bertillon_server.coding.terms import TermIndex
from bertillon_server.coding.vocabulary import CodingProfile, Setting

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


class PhraseTokenizer:
    """Turns a phrase into a window that the fake vectors recognise: one token, 1 for the known phrase."""

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> list[NDArray[np.int64]]:
        del max_tokens
        return [np.array([int(text.lower() == PHRASE)], np.int64) for text in texts]


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


def encode(windows: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Encode windows of the fake tokenizer."""
    return np.array([[float(window[0])] for window in windows], np.float32).reshape(-1, 1)


def knowledge(catalog: Catalog, *, threshold: float = 0.0, more: Sequence[Term] = ()) -> Knowledge:
    """Return the small knowledge, and `more` terms, over the release that is packaged."""
    codes = catalog.code_table(SYSTEM, RELEASE)
    table = build_table([*TERMS, *more], frozenset(codes.codes))
    terms = TermIndex(table.rows, tuple(table.codes))
    decoder = Decoder(codes)
    model = ProfileModel({"bias": 1.0, "place:head": 1.0}, threshold)

    def exclusions(code: str, other: str) -> str | None:
        rule = catalog.excludes1(SYSTEM, RELEASE, code, other)
        return None if rule is None else f"Excludes1 at {rule.stated_at}"

    return Knowledge(
        system=SYSTEM,
        release=RELEASE,
        codes=codes,
        decoder=decoder,
        linker=Linker(terms, decoder, table.concepts),
        terms=terms,
        vectors=PhraseVectors(table.texts.index(PHRASE_TERM)),  # type: ignore[arg-type]
        tokenizer=PhraseTokenizer(),  # type: ignore[arg-type]
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
    for section in outline.sections:
        reading = coder.read(note, section)
        results.append(coder.code(note, outline, reading, encode(reading.windows)))
    return results, coder.summarise(note, outline, results)
