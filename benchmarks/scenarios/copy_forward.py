"""What a server gains from notes that repeat most of the patient's last one, as notes of a clinic do."""

from __future__ import annotations

from benchmarks.scenario import Bench, Figure, Measured, Scenario, take
from benchmarks.scenarios.offline import stream

COPIED = 0.6
WARM_UP_NOTES = 120
"""Also the notes of each patient that come before those that repeat them, and what these repeat more to make up."""


def measure(bench: Bench) -> Measured:
    """Alternate between a server that gets repeated text and one that gets none."""
    repeats, notes = bench.choose((3, 60), (7, 400))
    unique: list[float] = []
    copied: list[float] = []
    with (
        bench.server() as one,
        bench.server() as other,
        bench.steps("unique text, then copied", repeats) as done,
    ):
        fresh, forward = bench.texts(), bench.copied_texts(COPIED)
        for server, source in ((one, fresh), (other, forward)):
            stream(server, take(source, WARM_UP_NOTES))
        for _ in range(repeats):
            for server, source, rates in ((one, fresh, unique), (other, forward, copied)):
                texts = take(source, notes)
                seconds, _ = stream(server, texts)
                # Notes differ in length: what counts is text.
                rates.append(sum(map(len, texts)) / 1000 / seconds)
            done()
    return Measured(
        {
            "gain": Figure.ratio(copied, unique),
            "copied": Figure.median(copied, "k characters/s"),
            "unique": Figure.median(unique, "k characters/s"),
        },
        details={"share_copied": COPIED},
    )


SCENARIO = Scenario(
    "copy-forward", "throughput on notes that repeat 60 % of an earlier one, against unique ones", measure
)
