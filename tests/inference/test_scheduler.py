"""Windows in, rows out: order, grouping, priorities, sharing, deadlines, cancellation, failure."""

import asyncio
import gc
import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from scheduling_fakes import (
    STUCK_S,
    Clock,
    HeldEncoder,
    InstantEncoder,
    Notes,
    expected,
    is_idle,
    running,
    turns,
    window,
)

from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.observer import ShedReason
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.workers import EncodingFailedError

INTERACTIVE, STANDARD, BULK = (Call(priority) for priority in Priority)


async def test_vectors_come_in_the_order_of_the_windows() -> None:
    windows = [window(*range(length, 2 * length)) for length in (5, 3, 4, 3, 9, 5, 1)]
    async with running(InstantEncoder(), workers=2) as scheduler:
        encoded = await scheduler.encode(windows, STANDARD)
        assert is_idle(scheduler)
    assert encoded.rows[0].dtype == np.float32
    np.testing.assert_array_equal(encoded.rows, expected(windows))
    assert encoded.infer_us >= 0
    assert encoded.queue_us >= 0


async def test_windows_of_equal_length_share_a_batch_and_others_do_not() -> None:
    encoder = InstantEncoder()
    async with running(encoder) as scheduler:
        await scheduler.encode([window(1, 2), window(3), window(4, 5), window(6)], STANDARD)
    assert sorted(batch.shape for batch in encoder.batches) == [(2, 1), (2, 2)]


async def test_windows_of_different_calls_share_a_batch() -> None:
    encoder = InstantEncoder()
    calls = [[window(n, 1), window(n, 2, 3)] for n in range(5)]
    async with running(encoder) as scheduler:
        answers = await asyncio.gather(*(scheduler.encode(call, STANDARD) for call in calls))
    assert sorted(batch.shape for batch in encoder.batches) == [(5, 2), (5, 3)]
    for call, answer in zip(calls, answers, strict=True):
        np.testing.assert_array_equal(answer.rows, expected(call))


async def test_no_windows_give_no_vectors() -> None:
    async with running(InstantEncoder()) as scheduler:
        await scheduler.encode([window(1)], STANDARD)
        assert (await scheduler.encode([], STANDARD)).rows == ()


@pytest.mark.parametrize(
    "bad", [np.zeros(0, dtype=np.int64), np.zeros((1, 2), dtype=np.int64), np.zeros(2, dtype=np.int32)]
)
async def test_a_malformed_window_is_refused_and_nothing_is_left_behind(bad: NDArray[np.int64]) -> None:
    async with running(InstantEncoder()) as scheduler:
        with pytest.raises(ValueError, match="window"):
            await scheduler.encode([window(1), bad], STANDARD)
        assert is_idle(scheduler)


async def test_the_loop_runs_on_while_the_encoder_works() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        task = asyncio.create_task(scheduler.encode([window(1)], STANDARD))
        call = await encoder.begun()
        assert threading.active_count() > 1
        await turns(50)
        assert not task.done()
        call.answer()
        await task


async def test_urgent_work_goes_before_what_waits_even_if_it_is_already_staged() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        tasks = [asyncio.create_task(scheduler.encode([window(0)], BULK))]
        call = await encoder.begun()
        for ids, caller in (((1, 1), BULK), ((2, 2, 2), BULK), ((3, 3, 3, 3), STANDARD)):
            tasks.append(asyncio.create_task(scheduler.encode([window(*ids)], caller)))
            await turns()
        order = []
        for _ in range(3):
            call.answer()
            call = await encoder.begun()
            order.append(call.ids[0, 0])
        call.answer()
        await asyncio.gather(*tasks)
    assert order == [3, 1, 2]


async def test_interactive_windows_do_not_wait_for_calls_of_the_encoder_that_run() -> None:
    encoder = HeldEncoder()
    async with running(encoder, workers=2) as scheduler:
        bulk = asyncio.create_task(scheduler.encode([window(0), window(1, 1), window(2, 2, 2)], BULK))
        held = [await encoder.begun(), await encoder.begun()]
        typed = asyncio.create_task(scheduler.encode([window(3), window(4, 4)], INTERACTIVE))
        for _ in range(2):
            call = await encoder.begun()
            assert call.ids[0, 0] in {3, 4}
            call.answer()
        answer = await typed
        assert not bulk.done()
        for call in held:
            call.answer()
        (await encoder.begun()).answer()
        await bulk
        assert is_idle(scheduler)
    np.testing.assert_array_equal(answer.rows, expected([window(3), window(4, 4)]))


