"""Two versions of the server by turns: what is refused, and which way a ratio goes."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from benchmarks.cli import cli
from benchmarks.notes import demo_note, own_notes, unrepeated, variations
from benchmarks.scenario import Bench
from benchmarks.service import BUNDLE, SERVER
from click.testing import CliRunner

from benchmarks import versions


def test_another_server_has_to_differ() -> None:
    ended = CliRunner().invoke(cli, ["compare"])
    assert ended.exit_code == 2
    assert "say how the other server differs" in ended.output


def test_a_revision_that_is_none_is_told_in_the_words_of_git() -> None:
    ended = CliRunner().invoke(cli, ["compare", "--revision", "no-such-revision"])
    assert ended.exit_code == 1
    assert "Error: git failed: " in ended.output
    assert "invalid reference: no-such-revision" in ended.output


def test_several_workers_are_for_another_command() -> None:
    ended = CliRunner().invoke(cli, ["compare", "--server-flag=--workers=2"])
    assert ended.exit_code == 2
    assert "`run workers`" in ended.output


def test_both_versions_are_measured_on_the_same_texts_and_no_text_comes_twice() -> None:
    sizes = versions.Sizes(bulk=3, notes=2, sections=2, beside=2, behind=4)
    notes, typed = variations(own_notes(), 7), unrepeated([demo_note()], 7)
    turns = [versions.Texts.drawn(notes, typed, sizes) for _ in range(2)]
    drawn = [text for turn in turns for part in dataclasses.astuple(turn) for text in part]
    assert len(drawn) == len(set(drawn)) == 2 * (3 + 2 + 2 + 2 + 2 + 4)


def test_every_measure_is_taken_of_two_servers_by_turns() -> None:
    sizes = versions.Sizes(bulk=2, notes=1, sections=1, beside=1, behind=300, warm_up=1, fill_s=0.3)
    bench = Bench(
        BUNDLE, tuple(own_notes()), 7, is_full=False, steps=lambda *_: contextlib.nullcontext(lambda: None)
    )
    this = versions.Version(SERVER, BUNDLE)
    found = versions.compare(bench, this, dataclasses.replace(this, flags=("--threads=1",)), 2, sizes)
    assert list(found) == list(versions.UNITS)
    for name, row in found.items():
        assert set(row) == {"this", "other", "times"}, name
        assert all(figure.value > 0 for figure in row.values()), name
        assert [row[side].unit for side in ("this", "other")] == [versions.UNITS[name]] * 2
        assert len(row["times"].repeats) == 2


@pytest.mark.parametrize(("name", "times"), [("bulk", 0.5), ("note alone, p50", 2.0)])
def test_above_1_this_version_is_better_whether_more_or_less_is(name: str, times: float) -> None:
    judged = versions._judged(name, this=[10.0, 20.0], other=[20.0, 40.0])
    assert judged["times"].value == pytest.approx(times)
    assert judged["this"].value == pytest.approx(15.0)
