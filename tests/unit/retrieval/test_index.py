"""FAISS gives what the exact reference gives, under any mask."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.index import ExactIndex, FaissIndex

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
        wanted_rows, wanted_cosines = exact.search(query, mask, k)
        found_rows, found_cosines = faiss.search(query, mask, k)
        np.testing.assert_array_equal(found_rows, wanted_rows)
        np.testing.assert_allclose(found_cosines, wanted_cosines, atol=1e-5)
        assert len(found_rows) == min(k, mask.sum())
        assert mask[found_rows].all()


@pytest.mark.parametrize("kind", [ExactIndex, FaissIndex])
def test_the_row_itself_is_nearest(kind: type[ExactIndex | FaissIndex]) -> None:
    vectors = unit_vectors(50, seed=1)
    rows, cosines = kind(vectors).search(vectors[17], np.ones(50, np.bool_), 3)
    assert rows[0] == 17
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert list(cosines) == sorted(cosines, reverse=True)
    assert rows.dtype == np.int64
    assert cosines.dtype == np.float32


@pytest.mark.parametrize("kind", [ExactIndex, FaissIndex])
def test_an_empty_mask_gives_nothing(kind: type[ExactIndex | FaissIndex]) -> None:
    vectors = unit_vectors(9, seed=1)
    rows, cosines = kind(vectors).search(vectors[0], np.zeros(9, np.bool_), 3)
    assert (len(rows), len(cosines)) == (0, 0)
