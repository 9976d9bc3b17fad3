"""How long a server takes from its spawn until it serves, its files in the page cache; and the catalog's part."""

from __future__ import annotations

import time

from benchmarks.load.bulk import start_processes
from benchmarks.scenario import Bench, Figure, Measured, Scenario
from bertillon import Bertillon
from bertillon_server.catalog.store import Catalog

SYSTEM = "icd-10-cm"


def measure(bench: Bench) -> Measured:
    """Start and stop servers and open the packaged catalog as they do; the first warms the cache and counts not."""
    runs = bench.choose(3, 10)
    opened = [_catalog_opened() for _ in range(runs + 1)][1:]
    seconds, first_call, resident, ready = [], [], [], []
    with bench.steps("starts", runs + 1) as done:
        for _ in range(runs + 1):
            with bench.server(has_processes=False) as server, Bertillon(server.target) as client:
                seconds.append(server.start_s)
                resident.append(server.resident_bytes() / 1e6)
                began = time.perf_counter()
                client.code_section("Hypertension.")
                first_call.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                start_processes(server)
                ready.append(time.perf_counter() - began)
            done()
    return Measured(
        {
            "serving": Figure.median(seconds[1:], "s"),
            "first_call": Figure.median(first_call[1:], "ms"),
            # The first bulk note starts them; until then everything is coded in the server process.
            "processes_ready": Figure.median(ready[1:], "s"),
            "catalog_open": Figure.median(opened, "s"),
            "resident_when_serving": Figure.median(resident[1:], "MB"),
        }
    )


def _catalog_opened() -> float:
    """Open the packaged catalog, read the newest release's codes from it, and return the seconds that took."""
    began = time.perf_counter()
    with Catalog.open() as catalog:
        catalog.code_table(SYSTEM, catalog.release_for(SYSTEM, None).release.version)
    return time.perf_counter() - began


SCENARIO = Scenario(
    "cold-start", "time from the spawn of a server until it serves", measure, takes_notes=False
)
