"""Audits through both halves of the client and the command line, against a server that answers as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_bertillon import FakeBertillon

from bertillon import AuditedNote, AuditOptions, InvalidRequestError, ProposedCode, Setting
from bertillon.cli.program import program

NOTE = "HPI\nHas diabetes.\n\nROS\nDenies chest pain.\n"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(NOTE, encoding="utf-8")
    return path


def run(target: str, *arguments: str | Path) -> Result:
    environment = {"BERTILLON_TARGET": target, "NO_COLOR": "1", "COLUMNS": "120"}
    return CliRunner().invoke(program, ["audit", *map(str, arguments)], env=environment)


def test_an_audit_is_a_typed_call(fake: FakeBertillon, client: Any) -> None:
    reply = client.audit_note(
        [AuditedNote(note_id="a", text=NOTE)],
        ["E11.9", ProposedCode(code="R07.9", position=2)],
        setting=Setting.SETTING_INPATIENT,
        date_of_service="2026-05-11",
        options=AuditOptions(rules_off=["sex"]),
    )
    assert [code.proposed.code for code in reply.codes] == ["E11.9", "R07.9"]
    request = fake.requests[-1]
    assert [code.code for code in request.codes] == ["E11.9", "R07.9"]
    assert not request.codes[0].HasField("position")
    assert request.codes[1].position == 2
    assert list(request.options.rules_off) == ["sex"]
    assert request.setting == Setting.SETTING_INPATIENT


def test_a_text_and_codes_as_strings_are_enough(fake: FakeBertillon, client: Any) -> None:
    client.audit_note(NOTE, ["E11.9"])
    assert [note.text for note in fake.requests[-1].notes] == [NOTE]


def test_half_a_surrogate_pair_is_refused_by_name(client: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.audit_note("\ud800", ["I10"])
    assert [violation.field for violation in caught.value.violations] == ["notes[0].text"]


def test_a_clean_audit_ends_with_0(target: str, note: Path) -> None:
    result = run(target, note, "--codes", "E11.9")
    assert result.exit_code == 0, result.output
    assert "E11.9" in result.output
    assert "confirmed" in result.output
    assert "nothing found" in result.output


def test_an_audit_that_finds_something_ends_with_3_and_shows_it(target: str, note: Path) -> None:
    result = run(target, note, "--codes", "E11.9,R07.9")
    assert result.exit_code == 3, result.output
    for words in (
        "unsupported",
        "Denies «chest pain»",
        "would support it: a statement of it",
        "unsupported-against; guidelines I.A.19",
        "QUERIES TO THE CLINICIAN",
        "[ ] unable to determine",
    ):
        assert words in result.output


def test_an_audit_is_written_as_json(target: str, note: Path) -> None:
    result = run(target, note, "--codes", "E11.9,R07.9", "--format", "json")
    assert result.exit_code == 3
    reply = json.loads(result.output)
    assert [code["verdict"] for code in reply["codes"]] == [
        "FINDING_KIND_CONFIRMED",
        "FINDING_KIND_UNSUPPORTED",
    ]
    lines = run(target, note, "--codes", "E11.9,R07.9", "--format", "ndjson").output.splitlines()
    assert [json.loads(line)["rule_id"] for line in lines] == [f["rule_id"] for f in reply["findings"]]


def test_codes_get_positions_only_when_they_are_in_sequence(
    fake: FakeBertillon, target: str, note: Path
) -> None:
    run(target, note, "--codes", " E11.9 , I10,")
    assert [(code.code, code.HasField("position")) for code in fake.requests[-1].codes] == [
        ("E11.9", False),
        ("I10", False),
    ]
    run(target, note, "--codes", "E11.9,I10", "--sequenced", "--setting", "inpatient", "--age", "70")
    request = fake.requests[-1]
    assert [(code.code, code.position) for code in request.codes] == [("E11.9", 1), ("I10", 2)]
    assert request.patient.age_years == 70


def test_files_are_the_notes_of_one_encounter_and_their_names_stay_here(
    fake: FakeBertillon, target: str, note: Path, tmp_path: Path
) -> None:
    other = tmp_path / "discharge.txt"
    other.write_text("Plan\nHas diabetes.\n", encoding="utf-8")
    run(target, note, other, "--codes", "E11.9")
    assert [item.note_id for item in fake.requests[-1].notes] == ["1", "2"]
