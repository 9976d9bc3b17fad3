"""A process that does not last is started again later and later, for ever."""

from bertillon_server.restarts import LONG_LIFE_S, LONGEST_PAUSE_S, SHORTEST_PAUSE_S, pause_after


def test_the_pause_doubles_while_a_process_does_not_last_and_begins_anew_when_it_has() -> None:
    pauses, failures = [], 0
    for lasted_s in (1.0, 1.0, 1.0, LONG_LIFE_S, 1.0):
        pause, failures = pause_after(lasted_s, failures)
        pauses.append(pause / SHORTEST_PAUSE_S)
    assert pauses == [1, 2, 4, 1, 1]


def test_what_fails_for_days_is_still_tried() -> None:
    assert pause_after(0.1, 5_000) == (LONGEST_PAUSE_S, 5_001)
