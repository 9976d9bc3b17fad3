"""Two versions of the server by turns: what is refused, and which way a ratio goes."""

from __future__ import annotations

import pytest
from benchmarks.cli import cli
from click.testing import CliRunner

from benchmarks import versions


def test_another_server_has_to_differ() -> None:
    ended = CliRunner().invoke(cli, ["compare"])
    assert ended.exit_code == 2
    assert "say how the other server differs" in ended.output


def test_a_revision_that_is_none_is_told_in_the_words_of_git() -> None:
    with pytest.raises(RuntimeError, match=r"git failed: .*"), versions.revision("no-such-revision", print):
        pass


@pytest.mark.parametrize(("name", "times"), [("bulk", 0.5), ("note alone, p50", 2.0)])
def test_above_1_this_version_is_better_whether_more_or_less_is(name: str, times: float) -> None:
    judged = versions._judged(name, this=[10.0, 20.0], other=[20.0, 40.0])
    assert judged["times"].value == pytest.approx(times)
    assert judged["this"].value == pytest.approx(15.0)