async def test_workers_go_on_with_other_work_while_the_one_for_interactive_windows_is_busy() -> None:
    encoder = HeldEncoder()
    async with running(encoder, workers=2) as scheduler:
        bulk = asyncio.create_task(
            scheduler.encode([window(*[number] * (number + 1)) for number in range(6)], BULK)
        )
        held = [await encoder.begun(), await encoder.begun()]
        typed = asyncio.create_task(
            scheduler.encode([window(*[50 + number] * (number + 1)) for number in range(6)], INTERACTIVE)
        )
        urgent = await encoder.begun()
        for call in held:
            call.answer()
        # Both workers go on, with the interactive windows first, although the third still has its own.
        following = [await encoder.begun(), await encoder.begun()]
        assert all(call.ids[0, 0] >= 50 for call in (urgent, *following))
        encoder.let_go()
        await asyncio.gather(bulk, typed)
        assert is_idle(scheduler)


async def test_what_shares_its_core_tells_nothing_of_the_cost_of_a_batch() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        bulk = asyncio.create_task(scheduler.encode([window(0)], BULK))
        held = await encoder.begun()
        typed = asyncio.create_task(scheduler.encode([window(1, 1)], INTERACTIVE))
        (await encoder.begun()).answer()
        known = scheduler.cost.seconds_per_token, scheduler.cost.seconds_per_call
        await typed
        assert (scheduler.cost.seconds_per_token, scheduler.cost.seconds_per_call) == known
        held.answer()
        await bulk


async def test_work_of_one_priority_goes_in_the_order_it_came() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        tasks = []
        for length in (4, 2, 3, 1):
            tasks.append(asyncio.create_task(scheduler.encode([window(*[length] * length)], STANDARD)))
            await turns()
        encoder.let_go()
        await asyncio.gather(*tasks)
    assert [batch.shape[1] for batch in encoder.batches] == [4, 2, 3, 1]


async def test_starved_work_is_lifted() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        tasks = [asyncio.create_task(scheduler.encode([window(0)], STANDARD))]
        await encoder.begun()
        tasks.append(asyncio.create_task(scheduler.encode([window(1, 1)], BULK)))
        await turns()
        clock.now += 60
        tasks.append(asyncio.create_task(scheduler.encode([window(2, 2, 2)], STANDARD)))
        await turns()
        encoder.let_go()
        await asyncio.gather(*tasks)
    assert [batch[0, 0] for batch in encoder.batches] == [0, 1, 2]


async def test_identical_windows_of_a_call_are_encoded_once() -> None:
    encoder = InstantEncoder()
    windows = [window(7, 8), window(1, 2), window(7, 8), window(7, 8)]
    async with running(encoder) as scheduler:
        answer = await scheduler.encode(windows, STANDARD)
    assert [batch.shape for batch in encoder.batches] == [(2, 2)]
    np.testing.assert_array_equal(answer.rows, expected(windows))


async def test_windows_of_equal_bytes_but_different_ids_are_told_apart() -> None:
    encoder = InstantEncoder()
    async with running(encoder) as scheduler:
        answer = await scheduler.encode([window(1, 0), window(1), window(0, 1)], STANDARD)
    np.testing.assert_array_equal(answer.rows, expected([window(1, 0), window(1), window(0, 1)]))


async def test_a_window_in_the_encoder_serves_a_call_that_comes_later() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(5, 6)], STANDARD))
        call = await encoder.begun()
        second = asyncio.create_task(scheduler.encode([window(5, 6)], BULK))
        await turns()
        call.answer()
        for answer in await asyncio.gather(first, second):
            np.testing.assert_array_equal(answer.rows, expected([window(5, 6)]))
        encoder.let_go()
        await scheduler.encode([window(5, 6)], STANDARD)
    assert len(encoder.batches) == 2  # nothing is kept once it is answered


