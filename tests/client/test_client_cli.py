from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from fake_bertillon import Failure, FakeBertillon
from hypothesis import given
from hypothesis import strategies as st

from bertillon.cli.inputs import read
from bertillon.cli.options import NoteOptions
from bertillon.cli.program import program
from bertillon.cli.view import clean
from bertillon.coding.v1 import coding_service_pb2 as coding
from bertillon.coding.v1 import types_pb2 as types

NOTE = "HPI\nHas diabetes.\n\nROS\nDenies chest pain.\n"
NO_OPTIONS = NoteOptions(setting=None, date="", age=None, sex=None)

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(target: str) -> Invoke:
    """Run a command in this process, against the fake server."""

    def invoke(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        environment = {"BERTILLON_TARGET": target, "NO_COLOR": "1", "COLUMNS": "120"}
        return CliRunner().invoke(program, [str(a) for a in arguments], input=stdin, env=environment)

    return invoke


def shell(target: str, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `bertillon` is the command."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; bertillon() {{ "{sys.executable}" -c "{_MAIN}" "$@"; }}; {script}'],
        env={**os.environ, "BERTILLON_TARGET": target, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


_MAIN = "from bertillon.cli import main; main()"
# Whoever runs the tests in the background of a shell has them, and their programs, ignore interrupts.
_HEEDS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(NOTE)
    return path


def json_lines(path: Path, *notes: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(note) + "\n" for note in notes))
    return path


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["note_id"] for line in path.read_text().splitlines()]


def test_one_note_is_shown_with_its_evidence_and_its_reasons(invoke: Invoke, note: Path) -> None:
    result = invoke("code", note)

    assert result.exit_code == 0
    # Columns are as wide as the release of the library that draws them makes them.
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "HPI assessment" in lines
    assert "E11.9 0.87 Type 2 diabetes present" in lines
    assert "Has «diabetes»." in lines
    assert "R07.9 0.87 Chest pain negated, not coded: negated" in lines
    assert lines.index("ENCOUNTER") < lines.index("LEFT OUT")
    assert lines[-1].startswith("first section after ")
    assert "\x1b" not in result.stdout


def test_events_are_written_as_they_come(target: str, fake: FakeBertillon, note: Path) -> None:
    fake.gate.clear()
    environment = {**os.environ, "BERTILLON_TARGET": target}
    command = [sys.executable, "-c", _MAIN, "code", str(note), "--format", "ndjson"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert "outline" in json.loads(process.stdout.readline())
        fake.gate.set()
        kinds = [list(json.loads(line))[1] for line in process.stdout]
    assert kinds == ["section", "section", "summary"]
    assert process.returncode == 0


def test_json_is_one_document(invoke: Invoke) -> None:
    result = invoke("code", "-", "--format", "json", stdin=NOTE)

    parsed = json.loads(result.stdout)
    assert parsed["note_id"] == "-"
    assert [section["section"]["index"] for section in parsed["sections"]] == [0, 1]
    assert parsed["summary"]["codes"][0]["code"]["code"] == "E11.9"


def test_options_reach_the_server(invoke: Invoke, fake: FakeBertillon) -> None:
    about = ["--setting", "inpatient", "--date", "2026-05-01", "--age", "0", "--sex", "female"]
    how = ["--profile", "all-mentions", "--min-confidence", "0.5", "--alternatives", "0", "--system", "x"]
    assert invoke("code", "-", *about, *how, stdin=NOTE).exit_code == 0

    request = fake.requests[-1]
    assert request.note.text == NOTE
    assert request.note.setting == types.SETTING_INPATIENT
    assert request.note.date_of_service == "2026-05-01"
    assert request.note.patient.HasField("age_years")
    assert request.note.patient.sex == types.SEX_FEMALE
    assert request.options.profile == types.CODING_PROFILE_ALL_MENTIONS
    assert request.options.min_confidence == 0.5
    assert request.options.HasField("max_alternatives")
    assert list(request.options.code_systems) == ["x"]


def test_what_is_not_given_is_left_to_the_server(invoke: Invoke, fake: FakeBertillon) -> None:
    invoke("code", "-", stdin=NOTE)

    request = fake.requests[-1]
    assert not request.note.HasField("patient")
    assert not request.options.HasField("min_confidence")
    assert not request.options.HasField("max_alternatives")


def test_line_ends_are_sent_as_they_are(invoke: Invoke, fake: FakeBertillon) -> None:
    invoke("code", "-", stdin=b"\xef\xbb\xbfHPI\r\nHas\xc2\xa0diabetes.\r")

    assert fake.requests[-1].note.text == "\ufeffHPI\r\nHas\xa0diabetes.\r"


@pytest.mark.parametrize(
    "arguments",
    [
        ["code"],
        ["code", "no-such-file.txt"],
        ["code", "-", "--date", "01/05/2026"],
        ["code", "-", "--min-confidence", "1.5"],
        ["code", "-", "--resume"],
        ["code", "-", "--tls-server-name", "x", "--tls-key", "/dev/null"],
        ["code", "-", "--target", "coder.example:443", "--token-file", "TOKEN"],
    ],
)
def test_wrong_usage_is_exit_code_2(invoke: Invoke, tmp_path: Path, arguments: list[str]) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    result = invoke(*[str(token) if a == "TOKEN" else a for a in arguments], stdin=NOTE)

    assert result.exit_code == 2
    assert "secret-token" not in result.output
    assert result.stderr.startswith("bertillon: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["encode"], ["code", "-", "--no-such-option"], ["--no-such-option"]])
def test_what_does_not_exist_is_named_in_one_sentence(invoke: Invoke, arguments: list[str]) -> None:
    result = invoke(*arguments, stdin=NOTE)

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert arguments[-1] in result.stderr


def test_no_command_gets_the_help(invoke: Invoke) -> None:
    assert "Commands:" in invoke().stderr


def test_help_and_version_are_no_errors(invoke: Invoke) -> None:
    assert invoke("--help").exit_code == invoke("code", "--help").exit_code == 0
    assert invoke("--version").exit_code == 0


def test_a_token_is_read_from_its_file(invoke: Invoke, fake: FakeBertillon, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    assert invoke("lookup", "I50.9", "--token-file", token).exit_code == 0
    assert fake.metadata[-1]["authorization"] == "Bearer secret-token"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 3),
        (grpc.StatusCode.UNAUTHENTICATED, 1),
        (grpc.StatusCode.INTERNAL, 1),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 1),
    ],
)
def test_a_failed_note_is_one_sentence_and_an_exit_code(
    invoke: Invoke, fake: FakeBertillon, code: grpc.StatusCode, exit_code: int
) -> None:
    fake.failures.append(Failure(code, "no"))
    result = invoke("code", "-", stdin=NOTE)

    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr.startswith("bertillon: ")
    assert result.stderr.count("\n") == 1


