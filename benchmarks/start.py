"""How long a server takes from its spawn until it serves, with the files in the page cache; and the catalog's part.

`python -m benchmarks.start` starts and stops servers, and opens the packaged catalog as they do; the first of each
warms the cache and does not count.
"""

from __future__ import annotations

import time

from benchmarks.report import arguments, own_server, percentiles, progress, report
from bertillon import Bertillon
from bertillon_server.catalog.store import Catalog

SYSTEM = "icd-10-cm"


def catalog_opened() -> float:
    """Open the packaged catalog, read the newest release's codes from it, and return the seconds that took."""
    began = time.perf_counter()
    with Catalog.open() as catalog:
        catalog.code_table(SYSTEM, catalog.release_for(SYSTEM, None).release.version)
    return time.perf_counter() - began


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=10, help="starts that count [10]")
    options = parser.parse_args()
    seconds, resident, model = [], 0.0, ""
    opened = [catalog_opened() for _ in range(options.runs + 1)]
    for run in range(options.runs + 1):
        with own_server(options.bundle) as server:
            seconds.append(server.start_s)
            resident = server.resident_bytes()
            if not model:
                with Bertillon(server.target) as client:
                    model = client.code_section("Hypertension.").summary.versions.model
        progress(f"start {run} of {options.runs}: {seconds[-1]:.2f} s")
    figures: dict[str, object] = {
        "serving": percentiles(seconds[1:]),
        "catalog_open": percentiles(opened[1:]),
        "resident_mb_when_serving": round(resident / 1e6, 1),
    }
    report(options, "start", model, figures)


if __name__ == "__main__":
    main()
