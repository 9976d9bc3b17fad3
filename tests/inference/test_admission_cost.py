import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.inference.cost import DECAY, PRIOR, CostModel


def learned(pairs: list[tuple[int, float]], *, workers: int = 1) -> CostModel:
    model = CostModel(workers=workers)
    for tokens, seconds in pairs * 300:
        model.observe(tokens, seconds)
    return model


def test_before_anything_is_measured_the_prior_speaks() -> None:
    model = CostModel(workers=1)
    for tokens, seconds in PRIOR:
        assert model.seconds_per_call + model.seconds_per_token * tokens == pytest.approx(seconds, rel=0.3)


def test_a_line_is_learned_from_batches_of_different_sizes() -> None:
    model = learned([(50, 0.002 + 50e-4), (300, 0.002 + 300e-4)])
    assert model.seconds_per_call == pytest.approx(0.002, rel=0.01)
    assert model.seconds_per_token == pytest.approx((0.004 + 350e-4) / 350, rel=0.01)


def test_batches_of_one_size_leave_all_cost_to_the_tokens() -> None:
    model = learned([(100, 0.01)] * 20)
    assert model.seconds_per_call == pytest.approx(0.0, abs=1e-4)
    assert model.drain_seconds(1000) == pytest.approx(0.1, rel=0.01)


def test_workers_share_a_backlog() -> None:
    pairs = [(64, 0.0064), (512, 0.0512)]
    assert learned(pairs, workers=4).estimate(0, 4000) == pytest.approx(
        learned(pairs).estimate(0, 4000) / 4, rel=0.05
    )


def test_a_slower_machine_shows_within_a_second_of_batches() -> None:
    model = learned([(500, 0.05)])
    for _ in range(40):
        model.observe(500, 0.10)
    assert model.seconds_per_token == pytest.approx(0.0002 - 0.0001 * DECAY**40, rel=0.01)


def test_a_backlog_drains_no_faster_than_the_encoder_can() -> None:
    model = learned([(500, 0.05)])
    for _ in range(200):
        model.observe_pace(1_000, 0.3)
    assert model.drain_seconds(1_000) == pytest.approx(0.3, rel=0.01)
    for _ in range(200):
        model.observe_pace(1_000, 0.01)
    assert model.drain_seconds(1_000) == pytest.approx(0.1, rel=0.01)


def test_a_sentence_done_between_long_notes_says_little_of_the_pace() -> None:
    model = learned([(500, 0.05)])
    model.observe_pace(10, 0.5)
    assert model.drain_seconds(20_000) < 5.0
    for _ in range(200):
        model.observe_pace(5_000, 1.5)
    model.observe_pace(10, 0.5)
    assert model.drain_seconds(20_000) == pytest.approx(6.0, rel=0.2)


def test_forgetting_returns_to_the_prior() -> None:
    model = learned([(500, 5.0)])
    model.forget()
    assert model.seconds_per_token == CostModel(workers=1).seconds_per_token


@given(st.lists(st.tuples(st.integers(1, 2000), st.floats(0.0, 10.0)), max_size=50), st.integers(0, 100_000))
def test_estimates_are_finite_non_negative_and_grow_with_the_backlog(
    observations: list[tuple[int, float]], tokens: int
) -> None:
    model = CostModel(workers=2)
    for size, seconds in observations:
        model.observe(size, seconds)
    assert 0.0 <= model.seconds_per_call < 20.0
    assert 0.0 <= model.estimate(tokens, 0) <= model.estimate(tokens, 1000) < 1e7