def test_search_and_lookup_print_codes(invoke: Invoke) -> None:
    assert "I50.9" in invoke("search", "heart failure").stdout
    assert (
        json.loads(invoke("search", "heart failure", "--format", "ndjson").stdout)["code"]["code"] == "I50.9"
    )
    shown = invoke("lookup", "I50.9").stdout
    assert "Heart failure, unspecified  billable" in shown
    assert "excludes1 (at I50.9): fluid overload (E87.70)" in shown
    assert json.loads(invoke("lookup", "I50.9", "--format", "json").stdout)["billable"] is True


def test_a_code_that_does_not_exist_is_exit_code_3(invoke: Invoke) -> None:
    result = invoke("lookup", "Z99.99")
    assert (result.exit_code, result.stdout) == (3, "")


def test_many_notes_go_to_a_private_file(invoke: Invoke, tmp_path: Path, fake: FakeBertillon) -> None:
    files = []
    for name in ("DOE-JANE.txt", "b.txt", "c.txt"):
        files.append(tmp_path / name)
        files[-1].write_text(NOTE)
    output = tmp_path / "codes.ndjson"
    result = invoke("code", *files, "--output", output)

    assert result.exit_code == 0
    assert sorted(ids_in(output)) == sorted(str(file) for file in files)
    assert output.stat().st_mode & 0o077 == 0
    # Names of files stay on this machine.
    assert sorted(fake.received) == ["1", "2", "3"]


