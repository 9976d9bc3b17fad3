"""A release of ICD-10-CM: the tabular list in XML, and the list of valid codes, which says which of them exist.

The XML defines 7th characters without saying with which codes each of them makes a valid one, so the list is
needed: the order file, the code file, or one code a line.
"""

from __future__ import annotations

from bertillon_server.catalog.codes import CatalogError, key_of
from bertillon_server.catalog.listing import ListedEntry
from bertillon_server.catalog.publications.lines import Publication
from bertillon_server.catalog.publications.order_file import read_lines
from bertillon_server.catalog.tabular import read_tabular


def read_icd_10_cm(tabular: Publication, codes: Publication) -> list[ListedEntry]:
    """Return the entries of the tabular list; refuses a list that names a valid code which the XML has not."""
    lines = list(read_lines(codes))
    try:
        entries = read_tabular(tabular.xml(), {key_of(line.code) for line in lines})
    except CatalogError as error:
        raise tabular.refuse(None, str(error)) from None
    listed = {key_of(entry.code): entry for entry in entries}
    for line in lines:
        if line.valid and key_of(line.code) not in listed and not _is_group(line.code):
            raise codes.refuse(
                line.number, "the tabular list has no such code; are both of the same release?"
            )
    official = {key_of(line.code) for line in lines}
    odd = sum(entry.billable and key not in official for key, entry in listed.items())
    if odd:
        raise codes.refuse(
            None, f"{odd} codes of the tabular list are not in it; are both of the same release?"
        )
    return entries


def _is_group(code: str) -> bool:
    """Whether a list of codes names a chapter or block, as some do beside the codes."""
    return code.isdigit() or "-" in code
