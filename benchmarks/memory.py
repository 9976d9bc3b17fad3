"""Whether the memory of a server stays flat while it codes thousands of different notes.

`python -m benchmarks.memory` streams notes through CodeNotes. Each is made of paragraphs of our own notes, with
other numbers in them, so that no two are alike. The resident memory of the process is read every 500 notes;
`growth_mb_per_1000_notes` is the slope of a line through the second half of the samples.
"""

from __future__ import annotations

import itertools
import statistics
import time

from benchmarks.notes import own_notes, variations
from benchmarks.report import arguments, own_server, progress, report
from bertillon import Bertillon, Note, NoteResult


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--notes", type=int, default=10_000, help="notes to code [10000]")
    parser.add_argument("--every", type=int, default=500, help="notes between two samples [500]")
    options = parser.parse_args()
    characters = 0
    model = ""
    failed = 0

    with own_server(options.bundle) as server, Bertillon(server.target) as client:
        samples = [(0, server.resident_bytes() / 1e6)]
        texts = itertools.islice(variations(own_notes(), options.seed), options.notes)
        notes = (Note(note_id=str(n), text=text) for n, text in enumerate(texts))
        began = time.perf_counter()
        for count, (_, result) in enumerate(client.code_notes(notes), 1):
            if isinstance(result, NoteResult):
                characters += result.outline.sections[-1].span.end
                model = result.summary.versions.model
            else:
                failed += 1
            if count % options.every == 0:
                samples.append((count, server.resident_bytes() / 1e6))
                progress(f"{count} notes: {samples[-1][1]:.0f} MB")
        seconds = time.perf_counter() - began
        samples.append((options.notes, server.resident_bytes() / 1e6))
    later = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([count for count, _ in later], [mb for _, mb in later]).slope
    figures: dict[str, object] = {
        "notes": options.notes,
        "failed": failed,
        "characters": characters,
        "notes_per_s": round(options.notes / seconds, 1),
        "resident_mb_before": round(samples[0][1], 1),
        "resident_mb_after": round(samples[-1][1], 1),
        "resident_mb_most": round(max(mb for _, mb in samples), 1),
        "growth_mb_per_1000_notes": round(slope * 1000, 2),
        "samples": [[count, round(mb, 1)] for count, mb in samples],
    }
    report(options, "memory", model, figures)


if __name__ == "__main__":
    main()
