"""Makes cosines comparable: a linear map that evens out what phrasings of one answer differ in.

Vectors of a sentence encoder fill a narrow cone, where every cosine is about 0.85. Centred and
divided by the spread *within* answers, directions that only tell wordings apart count little and
those that tell answers apart count much. Within-class covariance normalisation: Hatch, Kajarekar &
Stolcke 2006 (Interspeech), section 3; for sentence vectors compare Su et al. 2021
(arXiv:2103.15316).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.spec import Vectors

SHRINKAGE = 5.0  # of the covariance towards its mean variance; chosen on knowledge/eval/dev
MAX_ROWS = 20_000  # enough to know a covariance of some hundred dimensions


@dataclass(frozen=True, slots=True)
class Whitening:
    """An affine map on vectors, followed by scaling to unit length."""

    mean: NDArray[np.float32]  # (dim,)
    matrix: NDArray[np.float32]  # (dim, dim)

    def apply(self, vectors: Vectors) -> Vectors:
        """Unit vectors (n, dim) of `vectors` (n, dim)."""
        mapped = ((vectors - self.mean) @ self.matrix).astype(np.float32)  # (n, dim)
        return unit(mapped)


def fit(vectors: Vectors, groups: Sequence[str]) -> Whitening:
    """The map for `vectors` (n, dim), of which those with an equal group belong together.

    With few rows the shrinkage leaves little more than the centring.
    """
    if len(vectors) > MAX_ROWS:
        some = np.linspace(0, len(vectors) - 1, MAX_ROWS).astype(int)
        vectors, groups = vectors[some], [groups[i] for i in some]
    _, place = np.unique(np.array(groups), return_inverse=True)
    within = vectors - centres(vectors, place)[place]  # (n, dim)
    covariance = within.T @ within / len(vectors)  # (dim, dim)
    variances, axes = np.linalg.eigh(covariance.astype(np.float64))
    floor = SHRINKAGE * max(float(variances.mean()), 1e-9)
    matrix = axes / np.sqrt(np.maximum(variances, 0) + floor)  # (dim, dim)
    return Whitening(vectors.mean(axis=0), matrix.astype(np.float32))


def centres(vectors: Vectors, place: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean vector of each group (groups, dim); `place` (n,) numbers the groups from 0."""
    sums: NDArray[np.float32] = np.zeros((int(place.max()) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, place, vectors)
    sums /= np.bincount(place)[:, None]
    return sums


def unit(vectors: NDArray[np.float32]) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, 1)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return scaled.astype(np.float32)
