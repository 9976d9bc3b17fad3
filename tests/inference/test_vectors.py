"""Search returns the true nearest, in a fixed order, whatever else is searched with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertillon_models.vectors import write_vectors
from bertillon_server.inference.vectors import PART, RESCORE_MARGIN, VectorIndex

Floats = NDArray[np.float32]
ROWS, DIMENSIONS = 3000, 48


def _unit(count: int, seed: int) -> Floats:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _index(vectors: Floats, folder: Path) -> VectorIndex:
    rows, scales, graph, axes = write_vectors(vectors, folder)
    return VectorIndex.from_files(graph=graph, vectors=rows, scales=scales, axes=axes)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    return _index(_unit(ROWS, seed=0), tmp_path_factory.mktemp("index"))


def test_the_nearest_are_those_of_a_full_search_in_fp32(index: VectorIndex) -> None:
    stored = _unit(ROWS, seed=0)
    stored = np.rint(stored / np.abs(stored).max(axis=1, keepdims=True) * 127)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    queries = _unit(200, seed=1)
    rows, scores = index.search(queries, k=10)
    cosines = queries @ stored.T
    np.testing.assert_array_equal(rows, np.argsort(-cosines, axis=1)[:, :10])
    np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :10], atol=1e-5)


def test_results_have_the_promised_types_and_order(index: VectorIndex) -> None:
    rows, scores = index.search(_unit(3, seed=2), k=7)
    assert (rows.shape, rows.dtype) == ((3, 7), np.dtype(np.int32))
    assert (scores.shape, scores.dtype) == ((3, 7), np.dtype(np.float32))
    assert (np.diff(scores, axis=1) <= 0).all()


@given(count=st.integers(1, 40), place=st.integers(0, 39), seed=st.integers(0, 2**16), k=st.integers(1, 20))
def test_a_query_finds_the_same_alone_and_in_company(
    index: VectorIndex, count: int, place: int, seed: int, k: int
) -> None:
    queries = _unit(count, seed)
    place = min(place, count - 1)
    rows, scores = index.search(queries, k)
    alone_rows, alone_scores = index.search(queries[place : place + 1], k)
    np.testing.assert_array_equal(rows[place], alone_rows[0])
    np.testing.assert_array_equal(scores[place], alone_scores[0])


def test_among_equals_the_smaller_row_comes_first(tmp_path: Path) -> None:
    vectors = np.repeat(_unit(2, seed=3), 50, axis=0)
    rows, _ = _index(vectors, tmp_path).search(vectors[:1], k=10)
    assert rows[0].tolist() == list(range(10))


def test_fewer_rows_than_asked_for_are_all_returned(tmp_path: Path) -> None:
    rows, scores = _index(_unit(3, seed=4), tmp_path).search(_unit(2, seed=5), k=10)
    assert sorted(rows[0].tolist()) == [0, 1, 2]
    assert scores.shape == (2, 3)


def test_among_many_equals_the_smaller_row_comes_first(tmp_path: Path) -> None:
    vectors = np.repeat(_unit(2, seed=9), 1000, axis=0)
    rows, _ = _index(vectors, tmp_path).search(vectors[-1:], k=10)
    assert rows[0].tolist() == list(range(1000, 1010))


@pytest.mark.parametrize("count", [PART * 60, PART * 60 + 1, PART * 61 - 1])
def test_no_row_is_found_that_is_not_there(tmp_path: Path, count: int) -> None:
    vectors = _unit(count, seed=10)
    vectors = np.abs(vectors)
    rows, scores = _index(vectors, tmp_path).search(-vectors[:3], k=10)
    assert rows.max() < count
    assert (scores < 0).all()


def test_no_queries_have_no_results(index: VectorIndex) -> None:
    rows, scores = index.search(np.empty((0, DIMENSIONS), np.float32), k=5)
    assert rows.shape == scores.shape == (0, 5)


def test_a_query_without_direction_is_near_nothing(index: VectorIndex) -> None:
    _, scores = index.search(np.zeros((1, DIMENSIONS), np.float32), k=RESCORE_MARGIN)
    assert not scores.any()


def test_similarity_agrees_with_search(index: VectorIndex) -> None:
    query = _unit(1, seed=6)
    rows, scores = index.search(query, k=5)
    np.testing.assert_allclose(index.similarity(query[0], rows[0]), scores[0], atol=1e-6)


def test_threads_share_the_index(index: VectorIndex) -> None:
    queries = [_unit(count, seed=count) for count in range(1, 30)]
    wanted = [index.search(batch, 5)[0] for batch in queries]
    with ThreadPoolExecutor(4) as threads:
        for (rows, _), expected in zip(
            threads.map(lambda batch: index.search(batch, 5), queries), wanted, strict=True
        ):
            np.testing.assert_array_equal(rows, expected)


def test_vectors_and_scales_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    rows, scales, graph, axes = write_vectors(_unit(4, seed=7), tmp_path)
    with pytest.raises(ValueError, match="do not belong together"):
        VectorIndex(graph, np.load(rows), np.load(scales)[:3], np.load(axes))


def test_pickled_vectors_are_refused(tmp_path: Path) -> None:
    rows, scales, graph, axes = write_vectors(_unit(4, seed=8), tmp_path)
    np.save(rows, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"allow_pickle|Python objects"):
        VectorIndex.from_files(graph=graph, vectors=rows, scales=scales, axes=axes)
