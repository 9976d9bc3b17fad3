"""What is loaded from the catalog, the built-in one and the catalog directory, and loaded again when that changes.

What has not changed is taken over, so that a reload costs the time and memory of what is new alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bertillon_server.api.validation import DEFAULT_SYSTEM
from bertillon_server.app.coders import make_coder
from bertillon_server.app.settings import Settings
from bertillon_server.audit.auditor import Auditor
from bertillon_server.audit.book import CatalogFlags, CodeBook
from bertillon_server.audit.flow import ReleaseAudit
from bertillon_server.bundle.loader import Bundle
from bertillon_server.catalog.folder import CatalogFolder
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.imported import ImportedConcepts, load_concepts
from bertillon_server.coding.knowledge import Learned
from bertillon_server.coding.procedures.descriptors import DescriptorSystem
from bertillon_server.coding.procedures.index import load_index
from bertillon_server.coding.procedures.pcs import PcsLinker
from bertillon_server.coding.procedures.pcs_system import PcsSystem
from bertillon_server.coding.procedures.release import PcsRelease
from bertillon_server.coding.procedures.systems import ProcedureSystem
from bertillon_server.coding.releases import Releases

_LOG: Final = structlog.get_logger("bertillon.catalog")
_ICD_10_PCS: Final = "icd-10-pcs"

# A release: its system and its version.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Holdings:
    """A catalog and all that was made of it."""

    catalog: Catalog
    coders: Mapping[str, Coder]
    concepts: Mapping[Key, ImportedConcepts]
    procedures: Mapping[Key, ProcedureSystem]
    releases: Releases
    audits: Mapping[Key, ReleaseAudit]


@dataclass(frozen=True, slots=True)
class Library:
    """Loads holdings: with what bundle, and from where."""

    settings: Settings
    bundle: Bundle
    learned: Learned

    def open(self) -> Holdings:
        """Load everything. Raises CatalogError and BundleError."""
        return self._made(Catalog.open(imported=self._folder), None)

    def open_again(self, earlier: Holdings) -> Holdings:
        """Load what has changed since; what is loaded stays as it is whatever becomes of this."""
        catalog = earlier.catalog.opened_again(self._folder)
        try:
            return self._made(catalog, earlier)
        except BaseException:
            catalog.close(but=earlier.catalog)
            raise

    @property
    def _folder(self) -> CatalogFolder:
        return CatalogFolder(self.settings.catalog_dir)

    def _made(self, catalog: Catalog, earlier: Holdings | None) -> Holdings:
        def kept(known: str, key: Key) -> Any:  # noqa: ANN401 - what was made of a release, by the field that has it
            if earlier is None or not catalog.shares(*key, earlier.catalog):
                return None
            made: Mapping[Any, Any] = getattr(earlier, known)
            return made.get(key[1] if known == "coders" else key)

        coders = {
            release.version: kept("coders", (DEFAULT_SYSTEM, release.version))
            or make_coder(self.bundle, catalog, DEFAULT_SYSTEM, release.version, self.learned)
            for release in catalog.releases(DEFAULT_SYSTEM)
        }
        concepts: dict[Key, ImportedConcepts] = {}
        procedures: dict[Key, ProcedureSystem] = {}
        for folder in self._folder.codes():
            key = folder.parent.name, folder.name
            if key[0] == DEFAULT_SYSTEM:
                continue  # searched with the bundle's own vectors
            table = catalog.code_table(*key)
            found = kept("concepts", key) or load_concepts(folder, table, self.bundle, self.learned.tokenizer)
            if found is None:
                _LOG.warning("searched_by_words_only", system=key[0], version=key[1])
            else:
                concepts[key] = found
            known = kept("procedures", key)
            if known is not None:
                procedures[key] = known
            elif key[0] == _ICD_10_PCS:
                index = load_index(folder)
                linker = PcsLinker(PcsRelease(table), index.names, index.parts)
                procedures[key] = PcsSystem(*key, linker)
            else:
                procedures[key] = DescriptorSystem(*key, table, catalog.terms(*key), found)
        flags = CatalogFlags(catalog)
        audits = {
            (DEFAULT_SYSTEM, version): ReleaseAudit(
                Auditor(
                    CodeBook(catalog, DEFAULT_SYSTEM, version, flags),
                    self.settings.rules_left_out,
                    coder.terms,
                ),
                coder,
            )
            for version, coder in coders.items()
        }
        releases = Releases(catalog, DEFAULT_SYSTEM, coders, concepts, procedures)
        return Holdings(catalog, coders, concepts, procedures, releases, audits)
