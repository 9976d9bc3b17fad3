"""When a server counts as itself again after an overload."""

from __future__ import annotations

import math

import pytest
from benchmarks.scenarios.overload import IN_A_ROW, recovered_after

GOOD = [(0.1 * n, True) for n in range(IN_A_ROW)]


def later(entries: list[tuple[float, bool]], by: float) -> list[tuple[float, bool]]:
    return [(due + by, ok) for due, ok in entries]


def test_a_server_that_answers_in_time_has_recovered_with_the_first_of_them() -> None:
    assert recovered_after(later(GOOD, 0.02)) == pytest.approx(0.02)


def test_a_late_answer_begins_the_row_anew() -> None:
    assert recovered_after([*GOOD[:-1], (0.5, False), *later(GOOD, 1.0)]) == pytest.approx(1.0)


def test_a_late_answer_after_it_changes_nothing() -> None:
    assert recovered_after([*GOOD, (4.9, False)]) == 0


@pytest.mark.parametrize("entries", [[], GOOD[:-1], [(0.0, False)] * 9])
def test_a_server_that_never_does_has_no_recovery(entries: list[tuple[float, bool]]) -> None:
    assert math.isnan(recovered_after(entries))
