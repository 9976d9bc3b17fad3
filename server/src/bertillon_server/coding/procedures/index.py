"""The Alphabetic Index of ICD-10-PCS, as it lies beside an imported release: names of procedures and of body parts.

Source of the file: the index in XML that CMS publishes for a fiscal year. A main term says either "see" an operation
and body part, with the beginnings of its codes, or "use" the body part that a structure is coded to. The names are
kept in a file with a seal of its own, made at the import.
"""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.publications.lines import Publication
from bertillon_server.coding.procedures.anatomy import read_names
from bertillon_server.coding.procedures.names import Names
from bertillon_server.coding.procedures.structure import LENGTH, OBSTETRIC, SURGICAL

INDEX_FILE = "index.json"
# Operations are main terms too, with all of their body parts below; what they name is read from the titles.
_LEAST_PREFIX = 4
# More beginnings than that say nothing of what a term names.
_MOST_PREFIXES = 12


@dataclass(frozen=True, slots=True)
class Index:
    """Names of procedures with the beginnings of their codes, and everyday names of body parts."""

    names: Names | None
    parts: Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]]


def read_index(publication: Publication) -> tuple[list[tuple[str, list[str]]], list[tuple[str, str]]]:
    """Return the names of procedures with beginnings of codes, and of structures with their body part."""
    try:
        root = ET.fromstring(publication.xml())  # noqa: S314 - without entities
    except ET.ParseError as error:
        raise publication.refuse(error.position[0], "the XML is not well-formed") from None
    procedures: list[tuple[str, list[str]]] = []
    parts: list[tuple[str, str]] = []
    for term in root.iter("mainTerm"):
        title = (term.findtext("title") or "").strip()
        codes = list(dict.fromkeys(_prefixes(term)))
        if title and 0 < len(codes) <= _MOST_PREFIXES and term.find("term/title") is None:
            procedures.append((title, codes))
        used = {(use.text or "").strip() for use in term.iter("use")}
        if title and len(used) == 1 and all(used):
            parts.append((title, next(iter(used)).replace(",", " ")))
    if not procedures and not parts:
        raise publication.refuse(None, "it holds no terms of the index")
    return procedures, parts


def _prefixes(term: ET.Element) -> Iterator[str]:
    for see in term.iter("see"):
        for name in ("codes", "code"):
            for found in see.findall(name):
                prefix = (found.text or "").strip()
                # In the other sections four characters leave open what is done.
                enough = _LEAST_PREFIX if prefix[:1] in (SURGICAL, OBSTETRIC) else LENGTH
                if len(prefix) >= enough and prefix.isalnum():
                    yield prefix


def write_index(
    folder: Path, procedures: Sequence[tuple[str, Sequence[str]]], parts: Sequence[tuple[str, str]]
) -> None:
    """Write the names of an index into the folder of a release."""
    body = json.dumps({"procedures": procedures, "parts": parts}, ensure_ascii=False)
    document = {"sha256": hashlib.sha256(body.encode()).hexdigest(), "index": body}
    try:
        (folder / INDEX_FILE).write_text(json.dumps(document), encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"the index cannot be written: {error.strerror}") from None


def load_index(folder: Path) -> Index:
    """Return the index of a release; an empty one where none was imported."""
    file = folder / INDEX_FILE
    if not file.is_file():
        return Index(None, {})
    try:
        document = json.loads(file.read_text("utf-8"))
        body = str(document["index"])
        intact = hashlib.sha256(body.encode()).hexdigest() == document["sha256"]
        held = json.loads(body if intact else "")
        names = Names((str(name), [[str(code) for code in codes]]) for name, codes in held["procedures"])
        parts = read_names((str(name), str(part)) for name, part in held["parts"])
    except (OSError, ValueError, TypeError, KeyError):
        raise CatalogError(f"{file} is damaged; import the release again") from None
    return Index(names, parts)
