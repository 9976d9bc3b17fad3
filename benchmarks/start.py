"""How long a server takes from its spawn until it serves, with the files in the page cache.

`python -m benchmarks.start` starts and stops servers; the first one warms the cache and does not count.
"""

from __future__ import annotations

from benchmarks.report import arguments, own_server, percentiles, progress, report
from bertillon import Bertillon


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=10, help="starts that count [10]")
    options = parser.parse_args()
    seconds, resident, model = [], 0.0, ""
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
        "resident_mb_when_serving": round(resident / 1e6, 1),
    }
    report(options, "start", model, figures)


if __name__ == "__main__":
    main()
