"""What codes with a release, in the server's own process as in those beside it."""

from __future__ import annotations

from importlib.metadata import version

from bertillon_server.bundle.loader import Bundle
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.knowledge import Learned, load_knowledge


def make_coder(bundle: Bundle, catalog: Catalog, system: str, release: str, learned: Learned) -> Coder:
    """Return a coder with this version's rules. Raises BundleError when a file of the bundle cannot be used."""
    rules = version("bertillon-server")
    return Coder(load_knowledge(bundle, catalog, system, release, rules, learned))
