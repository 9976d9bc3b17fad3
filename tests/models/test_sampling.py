"""The batch of a step: drawn by seed and number alone, with what tells its concepts apart."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.training.sampling import (
    ANCHORS,
    EMPTY,
    LINES,
    LINKED,
    NEIGHBOURS,
    PLAIN,
    RARE_TIMES,
    WINDOWS,
    Sampler,
    Step,
    varied,
)
from bertillon_models.training.stems import Stems
from bertillon_server.coding.heads import ASSERTIONS
from bertillon_server.coding.vocabulary import Assertion
from small_learning import TITLES, small_bank, small_sampler, small_tokenizer, small_windows

WORDS = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=9),
        st.sampled_from(["unspecified", "Unspecified", "NOS", ",", "heart"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def stems() -> Stems:
    return Stems(TITLES)


@pytest.fixture
def sampler(tmp_path: Path, stems: Stems) -> Sampler:
    return small_sampler(small_tokenizer(tmp_path), stems)


def read(step: Step) -> tuple[object, ...]:
    """Return all of a step as values that can be compared."""
    return (
        [(window.ids.tolist(), window.tags.tolist(), window.mentions) for window in step.windows],
        step.anchors,
        step.texts,
        step.text_stems,
        step.text_codes,
        step.candidates,
    )


def test_a_step_depends_on_seed_and_number_alone(tmp_path: Path, sampler: Sampler) -> None:
    tokenizer = small_tokenizer(tmp_path)
    steps = {number: read(sampler.step(number)) for number in range(6)}
    random.seed(7)
    again = small_sampler(tokenizer, Stems(TITLES))
    assert {number: read(again.step(number)) for number in (5, 3, 0)} == {n: steps[n] for n in (5, 3, 0)}
    assert len({str(step) for step in steps.values()}) == len(steps)
    assert read(small_sampler(tokenizer, Stems(TITLES), seed=2).step(0)) != steps[0]


def test_drawing_leaves_the_generator_of_others_as_it_is(sampler: Sampler) -> None:
    before = random.getstate()
    sampler.step(1)
    assert random.getstate() == before


def test_every_anchor_has_a_term_of_its_concept_among_the_candidates_where_there_is_another(
    sampler: Sampler, stems: Stems
) -> None:
    bank = small_bank(stems)
    single = {stem for stem, places in bank.of_stem.items() if len(places) == 1}
    for number in range(20):
        step = sampler.step(number)
        there = {int(bank.stems[place]) for place in step.candidates}
        assert {anchor.stem for anchor in step.anchors if anchor.stem >= 0} <= there
        # A term is not its own answer.
        assert set(step.text_stems) <= there | single


def test_every_anchor_has_terms_of_its_category_among_the_candidates(sampler: Sampler, stems: Stems) -> None:
    bank = small_bank(stems)
    for number in range(20):
        step = sampler.step(number)
        categories = {bank.codes[place][:3] for place in step.candidates}
        assert {code[:3] for code in step.text_codes} <= categories
        assert {anchor.code[:3] for anchor in step.anchors if anchor.stem >= 0} <= categories
        assert len(set(step.candidates)) == len(step.candidates)
        assert set(step.candidates) <= set(range(len(bank.texts)))


def test_texts_are_drawn_as_neighbours_of_one_category(sampler: Sampler) -> None:
    step = sampler.step(3)
    for begin in range(0, len(step.text_codes), NEIGHBOURS):
        assert len({code[:3] for code in step.text_codes[begin : begin + NEIGHBOURS]}) == 1
    # A category with fewer terms than that is never asked for.
    assert "R07" not in {code[:3] for number in range(20) for code in sampler.step(number).text_codes}


def test_anchors_are_mentions_of_their_window_or_stretches_that_name_nothing(sampler: Sampler) -> None:
    for number in range(20):
        step = sampler.step(number)
        for row, window in enumerate(step.windows):
            own = [anchor for anchor in step.anchors if anchor.row == row]
            named = [anchor for anchor in own if anchor.stem >= 0]
            assert len(named) == min(LINKED, len(window.mentions))
            assert {(a.first, a.last, a.stem, a.code) for a in named} <= {
                (m.first, m.last, m.stem, m.code) for m in window.mentions
            }
            nothing = [anchor for anchor in own if anchor.stem < 0]
            assert len(nothing) == (EMPTY if (window.tags == 0).any() else 0)
            for anchor in nothing:
                assert anchor.first < anchor.last
                assert not window.tags[anchor.first : anchor.last].any()


def test_windows_that_name_nothing_are_looked_at_as_well(tmp_path: Path) -> None:
    stems = Stems(TITLES)
    notes, lines = small_windows(small_tokenizer(tmp_path), stems)
    plain = [window for window in notes if not window.mentions]
    assert plain
    step = Sampler(notes, lines, small_bank(stems), 1).step(0)
    assert any(np.array_equal(window.ids, plain[0].ids) for window in step.windows)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_larger_batch_is_so_many_times_as_many_windows_fragments_and_terms(
    tmp_path: Path, batch: int
) -> None:
    stems = Stems(TITLES)
    notes, lines = small_windows(small_tokenizer(tmp_path), stems)
    step = Sampler(list(notes) * 40, list(lines) * 40, small_bank(stems), 1, batch).step(0)
    assert len(step.windows) == batch * (WINDOWS + PLAIN + LINES)
    assert sum(not window.mentions for window in step.windows[: -batch * LINES]) == batch * PLAIN
    assert len(step.texts) == batch * ANCHORS


def test_windows_with_a_rare_assertion_are_drawn_several_times_as_often(tmp_path: Path) -> None:
    stems = Stems(TITLES)
    notes, _ = small_windows(small_tokenizer(tmp_path), stems)
    usual = next(window for window in notes if window.mentions)
    mentions = tuple(replace(m, assertion=ASSERTIONS.index(Assertion.HISTORICAL)) for m in usual.mentions)
    rare = replace(usual, mentions=mentions)
    sampler = Sampler(notes, [usual] * 40 + [rare] * 20, small_bank(stems), 1)
    drawn = [window for number in range(20) for window in sampler.step(number).windows]
    counts = [sum(window is wanted for window in drawn) for wanted in (usual, rare)]
    assert counts[1] / counts[0] == pytest.approx(RARE_TIMES * 20 / 40, rel=0.35)


@given(words=WORDS, seed=st.integers(0, 2**32))
def test_a_text_is_varied_but_never_emptied(words: list[str], seed: int) -> None:
    text = " ".join(words)
    rng = random.Random(seed)
    made = varied(rng, text)
    assert made.strip()
    assert abs(len(made.split()) - len(text.split())) <= len(words)
    assert varied(random.Random(seed), text) == made


def test_variations_are_those_of_a_hurried_writer() -> None:
    text = "Chronic heart failure, unspecified"
    made = {varied(random.Random(seed), text) for seed in range(400)}
    assert {"Chronic heart failure", "chronic heart failure"} <= made
    assert not any("unspecified" in one.lower() and "," in one for one in made)
    orders = {tuple(sorted(one.lower().split())) for one in made}
    assert ("chronic", "failure", "heart") in orders
    # A slip drops, doubles or swaps letters of one word; the first letter stands.
    for words in orders:
        assert [word[0] for word in words] == ["c", "f", "h"]
        assert sum(word not in {"chronic", "heart", "failure"} for word in words) <= 1
    assert len(orders) > 10
