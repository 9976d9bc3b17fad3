"""Whether every span of every reply quotes what stands there: `text[start:end] == quote`, in all three units.

`python -m benchmarks.offsets` codes our own notes, or those of `--notes FILE` (JSON lines with a `text`,
annotated notes, or plain text), once in each unit, and checks each piece of evidence and that the sections
lose no character. Exits 1 when anything is wrong. Notes are told by their number, never by their text.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.notes import notes_of, own_notes
from benchmarks.report import arguments, own_server, progress, report
from benchmarks.spans import UNITS, Ruler, evidence_in
from bertillon import Bertillon, CodingOptions, Note, NoteResult, OffsetUnit

TOLD_EVERY = 1_000


@dataclass(slots=True)
class Tally:
    """What was found in one unit; the lists hold numbers of notes."""

    spans: int = 0
    wrong_spans: int = 0
    notes_with_wrong_spans: list[int] = field(default_factory=list)
    notes_not_tiled: list[int] = field(default_factory=list)
    notes_refused: dict[int, str] = field(default_factory=dict)
    notes_per_s: float = 0.0
    model: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.wrong_spans or self.notes_not_tiled or self.notes_refused)

    def add(self, number: int, text: str, unit: OffsetUnit.ValueType, result: NoteResult) -> None:
        """Check one reply."""
        ruler = Ruler(text, unit)
        found = [
            ruler.is_right(evidence)
            for message in (result.outline, *result.sections, result.summary)
            for evidence in evidence_in(message)
        ]
        self.spans += len(found)
        self.model = result.summary.versions.model
        if wrong := found.count(False):
            self.wrong_spans += wrong
            self.notes_with_wrong_spans.append(number)
        if not ruler.is_tiled(result.outline):
            self.notes_not_tiled.append(number)


def checked(client: Bertillon, texts: Sequence[str], unit: OffsetUnit.ValueType) -> Tally:
    """Code the texts in one unit and check the replies."""
    tally = Tally()
    notes = (Note(note_id=str(number), text=text) for number, text in enumerate(texts))
    began = time.perf_counter()
    outcomes = client.code_notes(notes, options=CodingOptions(offset_unit=unit))
    for count, (note_id, result) in enumerate(outcomes, 1):
        number = int(note_id)
        if isinstance(result, NoteResult):
            tally.add(number, texts[number], unit, result)
        else:
            tally.notes_refused[number] = result.status.name
        if count % TOLD_EVERY == 0:
            progress(f"{count} of {len(texts)} notes")
    tally.notes_per_s = round(len(texts) / (time.perf_counter() - began), 1)
    return tally


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--notes", type=Path, action="append", help="file with notes; may be repeated")
    options = parser.parse_args()
    texts = [text for path in options.notes or () for text in notes_of(path)] or own_notes()
    tallies: dict[str, Tally] = {}
    with own_server(options.bundle) as server, Bertillon(server.target) as client:
        for name, unit in UNITS.items():
            progress(f"{len(texts)} notes in {name}")
            tallies[name] = checked(client, texts, unit)
    figures: dict[str, object] = {
        "notes": len(texts),
        "characters": sum(map(len, texts)),
        "units": {
            name: {
                "spans": tally.spans,
                "wrong_spans": tally.wrong_spans,
                "notes_with_wrong_spans": tally.notes_with_wrong_spans,
                "notes_not_tiled": tally.notes_not_tiled,
                "notes_refused": tally.notes_refused,
                "notes_per_s": tally.notes_per_s,
            }
            for name, tally in tallies.items()
        },
    }
    report(options, "offsets", next(iter(tallies.values())).model, figures)
    sys.exit(0 if all(tally.is_clean for tally in tallies.values()) else 1)


if __name__ == "__main__":
    main()
