"""The benchmarks measure what they say they do."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from benchmarks.load.generator import run_open_loop
from benchmarks.load.grpc_calls import calling, note_requests
from benchmarks.load.outcomes import Outcome
from benchmarks.notes import own_notes, variations
from benchmarks.scenarios.offsets import Tally, checked
from benchmarks.service import ROOT, Service
from benchmarks.spans import UNITS, Ruler, evidence_in

from bertillon import Bertillon, EncounterCode, Evidence, MentionRef, Outline, Section, Span

TEXT = "na\u00efve \U0001f600 pain"


@pytest.mark.parametrize(
    ("unit", "start", "end"), [("code points", 8, 12), ("UTF-8 bytes", 12, 16), ("UTF-16 units", 9, 13)]
)
def test_a_span_is_right_only_where_its_quote_stands(unit: str, start: int, end: int) -> None:
    ruler = Ruler(TEXT, UNITS[unit])
    spans = [(a, b) for a in range(-1, 20) for b in range(-1, 20)]
    right = [(a, b) for a, b in spans if ruler.is_right(Evidence(span=Span(start=a, end=b), quote="pain"))]
    assert right == [(start, end)]
    assert not ruler.is_right(Evidence(span=Span(start=start, end=start), quote=""))


def test_sections_that_lose_or_double_a_character_are_no_tiling() -> None:
    ruler = Ruler("abcdef", UNITS["code points"])

    def tiled(*spans: tuple[int, int]) -> bool:
        return ruler.is_tiled(Outline(sections=[Section(span=Span(start=a, end=b)) for a, b in spans]))

    assert tiled((0, 6))
    assert tiled((0, 2), (2, 6))
    assert not tiled((0, 2), (3, 6))
    assert not tiled((0, 3), (2, 6))
    assert not tiled((0, 5))
    assert not tiled((1, 6))


def test_evidence_is_found_however_deep_it_is() -> None:
    reference = MentionRef(evidence=Evidence(quote="pain"))
    assert [item.quote for item in evidence_in(EncounterCode(evidence=[reference, reference]))] == [
        "pain"
    ] * 2


def test_wrong_replies_are_counted(client: Bertillon, demo_note: str) -> None:
    result = client.code_note_all(demo_note)
    unit = UNITS["code points"]
    clean, shifted = Tally(), Tally()
    clean.add(0, demo_note, unit, result)
    shifted.add(0, f" {demo_note}", unit, result)
    assert clean.is_clean
    assert clean.spans > 100
    assert shifted.wrong_spans == clean.spans
    assert shifted.notes_not_tiled == [0]
    assert not shifted.is_clean


def test_refused_notes_are_counted(client: Bertillon) -> None:
    tally = checked(client, ["gout", " "], UNITS["code points"])
    assert tally.notes_refused == {1: "INVALID_ARGUMENT"}
    assert not tally.is_clean


async def test_notes_are_offered_when_they_are_due_and_answered_whole(server: Service) -> None:
    requests = note_requests(list(islice(variations(own_notes(), seed=1), 6)))
    async with calling(server.target) as caller:
        result = await run_open_loop(
            lambda index: caller.note(requests[index]), [0.0, 0.02, 0.04, 0.06, 0.08, 0.1], max_lag_s=60
        )
    assert result.outcomes == {Outcome.OK: 6}
    assert result.latency.count == 6
    assert result.told()["outcomes"] == {"ok": 6, "shed": 0, "deadline": 0, "error": 0}


async def test_a_note_that_cannot_be_ready_in_time_counts_as_such(server: Service, demo_note: str) -> None:
    async with calling(server.target, timeout_s=0.001) as caller:
        assert await caller.note(note_requests([demo_note])[0]) is Outcome.DEADLINE


async def test_a_note_that_is_wrong_is_an_error_and_no_refusal(server: Service) -> None:
    async with calling(server.target) as caller:
        assert await caller.note(note_requests([" "])[0]) is Outcome.ERROR


def test_a_run_leaves_a_record_and_ends_in_a_table_of_targets(bundle: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.jsonl"
    notes.write_text('{"text": "Assessment: gout."}\n{"text": "No chest pain \\ud83d\\ude00, cough."}\n')
    command = [sys.executable, "-m", "benchmarks", "run", "offsets", "--full", f"--notes={notes}"]
    ended = subprocess.run(
        [*command, f"--bundle={bundle}", f"--out={tmp_path / 'results'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = json.loads((tmp_path / "results" / "offsets.json").read_text())
    assert told["figures"]["notes"]["value"] == 2
    assert told["figures"]["spans"]["value"] >= 3
    assert told["figures"]["wrong"]["value"] == 0
    assert {"cpu", "cores", "memory_gib", "kernel", "revision", "packages", "load_average"} <= set(
        told["environment"]
    )
    assert told["model"]
    assert told["settings"]["seed"] == 7
    assert "Spans that do not quote what stands there" in ended.stdout
    assert "goal" in ended.stdout
