"""Whether every span of every reply quotes what stands there: `text[start:end] == quote`, in all three units.

Each note is coded once in each unit; each piece of evidence is checked, and that the sections lose no character.
Notes are told by their number, never by their text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.scenario import Bench, Figure, Measured, Scenario
from benchmarks.spans import UNITS, Ruler, evidence_in
from bertillon import Bertillon, CodingOptions, Note, NoteResult, OffsetUnit

# Every so many notes in the short form.
SAMPLED = 16


@dataclass(slots=True)
class Tally:
    """What was found in one unit; the lists hold numbers of notes."""

    spans: int = 0
    wrong_spans: int = 0
    notes_with_wrong_spans: list[int] = field(default_factory=list)
    notes_not_tiled: list[int] = field(default_factory=list)
    notes_refused: dict[int, str] = field(default_factory=dict)

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
        if wrong := found.count(False):
            self.wrong_spans += wrong
            self.notes_with_wrong_spans.append(number)
        if not ruler.is_tiled(result.outline):
            self.notes_not_tiled.append(number)


def checked(
    client: Bertillon,
    texts: Sequence[str],
    unit: OffsetUnit.ValueType,
    progress: Callable[[], None] = lambda: None,
) -> Tally:
    """Code the texts in one unit and check the replies."""
    tally = Tally()
    notes = (Note(note_id=str(number), text=text) for number, text in enumerate(texts))
    for note_id, result in client.code_notes(notes, options=CodingOptions(offset_unit=unit)):
        number = int(note_id)
        if isinstance(result, NoteResult):
            tally.add(number, texts[number], unit, result)
        else:
            tally.notes_refused[number] = result.status.name
        progress()
    return tally


def measure(bench: Bench) -> Measured:
    """Check the notes as they are, in each unit."""
    texts = bench.notes if bench.is_full else bench.notes[::SAMPLED]
    tallies: dict[str, Tally] = {}
    with bench.server() as server, Bertillon(server.target) as client:
        for name, unit in UNITS.items():
            with bench.steps(f"notes in {name}", len(texts)) as done:
                tallies[name] = checked(client, texts, unit, done)
    wrong = sum(tally.wrong_spans + len(tally.notes_not_tiled) for tally in tallies.values())
    return Measured(
        {
            "wrong": Figure(wrong, "spans"),
            "refused": Figure(sum(len(tally.notes_refused) for tally in tallies.values()), "notes"),
            "spans": Figure(sum(tally.spans for tally in tallies.values()), "spans"),
            "notes": Figure(len(texts), "notes"),
        },
        details={
            name: {
                "spans": tally.spans,
                "wrong_spans": tally.wrong_spans,
                "notes_with_wrong_spans": tally.notes_with_wrong_spans,
                "notes_not_tiled": tally.notes_not_tiled,
                "notes_refused": tally.notes_refused,
            }
            for name, tally in tallies.items()
        },
    )


SCENARIO = Scenario("offsets", "whether every span of every reply quotes what stands there", measure)
