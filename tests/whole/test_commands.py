"""The commands, as a person and a script use them against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.notes import DEMO
from benchmarks.service import ROOT, Service

from bertillon import Bertillon, Note

BIN = Path(sys.executable).parent
DATE = "2026-05-11"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def test_the_demonstration_shows_sections_codes_evidence_summary_and_times_and_stops_its_server(
    bundle: Path,
) -> None:
    ended = run(sys.executable, "deploy/demo/run.py", "--bundle", bundle)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("bertillon-server is serving on 127.0.0.1:")
    for title in ("HPI", "PMH", "FAMILY HISTORY", "ROS", "PHYSICAL EXAM", "ASSESSMENT AND PLAN"):
        assert [line for line in lines if line.startswith(f"{title}  ")], title
    assert "I10" in ended.stdout
    assert "«chest pain»" in ended.stdout
    assert "negated" in ended.stdout
    assert "first section after" in lines[-3]
    assert lines[-1] == "server stopped with exit code 0"


def test_the_command_line_codes_as_the_api_does(server: Service, client: Bertillon, demo_note: str) -> None:
    ended = run(BIN / "bertillon", "code", DEMO, "--target", server.target, "--date", DATE, "--format=json")
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = json.loads(ended.stdout)
    result = client.code_note_all(Note(text=demo_note, date_of_service=DATE))
    assert [item["code"]["code"] for item in shown["summary"]["codes"]] == [
        item.code.code for item in result.summary.codes
    ]


def test_a_file_of_notes_is_coded_into_a_file_that_can_be_resumed(server: Service, tmp_path: Path) -> None:
    notes = tmp_path / "notes.jsonl"
    texts = ["Assessment: essential hypertension.", " ", "Assessment: gout."]
    notes.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
    out = tmp_path / "out.ndjson"
    command: list[str | Path] = [
        BIN / "bertillon",
        "code",
        notes,
        "--target",
        server.target,
        f"--output={out}",
    ]
    ended = run(*command)
    assert ended.returncode == 3
    assert len(out.read_text().splitlines()) >= 2
    assert "I10" in out.read_text()
    again = run(*command, "--resume")
    assert again.returncode == 3


def test_codes_are_searched_and_looked_up(server: Service) -> None:
    search = run(BIN / "bertillon", "search", "heart failure", "--target", server.target)
    assert search.returncode == 0
    assert "I50.9" in search.stdout
    lookup = run(BIN / "bertillon", "lookup", "I50.9", "--target", server.target)
    assert lookup.returncode == 0
    assert "Heart failure, unspecified" in lookup.stdout
    assert run(BIN / "bertillon", "lookup", "Q99.99", "--target", server.target).returncode == 3


def test_a_search_for_nothing_that_can_be_seen_finds_nothing(client: Bertillon) -> None:
    assert not client.search_codes("\u200b").hits


@pytest.mark.parametrize("query", ["sugar disease of the eye", "broken collarbone"])
def test_a_search_by_meaning_answers_words_that_no_title_has(client: Bertillon, query: str) -> None:
    hits = client.search_codes(query).hits
    assert hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
