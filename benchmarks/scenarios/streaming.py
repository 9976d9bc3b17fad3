"""How soon a caller sees the first section of a note, and the last."""

from __future__ import annotations

import time

from benchmarks.load.grpc_calls import DATE
from benchmarks.load.latencies import Latencies
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, Measured, Scenario, percentile_figures, take
from bertillon import Bertillon, EncounterSummary, Note, Outline, SectionResult

WARM_UP_CALLS = 20


def measure(bench: Bench) -> Measured:
    """Time the events of CodeNote at an idle server, one note at a time."""
    notes = bench.choose(100, 1000)
    texts = unrepeated([demo_note()], bench.seed)
    events = {name: Latencies() for name in ("outline", "first_section", "last_section", "summary")}
    with bench.server() as server, Bertillon(server.target) as client:
        for text in take(texts, WARM_UP_CALLS):
            _times(client, text)
        with bench.steps("events of notes", notes) as done:
            for text in take(texts, notes):
                for name, seconds in _times(client, text).items():
                    events[name].record(seconds)
                done()
    figures: dict[str, Figure] = {}
    for name, latencies in events.items():
        figures |= percentile_figures(name, latencies)
    return Measured(figures, histograms=events)


def _times(client: Bertillon, text: str) -> dict[str, float]:
    """Return the seconds from the call to each kind of event."""
    times: dict[str, float] = {}
    began = time.perf_counter()
    for event in client.code_note(Note(text=text, date_of_service=DATE)):
        now = time.perf_counter() - began
        if isinstance(event, Outline):
            times["outline"] = now
        elif isinstance(event, SectionResult):
            times.setdefault("first_section", now)
            times["last_section"] = now
        elif isinstance(event, EncounterSummary):
            times["summary"] = now
    return times


SCENARIO = Scenario(
    "streaming",
    "time to the first and to the last section of a note, idle server",
    measure,
    takes_notes=False,
)
