"""What coding knows: the terms and vectors of a bundle, and one release of a code set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertillon_server.bundle.loader import Bundle, BundleError
from bertillon_server.bundle.manifest import (
    SCALES_FILE,
    SEARCH_AXES_FILE,
    SEARCH_FILE,
    TOKENIZER_FILE,
    VECTORS_FILE,
)
from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.confidence import Calibration
from bertillon_server.coding.decoding import Codes, Decoder
from bertillon_server.coding.linking import NEIGHBOURS, Linker
from bertillon_server.coding.other_release import terms_of_release
from bertillon_server.coding.results import Versions
from bertillon_server.coding.terms import TermIndex
from bertillon_server.inference.tokenizer import Tokenizer
from bertillon_server.inference.vectors import VectorIndex

# Files that coding reads beside those every bundle has.
TERMS_FILE = "terms.npy"
CODES_FILE = "codes.txt"
CONCEPTS_FILE = "concepts.npy"
CALIBRATION_FILE = "calibration.json"


class Exclusions(Protocol):
    """Excludes1 notes of a release: returns the sentence that forbids two codes together, None if none does."""

    def __call__(self, code: str, other: str) -> str | None:
        """Return where and what the note says, None when the two may stand together."""
        ...


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is shared by all notes of one release; read-only."""

    system: str
    release: str
    codes: Codes
    decoder: Decoder
    linker: Linker
    terms: TermIndex
    vectors: VectorIndex
    tokenizer: Tokenizer
    calibration: Calibration
    exclusions: Exclusions
    versions: Versions
    neighbours: int = NEIGHBOURS


@dataclass(frozen=True, slots=True)
class Learned:
    """What a bundle brings, whatever the release; shared by all of them and read-only."""

    terms: TermIndex
    concepts: NDArray[np.uint32]
    vectors: VectorIndex
    tokenizer: Tokenizer
    calibration: Calibration


def load_learned(bundle: Bundle) -> Learned:
    """Open the files of a bundle that coding reads; raises BundleError when one of them cannot be used."""
    try:
        return Learned(
            terms=TermIndex.load(bundle.path(TERMS_FILE), bundle.path(CODES_FILE)),
            concepts=np.load(bundle.path(CONCEPTS_FILE), allow_pickle=False),
            vectors=VectorIndex.from_files(
                graph=bundle.path(SEARCH_FILE),
                vectors=bundle.path(VECTORS_FILE),
                scales=bundle.path(SCALES_FILE),
                axes=bundle.path(SEARCH_AXES_FILE),
            ),
            tokenizer=Tokenizer.from_file(bundle.path(TOKENIZER_FILE)),
            calibration=Calibration.load(bundle.path(CALIBRATION_FILE)),
        )
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"a file of the bundle cannot be read ({type(error).__name__})") from error


def load_knowledge(
    bundle: Bundle, catalog: Catalog, system: str, release: str, rules: str, learned: Learned | None = None
) -> Knowledge:
    """Bring a bundle and a release of a code system together; `rules` is the version of the rules.

    `learned` is what the bundle brings, where it was loaded for another release already. Raises BundleError when a
    file of the bundle cannot be used.
    """
    codes = catalog.code_table(system, release)
    learned = learned or load_learned(bundle)
    terms = terms_of_release(learned.terms, codes, _base(bundle, catalog, system, release))
    decoder = Decoder(codes)

    def exclusions(code: str, other: str) -> str | None:
        rule = catalog.excludes1(system, release, code, other)
        return None if rule is None else f"Excludes1 at {rule.stated_at}: {rule.text} (guidelines I.A.12.a)"

    return Knowledge(
        system=system,
        release=release,
        codes=codes,
        decoder=decoder,
        linker=Linker(terms, decoder, learned.concepts, learned.vectors, learned.calibration.ranking),
        terms=terms,
        vectors=learned.vectors,
        tokenizer=learned.tokenizer,
        calibration=learned.calibration,
        exclusions=exclusions,
        versions=Versions(
            model=bundle.label,
            rules=rules,
            code_sets=((system, release),),
        ),
    )


def _base(bundle: Bundle, catalog: Catalog, system: str, release: str) -> CodeTable | None:
    """Return the codes of the release that a bundle was made for, None if it is this one or not at hand."""
    loaded = {known.version for known in catalog.releases(system)}
    made_for = [one.release for one in bundle.manifest.code_sets if one.system == system]
    if release in made_for:
        return None
    return next((catalog.code_table(system, version) for version in made_for if version in loaded), None)
