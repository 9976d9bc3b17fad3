"""Notes whose sections other processes code come to the same, and none is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.load.bulk import start_processes
from benchmarks.service import Service, serving
from replies import assert_sound

from bertillon import Bertillon, Note, NoteResult

LIMIT_S = 60.0


def children(server: Service) -> list[int]:
    """Return the processes that the server has started and that have not ended."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def wait_until(condition: Callable[[], bool]) -> None:
    latest = time.monotonic() + LIMIT_S
    while not condition() and time.monotonic() < latest:
        time.sleep(0.05)
    assert condition()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def told(result: NoteResult) -> list[tuple[object, ...]]:
    return [
        (m.evidence.span.start, m.evidence.span.end, m.code.code, m.assertion, confidence(m.confidence))
        for coded in sorted(result.sections, key=lambda one: one.section.index)
        for m in coded.mentions
    ] + [(item.code.code, confidence(item.confidence)) for item in result.summary.codes]


def confidence(value: float) -> object:
    # Batch mates may move the last bits.
    return pytest.approx(value, abs=1e-4)


@pytest.fixture
def own_server(bundle: Path, tmp_path: Path) -> Iterator[Service]:
    """Run a server with one coding process, for tests that do it harm."""
    with serving(tmp_path, "--coding-processes=1", "--cache-bytes=0", bundle=bundle) as service:
        yield service


def test_a_note_comes_to_the_same_wherever_its_sections_are_coded(
    bundle: Path, tmp_path: Path, demo_note: str
) -> None:
    texts = [f"{demo_note}\nPLAN: in company {number}\n" for number in range(6)]
    company = [Note(note_id=str(number), text=text) for number, text in enumerate(texts)]
    flags = "--coding-processes=2", "--cache-bytes=0"
    with serving(tmp_path, *flags, bundle=bundle) as server, Bertillon(server.target) as client:
        here = client.code_note_all(texts[0])
        assert children(server) == []
        start_processes(server)
        wait_until(lambda: server.metric("coding_processes") == 2)
        spent = server.metric("coding_processes_cpu_seconds")
        shared = client.code_note_all(texts[0])
        assert server.metric("coding_processes_cpu_seconds") > spent
        results = dict(client.code_notes(company))
    assert_sound(shared, texts[0])
    assert told(shared) == told(here)
    assert len(results) == len(texts)
    for number, result in results.items():
        assert isinstance(result, NoteResult)
        assert_sound(result, texts[int(number)])
        assert told(result) == told(here)


def test_a_note_of_which_all_sections_are_known_needs_no_process(
    bundle: Path, tmp_path: Path, demo_note: str
) -> None:
    with (
        serving(tmp_path, "--coding-processes=2", bundle=bundle) as server,
        Bertillon(server.target) as client,
    ):
        start_processes(server)
        first = client.code_note_all(demo_note)
        spent = server.metric("coding_processes_cpu_seconds")
        assert told(client.code_note_all(demo_note)) == told(first)
        assert server.metric("coding_processes_cpu_seconds") == spent


def test_a_coding_process_that_is_killed_loses_no_note_and_is_replaced(
    own_server: Service, demo_note: str
) -> None:
    company = [Note(note_id=str(n), text=f"{demo_note}\nPLAN: note {n}\n") for n in range(24)]
    start_processes(own_server)
    (child,) = children(own_server)
    results: list[object] = []
    with Bertillon(own_server.target) as client:
        for _, result in client.code_notes(company):
            results.append(result)
            if len(results) == 4:
                os.kill(child, signal.SIGKILL)
    assert [type(result) for result in results] == [NoteResult] * len(company)
    wait_until(lambda: own_server.metric("coding_processes") == 1)
    assert child not in children(own_server)
    assert own_server.metric("coding_process_restarts") == 1
    assert any(entry["event"] == "process_ended" for entry in own_server.log_entries())


def test_coding_processes_start_when_they_are_of_use_and_end_with_a_server_that_is_killed(
    own_server: Service, demo_note: str
) -> None:
    with Bertillon(own_server.target) as client:
        client.code_note_all(demo_note)
        assert children(own_server) == []
    start_processes(own_server)
    (child,) = children(own_server)
    own_server.process.kill()
    own_server.process.wait()
    wait_until(lambda: not is_running(child))


def test_a_server_that_stops_leaves_no_process(own_server: Service) -> None:
    start_processes(own_server)
    (child,) = children(own_server)
    assert own_server.stop() == 0
    assert not is_running(child)
