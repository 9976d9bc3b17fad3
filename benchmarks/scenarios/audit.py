"""What an audit takes beside coding the same kind of note: its rules and its second look at the proposed codes."""

from __future__ import annotations

import statistics
import time

from benchmarks.load.grpc_calls import DATE
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, Measured, Scenario, take
from benchmarks.scenarios.single_stream import note_seconds
from bertillon import Bertillon

WARM_UP_CALLS = 20
CALLS_A_REPEAT = 10
# What the note states, an unspecified code, one for the other side, one without support, one that is no code.
CODES = ("E11.22", "N18.31", "I10", "M25.561", "M25.562", "E11.9", "N18.30", "K37", "I50", "zz")


def measure(bench: Bench) -> Measured:
    """Code and audit notes by turns, one call at a time; each note has words of its own, so that nothing is kept."""
    repeats = bench.choose(8, 40)
    texts = unrepeated([demo_note()], bench.seed)
    coding: list[float] = []
    auditing: list[float] = []
    with (
        bench.server() as server,
        Bertillon(server.target) as client,
        bench.steps("coded, then audited", repeats) as done,
    ):
        for text in take(texts, WARM_UP_CALLS):
            note_seconds(client, text)
            _audit(client, text)
        for _ in range(repeats):
            pairs = [
                (note_seconds(client, one), _audit(client, other))
                for one, other in zip(take(texts, CALLS_A_REPEAT), take(texts, CALLS_A_REPEAT), strict=True)
            ]
            coding.append(statistics.median(one for one, _ in pairs))
            auditing.append(statistics.median(other for _, other in pairs))
            done()
    return Measured(
        {
            "audit_over_note": Figure.ratio(auditing, coding),
            "audit": Figure.median([1000 * seconds for seconds in auditing], "ms"),
            "note": Figure.median([1000 * seconds for seconds in coding], "ms"),
        },
        details={"codes": len(CODES)},
    )


def _audit(client: Bertillon, text: str) -> float:
    """Return the seconds of an AuditNote."""
    began = time.perf_counter()
    client.audit_note(text, CODES, date_of_service=DATE)
    return time.perf_counter() - began


SCENARIO = Scenario(
    "audit", "an audit of a note against coding one, one call at a time", measure, takes_notes=False
)
