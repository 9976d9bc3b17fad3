"""A real server process around a fake coder and the packaged catalog, for snippets where no bundle is at hand."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bertillon_server.app import cli
from bertillon_server.app import serve as process
from bertillon_server.app.components import Components
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.settings import Settings
from bertillon_server.bundle.manifest import Canary
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.pool import StagePool
from bertillon_server.inference.scheduler import Scheduler
from serving import FakeCoder, UnitEncoder, auditing


def fake_components(_: Settings, metrics: Metrics) -> Components:
    catalog, coder, pool = Catalog.open(), FakeCoder(), StagePool(1)
    return Components(
        catalog=Current(catalog),
        coder=coder,
        auditor=auditing(coder, catalog, pool),
        scheduler=Scheduler(UnitEncoder(), workers=1, observer=metrics),
        executor=ThreadPoolExecutor(1),
        pool=pool,
        model="fake/1",
        canary=Canary("cough", ("R05.9",)),
    )


process.build_components = fake_components  # type: ignore[assignment, attr-defined]
cli.main()