async def test_a_shared_window_is_as_urgent_as_its_most_urgent_caller() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        tasks = [asyncio.create_task(scheduler.encode([window(0)], BULK))]
        await encoder.begun()
        for ids, caller in (((1, 1), BULK), ((2, 2, 2), BULK), ((2, 2, 2), STANDARD)):
            tasks.append(asyncio.create_task(scheduler.encode([window(*ids)], caller)))
            await turns()
        encoder.let_go()
        await asyncio.gather(*tasks)
    assert [batch[0, 0] for batch in encoder.batches] == [0, 2, 1]


async def test_cancelled_work_that_waits_is_never_encoded() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        kept = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        await encoder.begun()
        gone = asyncio.create_task(scheduler.encode([window(1, 1), window(2, 2, 2)], STANDARD))
        mixed = asyncio.create_task(scheduler.encode([window(1, 1)], STANDARD))
        await turns()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await turns()
        encoder.let_go()
        await asyncio.gather(kept, mixed)
        assert is_idle(scheduler)
    assert [batch.shape for batch in encoder.batches] == [(1, 1), (1, 2)]


async def test_cancelling_during_the_encoder_drops_the_answer_and_goes_on() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        gone = asyncio.create_task(scheduler.encode([window(1), window(2, 2)], STANDARD))
        call = await encoder.begun()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await turns()
        again = asyncio.create_task(scheduler.encode([window(3)], STANDARD))
        call.answer()
        (await encoder.begun()).answer()
        np.testing.assert_array_equal((await again).rows, expected([window(3)]))
        assert is_idle(scheduler)
    assert [batch.tolist() for batch in encoder.batches] == [[[1]], [[3]]]


async def test_work_whose_deadline_passes_in_the_queue_is_not_encoded() -> None:
    encoder, clock, notes = HeldEncoder(), Clock(), Notes()
    async with running(encoder, clock=clock, observer=notes) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        call = await encoder.begun()
        windows = [window(*[length] * length) for length in range(2, 8)]
        late = asyncio.create_task(scheduler.encode(windows, Call(Priority.STANDARD, clock.now + 1)))
        fine = asyncio.create_task(scheduler.encode([window(9, 9)], Call(Priority.BULK, clock.now + 9)))
        await turns()
        clock.now += 2
        call.answer()
        (await encoder.begun()).answer()
        with pytest.raises(DeadlineUnreachableError):
            await late
        await asyncio.gather(first, fine)
        assert is_idle(scheduler)
    assert 9 in encoder.batches[1]
    assert len(encoder.batches) == 2
    assert notes.sheds == [ShedReason.EXPIRED]


async def test_work_whose_deadline_passes_when_it_is_next_is_not_encoded_either() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        call = await encoder.begun()
        late = asyncio.create_task(scheduler.encode([window(1, 1)], Call(Priority.STANDARD, clock.now + 1)))
        await turns()
        assert scheduler.stats().in_flight_windows == 2
        clock.now += 2
        call.answer()
        with pytest.raises(DeadlineUnreachableError):
            await late
        await first
        assert is_idle(scheduler)
    assert len(encoder.batches) == 1


async def test_a_deadline_that_one_caller_misses_does_not_drop_a_shared_window() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        call = await encoder.begun()
        hasty = Call(Priority.STANDARD, clock.now + 1)
        late = asyncio.create_task(scheduler.encode([window(2, 2, 2), window(1, 1)], hasty))
        patient = asyncio.create_task(scheduler.encode([window(1, 1)], BULK))
        await turns()
        clock.now += 2
        call.answer()
        encoder.let_go()
        with pytest.raises(DeadlineUnreachableError):
            await late
        np.testing.assert_array_equal((await patient).rows, expected([window(1, 1)]))
        await first
    assert [batch.shape for batch in encoder.batches] == [(1, 1), (1, 2)]


async def test_a_shared_window_is_dropped_once_nobody_left_can_use_it() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        call = await encoder.begun()
        hasty = asyncio.create_task(scheduler.encode([window(1, 1)], Call(deadline=clock.now + 1)))
        patient = asyncio.create_task(scheduler.encode([window(1, 1)], STANDARD))
        await turns()
        patient.cancel()
        await turns()
        clock.now += 2
        call.answer()
        with pytest.raises(DeadlineUnreachableError):
            await hasty
        await first
        assert is_idle(scheduler)
    assert len(encoder.batches) == 1