def test_failed_notes_are_listed_and_the_others_coded(
    invoke: Invoke, tmp_path: Path, fake: FakeBertillon
) -> None:
    fake.rejections["2"] = [coding.NoteError(code=3, message="text must not be blank")]
    source = tmp_path / "notes.jsonl"
    good = [json.dumps({"note_id": f"n{number}", "text": NOTE}) for number in (1, 2, 3)]
    bad = [
        '{"note_id": "SENTINEL", "text": 5}',
        "SENTINEL",
        '{"text": "SENTINEL \\ud800"}',
        '{"text": "SENTINEL", "setting": "SENTINEL"}',
        '{"text": "SENTINEL", "age": 1.5}',
    ]
    source.write_text("\n".join([*good, *bad, good[0], ""]))
    output = tmp_path / "out"
    result = invoke("code", source, "--output", output)

    assert result.exit_code == 3
    assert sorted(ids_in(output)) == ["n1", "n3"]
    assert "n2: the request is not valid (text must not be blank)" in result.stderr
    assert f"{source}:5: not a line of JSON" in result.stderr
    assert "n1: a note of this id came before" in result.stderr
    assert "7 of 9 notes were not coded" in result.stderr
    assert "SENTINEL" not in result.output


def test_a_json_line_may_say_more_about_its_note(tmp_path: Path) -> None:
    source = json_lines(
        tmp_path / "n.jsonl",
        {"note_id": 7, "text": "x", "setting": "inpatient", "age": 40, "date_of_service": "2026-01-02"},
        {"text": "y"},
    )
    options = NoteOptions(setting="outpatient", date="2026-05-01", age=None, sex="male")
    first, second = read([str(source)], options, lines=False)

    assert first.note is not None
    assert second.note is not None
    assert (first.name, second.name) == ("7", f"{source}:2")
    assert first.note.setting == types.SETTING_INPATIENT
    assert (first.note.patient.age_years, first.note.patient.sex) == (40, types.SEX_MALE)
    assert (first.note.date_of_service, second.note.date_of_service) == ("2026-01-02", "2026-05-01")


