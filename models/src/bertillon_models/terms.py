"""Builds the term index: written forms of conditions, from the code set, open ontologies and our lexicon."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.knowledge import CODES_FILE, CONCEPTS_FILE, TERMS_FILE
from bertillon_server.coding.terms import (
    CAPITALS_SALT,
    LATERALITY_SALT,
    NO_SALT,
    TERM_DTYPE,
    TermFlag,
    term_key,
)
from bertillon_server.coding.words import words_of

# How much a source's word is taken for a term's meaning; ties are kept as alternatives.
WEIGHTS = {
    "lexicon": 10.0,
    "title": 5.0,
    "inclusionTerm": 4.5,
    "includes": 4.0,
    "cms_long_title": 5.0,
    "doid_name": 4.2,
    "doid_exact": 3.0,
    "mondo_exactmatch": 3.2,
    "mondo_lex_exact": 3.2,
    "mondo_hasdbxref": 2.0,
    "neoplasm_table": 4.0,
    "drug": 4.0,
}
_OFFICIAL = frozenset({"title", "inclusionTerm", "includes", "cms_long_title", "neoplasm_table", "drug"})

_CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")
# Seventh characters as the long titles spell them; the key leaves them out, decoding fills them in.
_ENCOUNTER = re.compile(
    r", (?:initial|subsequent) encounter\b.*$|, sequela$|, (?:not applicable or unspecified|fetus \d|other fetus)$",
    re.IGNORECASE,
)
# Titles that name what is left over name nothing that a note would.
_LEFTOVER = re.compile(
    r"^other\b|elsewhere classified|classified elsewhere|classifiable to|^any condition", re.IGNORECASE
)
# Some inclusion terms are sentences about the use of codes. As texts of concepts they do harm: one of them was the
# nearest text of a sixth of all phrases that name nothing.
_SENTENCE = re.compile(
    r"^(?:these codes|this (?:code|category)|the following category|screening is|codes also|use two codes)\b",
    re.IGNORECASE,
)
# Single words that some source lists for one exotic code and that notes use for much else. A word of the
# project's own lexicon is never left out.
_TOO_GENERAL = frozenset(
    """
    blood disease cm all secondary activity growth exposure donor hr axis pre arrest hd dye pr pin worm shot
    counseling accident cold abscess fistula effusion fracture wound injury allergy neoplasm cancer carcinoma
    fall falling ganglion burn collision poisoning counselling scar hernia polyp cyst syndrome mass lesion
    infection inflammation degeneration deformity anomaly malformation rupture stenosis obstruction tear sprain
    strain contusion dislocation ulcer calculus thrombosis embolism hemorrhage perforation necrosis stage
    failure abnormal congenital acquired chronic acute recurrent benign malignant history
    """.split()
)
# A longer term of the lexicon is a shorter one with what it is due to or goes with, whose vectors are there.
_MOST_WORDS_WITH_VECTOR = 4
# External causes are matched by their terms alone: their long titles are near to every accident.
_NO_VECTORS = frozenset("VWXY")
_SIDED = re.compile(r"\b(?:right|left|bilateral)\b", re.IGNORECASE)
_BRACKETED = re.compile(r"\s*[\[(][^\])]*[\])]")


@dataclass(frozen=True, slots=True)
class Term:
    """A written form, the code that it means, and where that comes from.

    One of several forms that differ in a common word only needs no vector of its own.
    """

    text: str
    code: str
    source: str
    capitals: bool = False
    vector: bool = True


def read_terminology(path: Path) -> Iterator[Term]:
    """Yield the usable rows of `terms.tsv` (columns term, code, source)."""
    with path.open(encoding="utf-8", newline="") as lines:
        for text, raw, source in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if source not in WEIGHTS:
                continue
            code = raw.rstrip("-").rstrip(".")
            if not _CODE.fullmatch(code):
                continue
            if source == "neoplasm_table":
                yield from _neoplasm(text, code)
            elif not _LEFTOVER.search(text) and not _SENTENCE.search(text):
                yield Term(text, code, source, capitals=_written_in_capitals(text))
                yield from _history(text, code, source)


# "Personal history of malignant neoplasm of breast" is written "history of breast cancer".
_HISTORY = re.compile(r"(family|personal) history of (?:primary )?malignant neoplasm of (.+)", re.IGNORECASE)


def _history(text: str, code: str, source: str) -> Iterator[Term]:
    match = _HISTORY.fullmatch(text)
    if match is not None:
        whose, site = match.groups()
        yield Term(f"{whose} history of {site} cancer", code, source)


# What a note calls the columns of the neoplasm table.
_NEOPLASM_WORDS = {
    "malignant primary": ("cancer", "malignant neoplasm", "carcinoma"),
    "malignant secondary": ("metastasis", "secondary malignant neoplasm"),
    "ca in situ": ("carcinoma in situ",),
    "benign": ("benign neoplasm",),
    "unspecified": ("neoplasm",),
}


def _neoplasm(text: str, code: str) -> Iterator[Term]:
    """Turn `Neoplasm, lung | malignant primary` into the ways a note says it."""
    path, _, behaviour = text.partition(" | ")
    site = re.sub(r"\b(?:NEC|NOS)\b", "", _BRACKETED.sub("", path.removeprefix("Neoplasm, ")))
    for place, word in enumerate(_NEOPLASM_WORDS.get(behaviour.strip().lower(), ())):
        yield Term(f"{word} {site.replace(',', ' ')}", code, "neoplasm_table", vector=place == 0)


def read_lexicon(directory: Path) -> Iterator[Term]:
    """Yield the rows of the project's lexicon (columns term, code, kind); see its README for the format."""
    for path in sorted(directory.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if next(rows)[:3] != ["term", "code", "kind"]:
                message = f"{path}, line 1: the header must be term, code, kind"
                raise ValueError(message)
            for number, row in enumerate(rows, start=2):
                if len(row) != 3 or not _CODE.fullmatch(row[1]):
                    message = f"{path}, line {number}: expected a term, an ICD-10-CM code and a kind"
                    raise ValueError(message)
                yield Term(
                    row[0],
                    row[1],
                    "lexicon",
                    capitals=_written_in_capitals(row[0]),
                    vector=len(row[0].split()) <= _MOST_WORDS_WITH_VECTOR,
                )


def _written_in_capitals(text: str) -> bool:
    """Whether a term matches only in capitals: a short word without a lower-case letter (`RA`, `PE`)."""
    return text.isupper() and len(text) <= 6 and text.isalnum()


def keys_of(term: Term) -> list[tuple[int, TermFlag]]:
    """Return the keys of a term: without laterality, and with it where it names one."""
    text = _ENCOUNTER.sub("", term.text)
    flags = TermFlag(0)
    if term.source == "lexicon":
        flags |= TermFlag.CURATED
    if term.source in _OFFICIAL:
        flags |= TermFlag.OFFICIAL
    words = words_of(text)
    counted = [form for form, key in zip(words.forms, words.plain.tolist(), strict=True) if key]
    if len(counted) == 1 and counted[0] in _TOO_GENERAL and term.source != "lexicon":
        return []
    if term.capitals:
        return [(term_key(words.plain, CAPITALS_SALT), flags)]
    lateral = bool((words.full != words.plain).any())
    if text != term.text or lateral:
        flags |= TermFlag.STRIPPED
    keys = [(term_key(words.plain, NO_SALT), flags)]
    if lateral:
        keys.append((term_key(words.full, LATERALITY_SALT), flags & ~TermFlag.STRIPPED))
    return [(key, flag) for key, flag in keys if key]


@dataclass(frozen=True, slots=True)
class TermTable:
    """The term index as it is stored.

    `rows` is sorted by key (`coding.terms.TERM_DTYPE`) and points into `codes`; `texts` are the concept texts
    that get a vector, one a key, and `concepts` uint32 [texts] the codes that they mean.
    """

    rows: NDArray[np.void]
    codes: list[str]
    texts: list[str]
    concepts: NDArray[np.uint32]


def build_table(terms: Iterable[Term], known: frozenset[str]) -> TermTable:
    """Build the term index.

    `known` holds every code of the release, billable or not; terms of other codes are left out. Codes of one
    key and one weight that lie under a common code are replaced by it: decoding goes down from there.
    """
    meanings: dict[int, dict[str, tuple[float, TermFlag]]] = defaultdict(dict)
    curated: dict[int, int] = defaultdict(int)
    texts: dict[int, tuple[float, str]] = {}
    for term in terms:
        code = _known(term.code, known)
        if code is None:
            continue
        for key, flags in keys_of(term):
            weight = WEIGHTS[term.source]
            if term.source == "lexicon" and code not in meanings[key]:
                # The first row of a term is its default, later ones are alternatives.
                weight -= 0.5 * curated[key]
                curated[key] += 1
            best = meanings[key].get(code)
            if best is None or best[0] < weight:
                meanings[key][code] = (weight, flags | (best[1] if best else TermFlag(0)))
            text = _ENCOUNTER.sub("", term.text)
            if term.vector and (
                key not in texts or (weight, -len(text)) > (texts[key][0], -len(texts[key][1]))
            ):
                texts[key] = (weight, text)
    codes: dict[str, int] = {}
    rows = []
    concepts: list[tuple[str, int]] = []
    for key, found in meanings.items():
        collapsed = _collapsed(found, known)
        for code, (weight, flags) in collapsed.items():
            rows.append((key, codes.setdefault(code, len(codes)), weight, int(flags)))
        code, (_, flags) = next(iter(collapsed.items()))
        if (
            key in texts
            and code[0] not in _NO_VECTORS
            and not (flags & TermFlag.STRIPPED and _SIDED.search(texts[key][1]))
        ):
            concepts.append((texts[key][1], codes[code]))
    rows.sort(key=lambda row: (row[0], -row[2], row[1]))
    concepts.sort()
    return TermTable(
        np.array(rows, TERM_DTYPE),
        list(codes),
        [text for text, _ in concepts],
        np.array([code for _, code in concepts], np.uint32),
    )


def write_terms(table: TermTable, folder: Path) -> None:
    """Write the files of the term index into the folder of a bundle."""
    np.save(folder / TERMS_FILE, table.rows)
    np.save(folder / CONCEPTS_FILE, table.concepts)
    (folder / CODES_FILE).write_text("\n".join(table.codes), encoding="ascii")


def _known(code: str, known: frozenset[str]) -> str | None:
    """Return the code, or what it becomes without the placeholders that sources append."""
    while code not in known:
        if len(code) <= 3:
            return None
        code = code[:-1].rstrip(".")
        if not code.endswith("X") and code not in known:
            return None
    return code


def _collapsed(
    found: dict[str, tuple[float, TermFlag]], known: frozenset[str]
) -> dict[str, tuple[float, TermFlag]]:
    by_weight: dict[float, list[str]] = defaultdict(list)
    for code, (weight, _) in found.items():
        by_weight[weight].append(code)
    out: dict[str, tuple[float, TermFlag]] = {}
    for weight in sorted(by_weight, reverse=True):
        group = sorted(by_weight[weight])
        if len(group) > 1:
            prefix = _common(group, known)
            if prefix is not None:
                flags = TermFlag(0)
                for code in group:
                    flags |= found[code][1]
                out.setdefault(prefix, (weight, flags))
                continue
        for code in group:
            if not any(code != other and other.startswith(code) for other in out):
                out.setdefault(code, found[code])
    return dict(list(out.items())[:4])


def _common(codes: list[str], known: frozenset[str]) -> str | None:
    first, last = codes[0], codes[-1]
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    while length >= 3:
        prefix = first[:length].rstrip(".")
        if prefix in known:
            return prefix
        length -= 1
    return None
