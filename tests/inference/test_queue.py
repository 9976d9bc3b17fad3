import math
from collections import defaultdict, deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import AGEING_S, Window, rank
from bertillon_server.inference.queue import WindowQueue

PRIORITIES = st.sampled_from(Priority)
LENGTHS = st.integers(1, 4)


def make(priority: Priority, tokens: int, now: float = 0.0) -> Window:
    ids = np.arange(tokens, dtype=np.int64).tobytes()
    return Window(ids, priority, rank(priority, now), math.inf)


def test_an_empty_queue_has_nothing_urgent() -> None:
    queue = WindowQueue()
    assert queue.most_urgent() is None
    assert queue.front(Priority.BULK, 3) is None


def test_urgent_work_goes_first_and_the_oldest_first_within_a_priority() -> None:
    queue = WindowQueue()
    windows = [make(priority, 3, now) for now in (0.0, 0.1) for priority in reversed(Priority)]
    for window in windows:
        queue.push(window)
    order = []
    while (first := queue.most_urgent()) is not None:
        queue.remove(first)
        order.append((first.priority, first.rank))
    assert [priority for priority, _ in order] == sorted(priority for priority, _ in order)
    assert order == sorted(order)


def test_waiting_lifts_work_above_more_urgent_arrivals() -> None:
    queue = WindowQueue()
    starved, fresh = make(Priority.BULK, 3, 0.0), make(Priority.STANDARD, 5, AGEING_S + 0.001)
    queue.push(fresh)
    queue.push(starved)
    assert queue.most_urgent() is starved
    queue.push(early := make(Priority.INTERACTIVE, 7, 2 * AGEING_S - 0.001))
    assert queue.most_urgent() is early


@given(
    st.lists(st.tuples(st.sampled_from(["push", "pop", "undo", "leave"]), PRIORITIES, LENGTHS), max_size=60)
)
def test_lanes_are_first_in_first_out_whatever_leaves_or_comes_back(
    steps: list[tuple[str, Priority, int]],
) -> None:
    queue = WindowQueue()
    model: dict[tuple[Priority, int], deque[Window]] = defaultdict(deque)
    popped: list[Window] = []
    for now, (step, priority, tokens) in enumerate(steps):
        lane = model[priority, tokens]
        if step == "push":
            lane.append(window := make(priority, tokens, float(now)))
            queue.push(window)
            popped.clear()
        elif step == "pop" and lane:
            popped.append(lane.popleft())
            queue.remove(popped[-1])
        elif step == "undo" and popped:
            window = popped.pop()
            model[window.priority, window.tokens].appendleft(window)
            queue.put_back(window)
        elif step == "leave" and lane:
            queue.remove(lane.pop())
        for (of, length), waiting in model.items():
            assert queue.front(of, length) is (waiting[0] if waiting else None)
        everything = [window for waiting in model.values() for window in waiting]
        assert sum(queue.windows) == len(everything)
        for of in Priority:
            assert queue.tokens[of] == sum(window.tokens for window in everything if window.priority == of)
        first = queue.most_urgent()
        assert (None if first is None else first.rank) == min(
            (window.rank for window in everything), default=None
        )
