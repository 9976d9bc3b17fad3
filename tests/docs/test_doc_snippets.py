from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest
from benchmarks.cli import cli as benchmarks

from bertillon.cli.program import program
from bertillon_models.cli import main as models
from bertillon_server.app.cli import cli
from bertillon_server.app.settings import load_settings
from doc_pages import RUN, SHOWN, Block, blocks, rows

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models/current"
HAS_BUNDLE = (BUNDLE / "manifest.json").is_file()
LOADS_THE_BUNDLE = ("bertillon-server check", "bertillon-models evaluate ")
DEFAULT = "127.0.0.1:50051"
BLOCKS = list(blocks())
EXECUTED = [block for block in BLOCKS if block.language in RUN and not block.reason]
EXEMPT = [block for block in BLOCKS if block.language in RUN and block.reason]
NOTES = [
    {"note_id": f"n-{number}", "text": f"CC: follow-up\n\nAssessment:\n1. {problem}\n"}
    for number, problem in enumerate(["Chronic cough.", "Essential hypertension.", "cough, acute bronchitis"])
]
PROGRAMS: dict[str, click.Command] = {
    "benchmarks": benchmarks,
    "bertillon": program,
    "bertillon-models": models,
    "bertillon-server": cli,
}


def name(block: Block) -> str:
    """Return what a test of a block is called; the page parts blocks by line."""
    return f"{block.page.stem}-{block.line}"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve on a free port: with the current bundle, or with a fake coder where there is none."""
    script = [str(Path(sys.executable).with_name("bertillon-server"))]
    if not HAS_BUNDLE:
        script = [sys.executable, str(Path(__file__).with_name("fake_server.py"))]
    flags = ["--address=127.0.0.1:0", "--metrics-address=", f"--bundle={BUNDLE}", "--log-level=warning"]
    errors = tmp_path_factory.mktemp("server") / "stderr"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [*script, "serve", *flags], stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as server,
    ):
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("serving on "), errors.read_text()
        yield line.removeprefix("serving on ").strip()
        server.terminate()
        assert server.wait(30) == 0, errors.read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a working directory with what the pages speak of."""
    for name in ("deploy", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "note.txt").write_text(NOTES[0]["text"])
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in NOTES))
    return tmp_path


@pytest.mark.parametrize("block", EXECUTED, ids=name)
def test_a_snippet_runs_as_it_stands(block: Block, target: str, folder: Path) -> None:
    if not HAS_BUNDLE and any(command in block.text for command in LOADS_THE_BUNDLE):
        pytest.skip(f"{block.name} loads models/current, which is not there")
    text = block.text.replace(DEFAULT, target)
    command = [sys.executable, "-W", "error", "-c", text]
    if block.language == "shell":
        command = ["bash", "-euo", "pipefail", "-c", text]
    ended = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": str(folder),
            "BERTILLON_TARGET": target,
        },
    )
    assert ended.returncode == 0, f"{block.name}:\n{ended.stdout}\n{ended.stderr}"
    assert ended.stderr.strip() == ""
    # A snippet whose loop never turns would pass otherwise.
    assert ended.stdout.strip() or "print" not in text, f"{block.name} prints nothing"


def test_every_block_is_run_or_says_why_not_or_is_no_program() -> None:
    known = RUN | SHOWN
    assert {block.name for block in BLOCKS if block.language not in known} == set()
    assert len(EXECUTED) == 13, [block.name for block in EXECUTED]
    # Counted, so that a snippet that stops being run is noticed; change it knowingly.
    assert len(EXEMPT) == 14, [block.name for block in EXEMPT]


@pytest.mark.parametrize("block", [b for b in EXEMPT if b.language == "python"], ids=name)
def test_a_python_snippet_that_is_not_run_is_at_least_python(block: Block) -> None:
    ast.parse(block.text)


def commands() -> list[tuple[str, list[str]]]:
    found = []
    for block in BLOCKS:
        if block.language == "shell":
            joined = block.text.replace("\\\n", " ")
            found += [(block.name, shlex.split(line, comments=True)) for line in joined.splitlines()]
    figures = rows(ROOT / "README.md", "## Figures")
    found += [(f"README: {row[0]}", shlex.split(row[-1].strip("`"))) for row in figures]
    return [(where, words) for where, words in found if words]


@pytest.mark.parametrize(
    ("where", "words"),
    [pytest.param(where, words, id=f"{where} {' '.join(words[:2])}") for where, words in commands()],
)
def test_a_command_names_programs_options_and_files_that_exist(where: str, words: list[str]) -> None:
    if words[:3] == ["python", "-m", "benchmarks"]:
        words = words[2:]
    if words[0] in PROGRAMS:
        command = PROGRAMS[words[0]]
        rest = words[1:]
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(click.Context(command), rest[0])
            assert found is not None, f"{where}: {words[0]} has no command {rest[0]}"
            command, rest = found, rest[1:]
        # Scenarios and peers are named, and these are checked; what is a file is not.
        named = [option for option in command.params if isinstance(option, click.Argument)]
        if named and isinstance(named[0].type, click.Choice) and words[0] == "benchmarks":
            wanted = set(takewhile(lambda word: not word.startswith("-"), rest))
            assert wanted <= set(named[0].type.choices), f"{where}: {wanted}"
        options = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        options |= {"--help", "--version"}
        end = next((at for at, word in enumerate(rest) if word in {"|", ">", "&&"}), len(rest))
        given = {word.partition("=")[0] for word in rest[:end] if word.startswith("--")}
        assert given <= options, f"{where}: {given - options}"
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE), where
    elif words[:2] == ["python", "-m"]:
        assert (ROOT / f"{words[2].replace('.', '/')}.py").is_file(), f"{where}: no module {words[2]}"
    elif words[0] == "python" and words[1] != "-c":
        assert (ROOT / words[1]).is_file(), f"{where}: no program {words[1]}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=name)
def test_an_example_of_a_configuration_file_is_accepted(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text(block.text)
    settings = load_settings({}, file)
    for key, value in tomllib.loads(block.text).items():
        assert str(getattr(settings, key)) == str(value)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=name)
def test_an_example_of_json_is_json(block: Block) -> None:
    for line in block.text.splitlines():
        assert isinstance(json.loads(line), dict)