async def test_who_joins_an_urgent_window_whose_first_caller_is_late_gets_its_answer() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        bulk = asyncio.create_task(scheduler.encode([window(0)], BULK))
        held = [await encoder.begun()]
        first = asyncio.create_task(scheduler.encode([window(1)], INTERACTIVE))
        held.append(await encoder.begun())
        hasty = Call(Priority.INTERACTIVE, clock.now + 1)
        late = asyncio.create_task(scheduler.encode([window(2, 2)], hasty))
        await turns()
        # Staged behind the one that runs; urgent batches are not taken back.
        patient = asyncio.create_task(scheduler.encode([window(2, 2)], INTERACTIVE))
        await turns()
        clock.now += 2
        encoder.let_go()
        np.testing.assert_array_equal((await patient).rows, expected([window(2, 2)]))
        await asyncio.gather(bulk, first)
        await asyncio.gather(late, return_exceptions=True)
        assert is_idle(scheduler)


async def test_a_call_that_fails_and_is_cancelled_in_one_turn_leaves_no_complaint() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        task = asyncio.create_task(scheduler.encode([window(1)], STANDARD))
        await encoder.begun()
        (pending,) = scheduler._calls
        scheduler._dispatcher.abandon(pending, EncodingFailedError())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del pending, task
        gc.collect()
    assert complaints == []


async def test_an_encoder_that_fails_fails_the_calls_of_that_batch_only() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        blocking = asyncio.create_task(scheduler.encode([window(0)], STANDARD))
        call = await encoder.begun()
        both = [
            asyncio.create_task(scheduler.encode([window(*[n] * size) for size in (2, 3, 5)], STANDARD))
            for n in (1, 2)
        ]
        spared = asyncio.create_task(scheduler.encode([window(3, 3, 3, 3)], STANDARD))
        await turns()
        call.answer()
        call = await encoder.begun()
        assert call.ids.shape == (2, 2)
        call.fail(MemoryError("a secret"))
        encoder.let_go()
        await asyncio.gather(blocking, spared)
        for task in both:
            with pytest.raises(EncodingFailedError) as failed:
                await task
            assert "secret" not in str(failed.value)
            assert isinstance(failed.value.__cause__, MemoryError)
        assert is_idle(scheduler)
    # What only the failed calls wanted was withdrawn, unless the worker had it already.
    shapes = [batch.shape for batch in encoder.batches if batch.shape != (2, 3)]
    assert shapes == [(1, 1), (2, 2), (1, 4)]


async def test_a_worker_lives_on_after_its_encoder_failed() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        task = asyncio.create_task(scheduler.encode([window(1)], STANDARD))
        (await encoder.begun()).fail(SystemExit())
        with pytest.raises(EncodingFailedError):
            await task
        encoder.let_go()
        await scheduler.encode([window(1)], STANDARD)


async def test_an_encoder_that_loses_rows_is_a_failure() -> None:
    class Short(InstantEncoder):
        def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
            return super().encode(ids)[1:]

    async with running(Short()) as scheduler:
        with pytest.raises(EncodingFailedError):
            await scheduler.encode([window(1), window(2)], STANDARD)


async def test_as_many_batches_are_encoded_at_once_as_there_are_workers() -> None:
    encoder = HeldEncoder()
    async with running(encoder, workers=3) as scheduler:
        windows = [window(*[length] * length) for length in range(1, 7)]
        task = asyncio.create_task(scheduler.encode(windows, STANDARD))
        calls = [await encoder.begun() for _ in range(3)]
        await turns()
        assert len(encoder.batches) == 3
        assert scheduler.stats().in_flight_windows == 6
        for call in calls:
            call.answer()
        encoder.let_go()
        await task


async def test_stats_tell_what_waits_and_what_is_held() -> None:
    encoder = HeldEncoder()
    async with running(encoder) as scheduler:
        with scheduler.admit(100, BULK):
            windows = [window(*[length] * length) for length in range(1, 6)]
            task = asyncio.create_task(scheduler.encode(windows, BULK))
            await encoder.begun()
            stats = scheduler.stats()
            assert stats.queued_windows == {Priority.INTERACTIVE: 0, Priority.STANDARD: 0, Priority.BULK: 3}
            assert stats.queued_tokens[Priority.BULK] == 3 + 4 + 5
            assert (stats.in_flight_windows, stats.in_flight_tokens) == (2, 1 + 2)
            assert stats.admitted_tokens[Priority.BULK] == 100
            assert (stats.admissions, stats.calls, stats.waiting_admissions) == (1, 1, 0)
            encoder.let_go()
            await task
        assert is_idle(scheduler)


