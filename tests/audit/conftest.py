from __future__ import annotations

import pytest
from auditing import ServeAudits, SmallAudit, audit_server

from bertillon_server.catalog.store import Catalog


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.open()


@pytest.fixture(scope="session")
def audit(catalog: Catalog) -> SmallAudit:
    """Audit texts with a few terms over the real code set, in this process."""
    return SmallAudit(catalog)


@pytest.fixture
def serve_audits(catalog: Catalog) -> ServeAudits:
    """Start servers that audit with a few terms over the real code set."""
    return audit_server(catalog)
