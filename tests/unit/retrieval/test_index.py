"""FAISS gives what the exact reference gives, under any mask."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import index
from retrieval.index import Allowed, ClusterIndex, ExactIndex, FaissIndex, true_neighbours

DIM = 32


def unit_vectors(rows: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(rows, DIM))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(unit, np.float32)


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 100, 1003])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("k", [1, 10, 2000])
def test_faiss_equals_the_reference(rows: int, share: float, k: int) -> None:
    vectors = unit_vectors(rows, seed=rows)
    exact, faiss = ExactIndex(vectors), FaissIndex(vectors)
    mask = np.random.default_rng(k).random(rows) < share
    for query in unit_vectors(5, seed=99):
        wanted_rows, wanted_cosines = exact.search(query, Allowed(mask), k)
        found_rows, found_cosines = faiss.search(query, Allowed(mask), k)
        np.testing.assert_array_equal(found_rows, wanted_rows)
        np.testing.assert_allclose(found_cosines, wanted_cosines, atol=1e-5)
        assert len(found_rows) == min(k, mask.sum())
        assert mask[found_rows].all()


@pytest.mark.parametrize("kind", [ExactIndex, FaissIndex])
def test_the_row_itself_is_nearest(kind: type[ExactIndex | FaissIndex]) -> None:
    vectors = unit_vectors(50, seed=1)
    rows, cosines = kind(vectors).search(vectors[17], Allowed(np.ones(50, np.bool_)), 3)
    assert rows[0] == 17
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert list(cosines) == sorted(cosines, reverse=True)
    assert rows.dtype == np.int64
    assert cosines.dtype == np.float32


@pytest.mark.parametrize("kind", [ExactIndex, FaissIndex])
def test_an_empty_mask_gives_nothing(kind: type[ExactIndex | FaissIndex]) -> None:
    vectors = unit_vectors(9, seed=1)
    rows, cosines = kind(vectors).search(vectors[0], Allowed(np.zeros(9, np.bool_)), 3)
    assert (len(rows), len(cosines)) == (0, 0)


@pytest.fixture(scope="module")
def crowded() -> NDArray[np.float32]:
    """12,000 vectors around 300 centres, as texts lie around their topics."""
    dice = np.random.default_rng(5)
    centres = unit_vectors(300, seed=3)[dice.integers(300, size=12_000)]
    rows = centres + dice.normal(0, 0.08, (12_000, DIM))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def clustered(crowded: NDArray[np.float32]) -> ClusterIndex:
    """The index of `crowded`."""
    return ClusterIndex(crowded)


def test_the_clusters_find_nearly_all_and_know_how_nearly(
    crowded: NDArray[np.float32], clustered: ClusterIndex
) -> None:
    assert clustered.recall >= index.RECALL
    exact, everything = ExactIndex(crowded), Allowed(np.ones(len(crowded), np.bool_))
    hits = 0
    for query in crowded[::400]:
        true, _ = exact.search(query, everything, 10)
        rows, cosines = clustered.search(query, everything, 10)
        hits += len(np.intersect1d(true, rows))
        np.testing.assert_allclose(cosines, crowded[rows] @ query, atol=1e-5)
    assert hits >= 0.97 * 10 * len(crowded[::400])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.6])
def test_the_clusters_give_k_allowed_rows_where_there_are_k(
    crowded: NDArray[np.float32], clustered: ClusterIndex, share: float
) -> None:
    mask = np.random.default_rng(9).random(len(crowded)) < share
    for query in crowded[::3000]:
        rows, _ = clustered.search(query, Allowed(mask), 50)
        assert len(rows) == min(50, mask.sum())
        assert mask[rows].all()


def test_all_neighbours_are_true_piece_by_piece(crowded: NDArray[np.float32]) -> None:
    asked = crowded[:3]
    found = true_neighbours(crowded, asked)
    exact, everything = ExactIndex(crowded), Allowed(np.ones(len(crowded), np.bool_))
    for query, rows in zip(asked, found, strict=True):
        assert set(rows.tolist()) == set(exact.search(query, everything, 10)[0].tolist())


def test_the_size_chooses_the_index(crowded: NDArray[np.float32]) -> None:
    assert isinstance(index.choose(crowded[:100]), FaissIndex)
    assert isinstance(index.choose(crowded), ClusterIndex)
