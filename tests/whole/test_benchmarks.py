"""The benchmarks measure what they say they do."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from benchmarks.notes import notes_of, own_notes, variations
from benchmarks.offsets import Tally, checked
from benchmarks.service import ROOT
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


def test_variations_differ_and_follow_from_the_seed() -> None:
    notes = own_notes()
    one = list(islice(variations(notes, seed=1), 200))
    assert len(set(one)) == len(one)
    assert one == list(islice(variations(notes, seed=1), 200))
    assert one != list(islice(variations(notes, seed=2), 200))


def test_notes_are_read_without_their_annotations(tmp_path: Path) -> None:
    annotated = tmp_path / "notes.txt"
    annotated.write_text(
        "=== note: a | x: y\nNo {{pain|R52|negated|n:negated}}.\n\n=== note: b | x: y\nGout\n"
    )
    assert notes_of(annotated) == ["No pain.", "Gout"]
    lines = tmp_path / "notes.jsonl"
    lines.write_text('{"text": "Gout"}\n\n{"text": " "}\n')
    assert notes_of(lines) == ["Gout"]
    assert len(own_notes()) > 1


def run_benchmark(name: str, *arguments: str, out: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments, f"--out={out}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    told: dict[str, Any] = json.loads(out.read_text())
    assert told == json.loads(ended.stdout)
    return told


def test_a_report_says_what_it_holds_for(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "latency.json"
    told = run_benchmark("latency", "--runs=2", "--warm-up=1", f"--bundle={bundle}", out=out)
    assert 0 < told["figures"]["first_section"]["p50_ms"] <= told["figures"]["note"]["p50_ms"]
    assert {"cpu", "cores", "revision", "packages", "load_average"} <= told["environment"].keys()
    assert told["model"]


def test_a_start_is_told_with_the_part_of_the_catalog(bundle: Path, tmp_path: Path) -> None:
    figures = run_benchmark("start", "--runs=2", f"--bundle={bundle}", out=tmp_path / "start.json")["figures"]
    assert 0 < figures["catalog_open"]["p50_ms"] < figures["serving"]["p50_ms"]
    assert figures["resident_mb_when_serving"] > 0
