"""How long one caller waits at an idle server.

`python -m benchmarks.latency` starts a server and, after a warm-up, codes the note of the demonstration and a
text of 300 characters again and again, one call at a time:

- `note`: CodeNote, from the call to the encounter summary.
- `first_section`: the same calls, to the first section.
- `section`: CodeSection with the beginning of the note's assessment and plan.
"""

from __future__ import annotations

import time

from benchmarks.notes import demo_note
from benchmarks.report import arguments, own_server, percentiles, progress, report
from bertillon import Bertillon, EncounterSummary, Note, SectionResult

SECTION_CHARACTERS = 300
SECTION_TITLE = "ASSESSMENT AND PLAN:"
# Within the release that is served, so that the reply carries no notice.
DATE = "2026-05-11"


def note_times(client: Bertillon, text: str) -> tuple[float, float, str]:
    """Return the seconds to the first section and to the summary of a note, and the model that coded it."""
    began = time.perf_counter()
    first = last = 0.0
    model = ""
    for event in client.code_note(Note(text=text, date_of_service=DATE)):
        now = time.perf_counter() - began
        if isinstance(event, SectionResult) and not first:
            first = now
        if isinstance(event, EncounterSummary):
            last, model = now, event.versions.model
    return first, last, model


def section_time(client: Bertillon, text: str) -> float:
    """Return the seconds of one CodeSection."""
    began = time.perf_counter()
    client.code_section(text, date_of_service=DATE)
    return time.perf_counter() - began


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=200, help="calls of each kind that count [200]")
    parser.add_argument("--warm-up", type=int, default=20, help="calls before them [20]")
    options = parser.parse_args()
    text = demo_note()
    start = text.index(SECTION_TITLE)
    section = text[start : start + SECTION_CHARACTERS]
    with own_server(options.bundle) as server, Bertillon(server.target) as client:
        for _ in range(options.warm_up):
            note_times(client, text)
            section_time(client, section)
        progress(f"{options.runs} notes")
        notes = [note_times(client, text) for _ in range(options.runs)]
        progress(f"{options.runs} sections")
        sections = [section_time(client, section) for _ in range(options.runs)]
    figures: dict[str, object] = {
        "note_characters": len(text),
        "note": percentiles([last for _, last, _ in notes]),
        "first_section": percentiles([first for first, _, _ in notes]),
        "section_characters": len(section),
        "section": percentiles(sections),
    }
    report(options, "latency", notes[0][2], figures)


if __name__ == "__main__":
    main()
