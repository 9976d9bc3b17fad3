"""The release of ICD-10-CM that bundles are made for, as the packaged catalog has it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

from bertillon_server.catalog.store import Catalog

SYSTEM, RELEASE = "icd-10-cm", "2026-04-01"


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Titles of all codes, and which of them may be reported as they are."""

    titles: dict[str, str]
    billable: frozenset[str]


def read_code_table() -> CodeTable:
    """Read the release from the catalog."""
    with Catalog.open() as catalog:
        table = catalog.code_table(SYSTEM, RELEASE)
        titles = {code: table.title(code) for code in table.codes}
        return CodeTable(titles, frozenset(compress(table.codes, table.billable)))