@given(st.binary(max_size=80))
def test_no_line_of_bytes_stops_a_run(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    source = tmp_path_factory.mktemp("lines") / "n.jsonl"
    source.write_bytes(data + b'\n{"note_id": "last", "text": "x"}\n')

    assert list(read([str(source)], NO_OPTIONS, lines=False))[-1].name == "last"


def test_a_run_that_was_killed_is_resumed_after_its_last_whole_line(
    invoke: Invoke, tmp_path: Path, fake: FakeBertillon
) -> None:
    names = [f"n{number}" for number in range(6)]
    source = json_lines(tmp_path / "n.jsonl", *[{"note_id": name, "text": NOTE} for name in names])
    whole = tmp_path / "whole"
    invoke("code", source, "--output", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    torn = tmp_path / "torn"
    torn.write_bytes(b"".join(lines[:3]) + lines[3][:-1])
    fake.received.clear()

    assert invoke("code", source, "--output", torn, "--resume").exit_code == 0
    assert sorted(ids_in(torn)) == names
    assert len(fake.received) == 3
    assert invoke("code", source, "--output", torn, "--resume").exit_code == 0
    assert sorted(ids_in(torn)) == names


def test_a_failed_note_is_tried_again_on_resume(invoke: Invoke, tmp_path: Path, fake: FakeBertillon) -> None:
    source = json_lines(tmp_path / "n.jsonl", {"note_id": "a", "text": NOTE}, {"note_id": "b", "text": NOTE})
    output = tmp_path / "out"
    fake.rejections["1"] = [coding.NoteError(code=13, message="failed")]

    assert invoke("code", source, "--output", output).exit_code == 3
    assert ids_in(output) == ["b"]
    assert invoke("code", source, "--output", output, "--resume").exit_code == 0
    assert ids_in(output) == ["b", "a"]


def test_an_output_file_is_never_overwritten(invoke: Invoke, note: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_text("mine\n")

    assert invoke("code", note, "--output", output).exit_code == 2
    result = invoke("code", note, "--output", output, "--resume")
    assert result.exit_code == 2
    assert "line 1" in result.stderr
    assert output.read_text() == "mine\n"


def test_an_output_file_that_cannot_be_written_is_one_sentence(
    invoke: Invoke, note: Path, tmp_path: Path
) -> None:
    result = invoke("code", note, "--output", tmp_path / "no" / "such" / "folder")

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("style", ["table", "json", "ndjson"])
def test_many_notes_may_go_to_standard_output(invoke: Invoke, tmp_path: Path, style: str) -> None:
    source = json_lines(tmp_path / "n.jsonl", {"note_id": "a", "text": NOTE}, {"note_id": "b", "text": NOTE})
    shown = invoke("code", source, "--format", style).stdout

    if style == "json":
        assert [entry["note_id"] for entry in json.loads(shown)] == ["a", "b"]
    elif style == "ndjson":
        assert [json.loads(line)["note_id"] for line in shown.splitlines()] == ["a", "b"]
    else:
        assert shown.count("E11.9") == 2


def test_no_notes_are_an_empty_document(invoke: Invoke, tmp_path: Path) -> None:
    source = tmp_path / "n.jsonl"
    source.write_text("\n")
    assert json.loads(invoke("code", source, "--format", "json").stdout) == []


def test_an_unreachable_server_is_exit_code_1_in_one_sentence(note: Path) -> None:
    ended = shell("127.0.0.1:1", f"bertillon code {note} --timeout 5")

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("bertillon: the server cannot be reached")
    assert ended.stderr.count("\n") == 1


def test_a_run_that_stops_says_how_to_go_on(target: str, fake: FakeBertillon, tmp_path: Path) -> None:
    fake.breaks.extend(
        [(1, Failure(grpc.StatusCode.UNAVAILABLE, "gone")), (0, Failure(grpc.StatusCode.INTERNAL))]
    )
    output = tmp_path / "out"
    command = [sys.executable, "-c", _MAIN, "code", "--jsonl", "-", "--output", str(output)]
    environment = {**os.environ, "BERTILLON_TARGET": target}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write('{"text": "has diabetes"}\n' * 3)
        process.stdin.flush()
        # Standard input stays open beyond the end of the command.
        assert process.wait(timeout=30) == 1
        assert process.stderr.read().splitlines() == [
            "bertillon: stopped with 1 notes more in the output; go on with --resume",
            "bertillon: the server failed with INTERNAL; tell its operator if it happens again",
        ]
    assert len(ids_in(output)) == 1


def test_a_reader_that_goes_away_is_no_error(target: str) -> None:
    script = """yes '{"text": "has diabetes"}' | bertillon code --jsonl - --format ndjson | head -1 | wc -l"""
    ended = shell(target, script)

    assert ended.stdout.strip() == "1"
    assert ended.stderr == ""


def test_an_interrupted_command_says_so(target: str, fake: FakeBertillon, note: Path) -> None:
    fake.gate.clear()
    environment = {**os.environ, "BERTILLON_TARGET": target}
    command = [sys.executable, "-c", _HEEDS + _MAIN, "code", str(note), "--format", "ndjson"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "bertillon: interrupted\n"


def test_colours_are_for_terminals_only(target: str, note: Path) -> None:
    assert "\x1b" not in shell(target, f"bertillon code {note}").stdout
    assert "\x1b" in shell(target, f"bertillon code {note}", FORCE_COLOR="1", TERM="xterm").stdout


@given(st.text(alphabet=st.characters(), max_size=50))
def test_text_of_a_note_never_commands_the_terminal(text: str) -> None:
    shown = clean(text)

    assert len(shown) == len(text)
    assert shown.isprintable()


def test_help_has_examples_and_version_the_version(invoke: Invoke) -> None:
    for command in ([], ["code"], ["search"], ["lookup"]):
        assert "Examples:\n" in invoke(*command, "--help").stdout
    assert invoke("--version").stdout.startswith("bertillon, version 0.1.0")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    block = "import sys; sys.modules['click'] = None; from bertillon.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr == "bertillon: the command line needs its extra: pip install 'bertillon[cli]'\n"
