import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.inference.batching import COMPANY_TOKENS, MAX_ROWS, SMALLEST_SHARE, Batch, Batcher
from bertillon_server.inference.call import Priority
from bertillon_server.inference.pending import AGEING_S, Place, Window, rank
from bertillon_server.inference.queue import WindowQueue


def filled(*groups: tuple[Priority, int, int], now: float = 0.0) -> WindowQueue:
    """A queue with (priority, tokens, count) groups."""
    queue = WindowQueue()
    for priority, tokens, count in groups:
        for number in range(count):
            ids = np.full(tokens, number, dtype=np.int64).tobytes()
            queue.push(Window(ids, priority, rank(priority, now), math.inf))
    return queue


def form(queue: WindowQueue, *, workers: int = 1, now: float = 0.0) -> Batch:
    batch = Batcher(workers=workers).form(queue, now, expire=never)
    assert batch is not None
    return batch


def never(_: Window) -> None:
    pytest.fail("nothing expires here")


def test_an_empty_queue_gives_no_batch() -> None:
    assert Batcher(workers=2).form(WindowQueue(), 0.0, never) is None


def test_a_batch_has_rows_of_one_length_and_the_rest_stays() -> None:
    queue = filled((Priority.STANDARD, 5, 3), (Priority.STANDARD, 6, 4))
    batch = form(queue)
    assert batch.ids().shape == (3, 5)
    assert batch.tokens == 15
    assert sum(queue.windows) == 4
    assert all(window.place is Place.HANDED for window in batch.windows)


def test_rows_carry_their_ids_in_order() -> None:
    assert form(filled((Priority.BULK, 2, 3))).ids().tolist() == [[0, 0], [1, 1], [2, 2]]


def test_a_batch_stays_within_its_tokens() -> None:
    queue = filled((Priority.BULK, 100, 20))
    assert len(form(queue).windows) == 5


def test_the_shortest_windows_are_bounded_by_rows() -> None:
    assert len(form(filled((Priority.BULK, 1, 500))).windows) == MAX_ROWS


def test_a_window_longer_than_a_batch_goes_alone() -> None:
    assert form(filled((Priority.BULK, 600, 2))).tokens == 600


def test_a_small_backlog_is_shared_between_the_workers() -> None:
    batch = form(filled((Priority.STANDARD, 10, 40)), workers=2)
    assert batch.tokens == 200


def test_a_backlog_too_small_to_share_goes_to_one_worker() -> None:
    batch = form(filled((Priority.STANDARD, 8, SMALLEST_SHARE // 8)), workers=2)
    assert batch.tokens == SMALLEST_SHARE


def test_the_most_urgent_window_leads_and_less_urgent_ones_only_ride_along() -> None:
    queue = filled((Priority.BULK, 8, 60), (Priority.INTERACTIVE, 8, 2))
    batch = form(queue)
    assert [window.priority for window in batch.windows[:3]] == [
        Priority.INTERACTIVE,
        Priority.INTERACTIVE,
        Priority.BULK,
    ]
    assert batch.tokens == COMPANY_TOKENS


def test_urgent_windows_fill_a_batch_that_aged_work_leads() -> None:
    queue = filled((Priority.BULK, 8, 1))
    for number in range(100):
        ids = np.full(8, number, dtype=np.int64).tobytes()
        queue.push(Window(ids, Priority.INTERACTIVE, rank(Priority.INTERACTIVE, 3 * AGEING_S), math.inf))
    batch = form(queue)
    assert batch.windows[0].priority is Priority.BULK
    assert batch.tokens == 512


def test_expired_windows_are_dropped_before_they_are_batched() -> None:
    queue = WindowQueue()
    windows = [Window(bytes([n] * 16), Priority.STANDARD, 0.0, deadline=float(n)) for n in range(6)]
    for window in windows:
        queue.push(window)
    expired: list[Window] = []
    batch = Batcher(workers=1).form(queue, 3.0, expired.append)
    assert expired == windows[:4]
    assert batch is not None
    assert batch.windows == (windows[4], windows[5])
    assert batch.useful_until == 5.0


@given(st.lists(st.integers(1, 40), max_size=200))
def test_windows_without_a_queue_are_batched_once_by_length_and_within_bounds(lengths: list[int]) -> None:
    batches = Batcher(workers=1, batch_tokens=64).of_one_length(lengths)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len({lengths[index] for index in batch}) == 1
        assert len(batch) <= MAX_ROWS
        assert len(batch) * lengths[batch[0]] <= 64


def test_when_all_have_expired_there_is_no_batch() -> None:
    queue = WindowQueue()
    queue.push(Window(bytes(8), Priority.BULK, 0.0, deadline=1.0))
    expired: list[Window] = []
    assert Batcher(workers=1).form(queue, 2.0, expired.append) is None
    assert len(expired) == 1
    assert sum(queue.windows) == 0


@given(
    st.lists(st.tuples(st.sampled_from(Priority), st.integers(1, 40), st.integers(1, 30)), max_size=12),
    st.integers(1, 4),
)
def test_every_window_is_batched_once_and_batches_keep_their_bounds(
    groups: list[tuple[Priority, int, int]], workers: int
) -> None:
    queue = filled(*groups)
    total = sum(queue.windows)
    batcher = Batcher(workers=workers, batch_tokens=256)
    seen: set[Window] = set()
    while (batch := batcher.form(queue, 0.0, never)) is not None:
        assert len({window.tokens for window in batch.windows}) == 1
        assert batch.tokens <= 256
        assert len(batch.windows) <= MAX_ROWS
        assert seen.isdisjoint(batch.windows)
        seen.update(batch.windows)
    assert len(seen) == total
    assert sum(queue.tokens) == 0
