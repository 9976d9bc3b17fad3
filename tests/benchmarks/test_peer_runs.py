"""What a run of the comparison goes on from, and how the command ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.notes import demo_note
from benchmarks.peers.blocks import QUICK, Block, Plan
from benchmarks.peers.cli import UNFINISHED, peers
from benchmarks.peers.contenders import NOTES, OURS
from benchmarks.peers.kept import Kept, OtherRunError, stated
from click.testing import CliRunner, Result

MACHINE = {"revision": "1a2b", "modified": False, "cpu": "a processor", "cores": 2, "at": "today"}


def _block(name: str) -> Block:
    return Block(0, name, checked=2, equal=None if name == OURS else True, values={NOTES: 10.0})


# What blocks hold for


def test_a_run_does_not_go_on_from_another_and_names_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "blocks.jsonl"
    Kept(file, {"seed": 7, "cores": 2}).add(_block(OURS))
    kept = file.read_text("utf-8")
    with pytest.raises(OtherRunError, match=r"differs in seed \(7 there, 8 here\), terms: give --fresh"):
        Kept(file, {"seed": 8, "cores": 2, "terms": None})
    assert file.read_text("utf-8") == kept
    assert not Kept(file, {"seed": 8, "cores": 2}, fresh=True).blocks
    assert not Kept(file, {"seed": 8, "cores": 2}).blocks


def test_blocks_hold_for_the_code_the_machine_the_texts_and_the_rates_of_their_run(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"

    def holds_for(
        machine: dict[str, Any] | None = None,
        notes: Sequence[str] = ("a", "b"),
        written: str | None = "gout",
        plan: Plan = QUICK,
    ) -> dict[str, Any]:
        if written is not None:
            terms.write_text(written, "utf-8")
        given = None if written is None else terms
        return stated(MACHINE | (machine or {}), "m/1", notes, given, plan, full=False, seed=7)

    first = holds_for()
    assert holds_for({"at": "tomorrow"}, plan=replace(QUICK, repeats=9)) == first
    others = [
        *(holds_for({name: other}) for name, other in [("revision", "3c"), ("modified", True), ("cores", 4)]),
        holds_for({"cpu": "another"}),
        holds_for(notes=("a", "c")),
        holds_for(notes=("ab",)),
        holds_for(written="asthma"),
        holds_for(written=None),
        holds_for(plan=replace(QUICK, rate_repeats=3)),
    ]
    for other in others:
        assert other != first


# The command


@pytest.fixture
def own_signal() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class _Machine:
    """Runs the command with contenders that measure nothing, on a machine of which the revision can be changed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.revision = "1a2b"
        self.blocks: dict[str, Block] = {}
        self.measured: list[tuple[str, int]] = []
        self._folder = folder
        self._note = folder / "note.txt"
        self._note.write_text(demo_note(), "utf-8")
        monkeypatch.setattr("benchmarks.peers.cli.Contenders", lambda *_: self)
        monkeypatch.setattr("benchmarks.peers.cli.environment", lambda: MACHINE | {"revision": self.revision})

    async def measure(self, name: str, repeat: int, *_: object) -> Block:
        self.measured.append((name, repeat))
        return replace(self.blocks.get(name, _block(name)), repeat=repeat)

    async def close(self) -> None:
        pass

    def run(self, *words: str) -> Result:
        given = ["run", "mosec", f"--out={self._folder / 'out'}", f"--notes={self._note}", *words]
        return CliRunner().invoke(peers, given)

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self._folder / "out" / "peers.json").read_text("utf-8"))
        return told


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_signal: None) -> _Machine:  # noqa: ARG001
    return _Machine(tmp_path, monkeypatch)


def test_blocks_of_one_revision_are_not_told_as_those_of_the_next(machine: _Machine) -> None:
    assert machine.run("--minutes=0").exit_code == UNFINISHED
    assert machine.run("--repeats=1").exit_code == 0
    first = machine.told()
    assert first["environment"]["revision"] == "1a2b"
    machine.revision = "3c4d"
    refused = machine.run("--repeats=1")
    assert refused.exit_code == 2
    assert "revision (1a2b there, 3c4d here)" in " ".join(refused.output.split())
    assert machine.told() == first
    machine.measured.clear()
    assert machine.run("--repeats=1", "--fresh").exit_code == 0
    assert machine.measured == [(OURS, 0), ("mosec", 0)]
    assert machine.told()["environment"]["revision"] == "3c4d"


def test_a_run_with_rates_does_not_go_on_from_one_without(machine: _Machine) -> None:
    assert machine.run("--repeats=2").exit_code == 0
    refused = machine.run("--repeats=2", "--rates=2")
    assert refused.exit_code == 2
    assert "rates (0 there, 2 here)" in " ".join(refused.output.split())


def test_more_repeats_go_on_and_fewer_tell_those_that_were_asked_for(machine: _Machine) -> None:
    assert machine.run("--repeats=1").exit_code == 0
    assert machine.run("--repeats=3").exit_code == 0
    assert len(machine.measured) == len(set(machine.measured)) == 6
    assert [len(row["values"]) for row in machine.told()["peers"]] == [3]
    assert machine.run("--repeats=2").exit_code == 0
    assert [len(row["values"]) for row in machine.told()["peers"]] == [2]


@pytest.mark.parametrize(
    "block",
    [
        Block(0, "mosec", equal=False, reason="its answers [/b] are not ours", is_final=True),
        Block(0, "mosec", lagged=True, reason="the generator [/b] could not keep up"),
    ],
    ids=["other answers", "a generator that lagged"],
)
def test_a_run_that_says_nothing_of_a_peer_fails_after_all_is_written(
    machine: _Machine, block: Block
) -> None:
    machine.blocks["mosec"] = block
    ended = machine.run()
    assert ended.exit_code == 1
    assert machine.told()["failure"] == f"mosec: {block.reason}"
    assert f"failed: mosec: {block.reason}" in " ".join(ended.output.split())
    assert machine.measured.count((OURS, 1)) == 1


def test_what_a_lag_spoilt_is_measured_again_and_what_was_measured_is_not(machine: _Machine) -> None:
    machine.blocks["mosec"] = Block(0, "mosec", lagged=True, reason="the generator could not keep up")
    assert machine.run("--repeats=1").exit_code == 1
    del machine.blocks["mosec"]
    machine.measured.clear()
    assert machine.run("--repeats=1").exit_code == 0
    assert machine.measured == [("mosec", 0)]
    assert machine.told()["failure"] is None


def test_a_peer_that_cannot_run_here_is_skipped_and_fails_no_run(machine: _Machine) -> None:
    machine.blocks["mosec"] = Block(0, "mosec", reason="no environment", is_final=True)
    assert machine.run().exit_code == 0
    assert machine.told()["failure"] is None
