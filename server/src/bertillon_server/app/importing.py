"""Brings published files into the catalog directory: checked as a whole, encoded, and put in place at once."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bertillon_server.api.validation import DEFAULT_SYSTEM
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.catalog.codes import CatalogError, Release
from bertillon_server.catalog.flags import FlagFile, FlagKind, FlagListing, write_flags
from bertillon_server.catalog.folder import CODES_FILE, FLAGS_FILE, CatalogFolder, new_folder
from bertillon_server.catalog.listing import ListedEntry, Listing
from bertillon_server.catalog.publications.custom import read_custom
from bertillon_server.catalog.publications.flag_files import read_flags
from bertillon_server.catalog.publications.hcpcs import read_hcpcs
from bertillon_server.catalog.publications.icd_10_cm import read_icd_10_cm
from bertillon_server.catalog.publications.icd_10_pcs import read_icd_10_pcs
from bertillon_server.catalog.publications.lines import Publication, read_publication
from bertillon_server.catalog.schema import write_catalog
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.imported import Progress, encoder_id, made_by, names_of, write_concepts
from bertillon_server.coding.procedures.index import read_index, write_index

ICD_10_CM, ICD_10_PCS, HCPCS, CUSTOM = DEFAULT_SYSTEM, "icd-10-pcs", "hcpcs", "custom"
SYSTEMS: Final = (ICD_10_CM, ICD_10_PCS, HCPCS, CUSTOM)


@dataclass(frozen=True, slots=True)
class CodesImport:
    """What is to be imported: the files, the kind of system, the id it gets, its version and its dates of service."""

    kind: str
    system: str
    codes: Path
    tables: Path | None
    tabular: Path | None
    index: Path | None
    version: str
    valid_from: dt.date
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: how many codes or flags, bytes in the catalog directory, and seconds."""

    codes: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """A release or set of flags in the catalog; `built_in` for what comes with the server."""

    name: str
    version: str
    valid_from: dt.date
    valid_to: dt.date | None
    codes: int
    size: int
    search: str


def import_codes(
    order: CodesImport,
    folder: CatalogFolder,
    bundle: Path,
    workers: int,
    progress: Progress,
    *,
    replace: bool,
) -> Imported:
    """Import a release of a code system; CatalogError and BundleError leave the catalog as it was."""
    began = time.monotonic()
    place = folder.codes_place(order.system, order.version)
    release = Release(order.system, order.version, order.valid_from, order.valid_to)
    _check_dates(release)
    if order.system in (ICD_10_CM, ICD_10_PCS, HCPCS) and order.kind == CUSTOM:
        raise CatalogError(
            f"{order.system} is the name of an official system; give the set another with --id"
        )
    with Catalog.open() as built_in:
        if any(known.version == order.version for known in built_in.releases(order.system)):
            raise CatalogError(f"{order.system} {order.version} is built in; give another --version")
    with new_folder(place, replace=replace) as workshop:
        publications = [read_publication(path) for path in (order.codes, order.tables, order.tabular) if path]
        if order.index is not None:
            publications.append(read_publication(order.index))
            write_index(workshop, *read_index(publications[-1]))
        entries = _READERS[order.kind](order, publications[0], publications[1:])
        sources = tuple(publication.source for publication in publications)
        write_catalog(workshop / CODES_FILE, [Listing(release, entries, sources)])
        if order.kind != ICD_10_CM:
            # ICD-10-CM is searched with the vectors and terms of the bundle, which are made for it.
            names = names_of(entries)
            if names:
                write_concepts(workshop, names, load_bundle(bundle), workers, progress)
        size = _size(workshop)
    return Imported(sum(entry.billable for entry in entries), size, time.monotonic() - began)


def import_flags(
    kind: FlagKind, path: Path, release: Release, folder: CatalogFolder, *, replace: bool
) -> Imported:
    """Import a list of flags. Raises CatalogError, and then leaves the catalog as it was."""
    began = time.monotonic()
    _check_dates(release)
    with new_folder(folder.flags_place(kind.value, release.version), replace=replace) as workshop:
        publication = read_publication(path)
        rows = read_flags(kind, publication)
        write_flags(workshop / FLAGS_FILE, FlagListing(release, rows, (publication.source,)))
        size = _size(workshop)
    return Imported(len({row.code for row in rows}), size, time.monotonic() - began)


def held(folder: CatalogFolder, bundle: Path) -> list[Held]:
    """Return all that a server would load: what is built in first. Raises CatalogError when something is damaged."""
    found = []
    with Catalog.open() as catalog:
        for system in catalog.systems():
            found += [_held(catalog, release, 0, "built in") for release in catalog.releases(system)]
    current = encoder_id(load_bundle(bundle))
    for place in folder.codes():
        with Catalog.open(place / CODES_FILE) as catalog:
            for system in catalog.systems():
                maker = made_by(place)
                search = "words and meaning" if maker == current or system == ICD_10_CM else "words"
                found += [_held(catalog, one, _size(place), search) for one in catalog.releases(system)]
    for place in folder.flags():
        file = FlagFile(place / FLAGS_FILE)
        release = file.release
        found.append(
            Held(
                f"flags: {release.system}",
                release.version,
                release.valid_from,
                release.valid_to,
                file.codes,
                _size(place),
                "",
            )
        )
        file.close()
    return found


def _held(catalog: Catalog, release: Release, size: int, search: str) -> Held:
    table = catalog.code_table(release.system, release.version)
    return Held(
        release.system,
        release.version,
        release.valid_from,
        release.valid_to,
        sum(table.billable),
        size,
        search,
    )


def _check_dates(release: Release) -> None:
    if release.valid_to is not None and release.valid_to < release.valid_from:
        raise CatalogError("the last date of service lies before the first")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _icd_10_cm(order: CodesImport, codes: Publication, others: list[Publication]) -> list[ListedEntry]:
    if order.tabular is None:
        raise CatalogError("icd-10-cm needs the tabular list in XML beside the list of codes; give --tabular")
    return read_icd_10_cm(others[0], codes)


def _icd_10_pcs(order: CodesImport, codes: Publication, others: list[Publication]) -> list[ListedEntry]:
    return read_icd_10_pcs(codes, others[0] if order.tables is not None else None)


_READERS: Final[Mapping[str, Callable[[CodesImport, Publication, list[Publication]], list[ListedEntry]]]] = {
    ICD_10_CM: _icd_10_cm,
    ICD_10_PCS: _icd_10_pcs,
    HCPCS: lambda _, codes, __: read_hcpcs(codes),
    CUSTOM: lambda _, codes, __: read_custom(codes),
}
