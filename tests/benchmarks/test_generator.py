from __future__ import annotations

import asyncio
import time

import pytest
from benchmarks.load.closed import saturate
from benchmarks.load.generator import GeneratorLagError, run, run_open_loop
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from hypothesis import given
from hypothesis import strategies as st

# Far more than a busy machine is late by: these tests are of what is counted, not of how fast it goes.
PATIENT_S = 30.0


async def answered(index: int) -> Outcome:
    del index
    return Outcome.OK


def test_every_request_is_sent_and_counted_by_how_it_ended() -> None:
    kinds = [Outcome.OK, Outcome.SHED, Outcome.DEADLINE, Outcome.ERROR, Outcome.OK]

    async def send(index: int) -> Outcome:
        return kinds[index]

    ended: list[int] = []
    schedule = [0.0, 0.001, 0.002, 0.003, 0.004]
    result = run(run_open_loop(send, schedule, max_lag_s=PATIENT_S, progress=lambda: ended.append(1)))
    assert result.sent == len(ended) == 5
    assert result.outcomes == {Outcome.OK: 2, Outcome.SHED: 1, Outcome.DEADLINE: 1, Outcome.ERROR: 1}
    assert (result.latency.count, result.refusal.count, result.lag.count) == (2, 1, 5)
    assert [offset for offset, _, _ in result.timeline] == schedule


def test_requests_are_sent_when_due_though_none_before_them_is_answered() -> None:
    everybody = asyncio.Barrier(20)

    async def send(index: int) -> Outcome:
        del index
        await everybody.wait()  # passes only when all 20 are under way at a time
        return Outcome.OK

    async def main() -> int:
        async with asyncio.timeout(30):
            return (await run_open_loop(send, [0.0] * 20, max_lag_s=PATIENT_S)).sent

    assert run(main()) == 20


def test_a_stall_counts_for_all_who_came_while_it_lasted() -> None:
    """A caller that waits would have measured one slow request, and sent the others when the stall was over."""
    schedule = [at / 100 for at in range(20)]

    async def main() -> list[tuple[float, float]]:
        over = asyncio.Event()

        async def send(index: int) -> Outcome:
            if index == len(schedule) - 1:
                over.set()
            await over.wait()
            return Outcome.OK

        result = await run_open_loop(send, schedule, max_lag_s=PATIENT_S)
        return [(due, took) for due, _, took in result.timeline]

    assert all(took >= schedule[-1] - due for due, took in run(main()))


def test_a_run_fails_when_the_generator_itself_was_held_up() -> None:
    async def send(index: int) -> Outcome:
        if index == 0:
            time.sleep(0.2)  # noqa: ASYNC251 - blocks the loop, as a generator does that computes too much
        return Outcome.OK

    with pytest.raises(GeneratorLagError, match="could not keep up") as caught:
        run(run_open_loop(send, [0.0, 0.001, 0.002]))
    assert caught.value.result.sent == 3
    # What the generator was late by is in the latencies too: they count from when a request was due.
    assert caught.value.result.latency.percentile(100) >= 0.15


def test_what_is_refused_counts_as_late() -> None:
    async def send(index: int) -> Outcome:
        return Outcome.SHED if index % 4 == 0 else Outcome.OK

    result = run(run_open_loop(send, [0.0] * 8, max_lag_s=PATIENT_S))
    assert result.served_share(objective_s=60) == 0.75


def test_a_capacity_is_not_told_of_a_server_that_refuses() -> None:
    async def refused(index: int) -> Outcome:
        del index
        return Outcome.SHED

    assert asyncio.run(saturate(answered, requests=10, side_by_side=3)) > 0
    with pytest.raises(RuntimeError, match="only 0 of 10"):
        asyncio.run(saturate(refused, requests=10, side_by_side=3))


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=50), st.floats(0, 100))
def test_latencies_are_kept_to_three_digits_and_survive_being_written(
    values: list[float], limit: float
) -> None:
    kept = Latencies.decoded(Latencies(values).encoded())
    assert kept.count == len(values)
    assert kept.percentile(100) == pytest.approx(max(values), rel=2e-3, abs=1e-6)
    assert kept.curve()[-1][1] == 1.0
    surely = sum(value < limit * 0.998 - 2e-6 for value in values)
    maybe = sum(value <= limit * 1.002 + 2e-6 for value in values)
    assert surely <= kept.within(limit) <= maybe
