"""The map that makes cosines comparable."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import whitening


def cone(groups: int, each: int, dim: int = 16) -> tuple[NDArray[np.float32], list[str]]:
    """Unit vectors of a narrow cone; one direction tells only the phrasings of a group apart."""
    chance = np.random.default_rng(1)
    rows, names = [], []
    for group in range(groups):
        centre = np.full(dim, 3.0) + chance.normal(0, 0.5, dim)
        for _ in range(each):
            noise = np.zeros(dim)
            noise[0] = chance.normal(0, 3.0)
            rows.append(centre + noise)
            names.append(str(group))
    return whitening.unit(np.array(rows, np.float32)), names


def test_shapes_and_unit_length() -> None:
    vectors, groups = cone(10, 5)
    fitted = whitening.fit(vectors, groups)
    assert (fitted.mean.shape, fitted.matrix.shape) == ((16,), (16, 16))
    mapped = fitted.apply(vectors[:7])
    assert mapped.shape == (7, 16)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-5)


def test_phrasings_of_one_answer_come_closer_than_those_of_others() -> None:
    vectors, groups = cone(20, 5)
    mapped = whitening.fit(vectors, groups).apply(vectors)
    same = np.equal.outer(groups, groups) & ~np.eye(len(groups), dtype=bool)
    other = ~np.equal.outer(groups, groups)

    def gap(rows: NDArray[np.float32]) -> float:
        cosines = rows @ rows.T  # (n, n)
        return float((cosines[same].mean() - cosines[other].mean()) / cosines[other].std())

    assert gap(mapped) > gap(vectors) + 0.5
    assert abs((mapped @ mapped.T)[other].mean()) < 0.1 < (vectors @ vectors.T)[other].mean()


@pytest.mark.parametrize("rows", [1, 2])
def test_a_tiny_corpus_gives_finite_vectors(rows: int) -> None:
    vectors, groups = cone(rows, 1)
    mapped = whitening.fit(vectors, groups).apply(vectors)
    assert mapped.shape == (rows, 16)
    assert np.isfinite(mapped).all()


def test_more_rows_than_are_needed_are_thinned_out_and_map_alike() -> None:
    vectors, groups = cone(whitening.MAX_ROWS // 5 + 100, 5)
    some = vectors[:300]
    thinned = whitening.fit(vectors, groups).apply(some)
    whole = whitening.fit(vectors[:-500], groups[:-500]).apply(some)
    assert np.abs(thinned @ thinned.T - whole @ whole.T).max() < 0.05


def test_centres_are_the_means_of_the_groups() -> None:
    vectors = np.array([[1, 0], [3, 0], [0, 4]], np.float32)
    np.testing.assert_allclose(
        whitening.centres(vectors, np.array([0, 0, 1])), [[2, 0], [0, 4]], atol=1e-6
    )


def test_a_zero_row_stays_zero() -> None:
    rows = whitening.unit(np.array([[0, 0], [3, 4]], np.float32))
    np.testing.assert_allclose(rows, np.array([[0, 0], [0.6, 0.8]], np.float32), atol=1e-6)
