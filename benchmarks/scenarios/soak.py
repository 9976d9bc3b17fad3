"""Whether the memory of a server stays flat while it codes thousands of different notes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from benchmarks.scenario import Bench, Figure, Measured, Scenario
from bertillon import Bertillon, Note, NoteResult

NOTES = 100_000
BASE = 1_000
SHORT_NOTES, SHORT_BASE = 600, 200
# Readings up to the base, and how many of them make a figure: freed memory is returned every some dozen notes, and
# readings go up and down with it.
_SAMPLES, _TOGETHER = 20, 5


def measure(bench: Bench) -> Measured:
    """Stream notes through CodeNotes and read the resident memory of server and coding processes on the way."""
    notes, base = bench.choose((SHORT_NOTES, SHORT_BASE), (NOTES, BASE))
    every = max(1, base // _SAMPLES)
    texts = bench.texts()
    failed = characters = 0
    with bench.server() as server, Bertillon(server.target) as client, bench.steps("notes", notes) as done:
        samples = [(0, server.memory_bytes() / 1e6)]
        began = time.perf_counter()
        source = (Note(note_id=str(n), text=next(texts)) for n in range(notes))
        for count, (_, result) in enumerate(client.code_notes(source), 1):
            if isinstance(result, NoteResult):
                characters += result.outline.sections[-1].span.end
            else:
                failed += 1
            if count % every == 0:
                samples.append((count, server.memory_bytes() / 1e6))
            done()
        seconds = time.perf_counter() - began
    at_base, at_end = resident_at(samples, base), resident_at(samples, notes)
    later = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([count for count, _ in later], [mb for _, mb in later]).slope
    # Only the long form is what the target speaks of; the short one has another name.
    growth = "growth" if bench.is_full else "growth_short"
    return Measured(
        {
            growth: Figure(at_end / at_base, "x"),
            "slope": Figure(slope * 1000, "MB/1000 notes"),
            "resident_at_base": Figure(at_base, "MB"),
            "resident_at_end": Figure(at_end, "MB"),
            "notes_per_s": Figure(notes / seconds, "notes/s"),
            "failed": Figure(failed, "notes"),
        },
        details={
            "notes": notes,
            "base": base,
            "characters": characters,
            "samples": [[count, round(mb, 1)] for count, mb in samples],
        },
    )


def resident_at(samples: Sequence[tuple[int, float]], notes: int) -> float:
    """Return the mean of the last readings up to a number of notes; each is the notes done and what was resident."""
    return statistics.fmean([resident for count, resident in samples if count <= notes][-_TOGETHER:])


SCENARIO = Scenario("soak", "resident memory after many different notes", measure)