async def test_the_observer_hears_of_batches_and_waits() -> None:
    notes = Notes()
    async with running(InstantEncoder(), observer=notes) as scheduler:
        await scheduler.encode([window(1, 2), window(3, 4), window(5)], INTERACTIVE)
    assert sorted(notes.batches) == [(1, 1, 1), (2, 4, 4)]
    assert [priority for _, priority in notes.waits] == [Priority.INTERACTIVE]


async def test_time_in_the_queue_is_told_from_time_in_the_encoder() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, clock=clock) as scheduler:
        first = asyncio.create_task(scheduler.encode([window(1)], STANDARD))
        call = await encoder.begun()
        second = asyncio.create_task(scheduler.encode([window(2, 2)], STANDARD))
        await turns()
        clock.now += 3
        call.answer()
        call = await encoder.begun()
        clock.now += 2
        call.answer()
        alone, behind = await asyncio.gather(first, second)
    assert (alone.queue_us, alone.infer_us) == (0, 3_000_000)
    assert (behind.queue_us, behind.infer_us) == (3_000_000, 2_000_000)


async def test_time_in_two_encoders_at_once_counts_once() -> None:
    encoder, clock = HeldEncoder(), Clock()
    async with running(encoder, workers=2, clock=clock) as scheduler:
        task = asyncio.create_task(scheduler.encode([window(1), window(2, 2)], STANDARD))
        calls = [await encoder.begun() for _ in range(2)]
        clock.now += 1
        for call in calls:
            call.answer()
        assert (await task).infer_us == 1_000_000


async def test_a_warm_up_teaches_what_encoding_costs() -> None:
    clock = Clock()

    class Slow(InstantEncoder):
        def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
            clock.now += 1.0 if len(self.batches) < 5 else 0.001 * ids.size  # the first calls allocate
            return super().encode(ids)

    encoder = Slow()
    async with running(encoder, clock=clock) as scheduler:
        await scheduler.warm_up((4, 8, 16, 32, 64))
        assert scheduler.cost.seconds_per_token == pytest.approx(0.001, rel=0.3)
        assert is_idle(scheduler)
    assert {batch.shape for batch in encoder.batches} == {(128, 4), (64, 8), (32, 16), (16, 32), (8, 64)}


class _Real:
    """A small encoder of matrices: embeddings, one attention, one mean."""

    def __init__(self) -> None:
        draw = np.random.default_rng(3)
        self._embeddings = draw.normal(size=(50, 16)).astype(np.float32)
        self._mix = draw.normal(size=(16, 8)).astype(np.float32)

    def encode(self, ids: NDArray[np.int64], /) -> NDArray[np.float32]:
        states = self._embeddings[ids]
        scores = np.exp(np.tanh(states @ states.transpose(0, 2, 1)))
        states = scores / scores.sum(axis=2, keepdims=True) @ states
        pooled: NDArray[np.float32] = (states @ self._mix).mean(axis=1)
        return pooled


async def test_a_window_has_one_answer_alone_and_in_company() -> None:
    encoder = _Real()
    draw = np.random.default_rng(5)
    notes = [[draw.integers(0, 50, draw.integers(4, 21)) for _ in range(30)] for _ in range(6)]
    async with running(encoder, workers=2) as scheduler:
        answers = await asyncio.gather(
            *(scheduler.encode(note, Call(Priority(n % 3))) for n, note in enumerate(notes))
        )
        assert is_idle(scheduler)
    for note, answer in zip(notes, answers, strict=True):
        alone = np.concatenate([encoder.encode(one[None, :]) for one in note])
        np.testing.assert_allclose(answer.rows, alone, rtol=1e-5, atol=1e-6)


async def test_an_encode_before_the_start_is_a_mistake() -> None:
    scheduler = Scheduler(InstantEncoder(), workers=1)
    with pytest.raises(RuntimeError, match="start"):
        await scheduler.encode([window(1)], STANDARD)
    await scheduler.stop(STUCK_S)


@pytest.mark.parametrize("setting", ["workers", "batch_tokens", "max_queued_tokens"])
async def test_settings_below_one_are_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        Scheduler(InstantEncoder(), **{"workers": 1, setting: 0})  # type: ignore[arg-type]
