"""How long one caller waits at an idle server, one call at a time."""

from __future__ import annotations

import time

from benchmarks.load.grpc_calls import DATE
from benchmarks.load.latencies import Latencies
from benchmarks.notes import demo_note, unrepeated
from benchmarks.scenario import Bench, Figure, Measured, Scenario, percentile_figures, take
from bertillon import Bertillon, Note

SECTION_CHARACTERS = 300
SECTION_TITLE = "ASSESSMENT AND PLAN:"
WARM_UP_CALLS = 20


def measure(bench: Bench) -> Measured:
    """Code the note of the demonstration and the beginning of its assessment, with other words each time."""
    notes, sections = bench.choose(100, 1000), bench.choose(150, 2000)
    texts = unrepeated([demo_note()], bench.seed)
    note_latency, section_latency = Latencies(), Latencies()
    characters = []
    with bench.server() as server, Bertillon(server.target) as client:
        for text in take(texts, WARM_UP_CALLS):
            note_seconds(client, text)
            _section(client, text)
        with bench.steps("one note at a time", notes) as done:
            for text in take(texts, notes):
                characters.append(len(text))
                note_latency.record(note_seconds(client, text))
                done()
        with bench.steps("one section at a time", sections) as done:
            for text in take(texts, sections):
                section_latency.record(_section(client, text))
                done()
    return Measured(
        figures={
            **percentile_figures("note", note_latency),
            **percentile_figures("section", section_latency),
            "note_characters": Figure(sum(characters) / len(characters), "characters"),
        },
        histograms={"note": note_latency, "section": section_latency},
    )


def section_of(text: str) -> str:
    """Return the first 300 characters of the assessment of the note of the demonstration, or of one made from it."""
    start = text.index(SECTION_TITLE)
    return text[start : start + SECTION_CHARACTERS]


def note_seconds(client: Bertillon, text: str) -> float:
    """Return the seconds of a CodeNote, to the encounter summary."""
    began = time.perf_counter()
    for _ in client.code_note(Note(text=text, date_of_service=DATE)):
        pass
    return time.perf_counter() - began


def _section(client: Bertillon, text: str) -> float:
    """Return the seconds of a CodeSection with the beginning of the note's assessment."""
    section = section_of(text)
    began = time.perf_counter()
    client.code_section(section, date_of_service=DATE)
    return time.perf_counter() - began


SCENARIO = Scenario(
    "single-stream", "latency of one caller at an idle server: a note, a section", measure, takes_notes=False
)
