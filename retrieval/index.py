"""Nearest rows by inner product, among the rows that a mask allows.

`ExactIndex` is the reference in NumPy; `FaissIndex` must give the same rows, faster; `ClusterIndex`
gives nearly the same ones however many there are, and measures how nearly when it is built.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval import clusters
from retrieval.encoders.spec import Vectors

FLAT_ROWS = 8_000  # up to here comparing with every row takes under 1.5 ms
TRAINING_ROWS_PER_CLUSTER = 40
PROBED = 400  # rows of the index that ask for their neighbours to measure the recall
RECALL = 0.985  # aimed at when the number of clusters to look into is chosen
NOISE = 0.35  # length of what is added to a row to make a question of it
RESCORED = 3  # times k: nearest by 8 bits, ordered again by the vectors themselves
SEED = 13

Mask = NDArray[np.bool_]
"""bool (rows,): True where a row may be found."""
Hits = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows (m,) and their cosines (m,), best first, m <= k."""


class Allowed:
    """Rows that a query may find; what is known of them is computed once and kept."""

    def __init__(self, rows: Mask) -> None:
        """Keep the mask (rows,), which must not change any more."""
        self.rows = rows

    @functools.cached_property
    def count(self) -> int:
        """How many rows are allowed."""
        return int(np.count_nonzero(self.rows))

    @functools.cached_property
    def given(self) -> Mapping[str, Any]:
        """What FAISS is given to find only these; nothing when all rows are allowed."""
        if self.count == len(self.rows):
            return {}
        bits = np.packbits(self.rows, bitorder="little")
        return {"sel": faiss.IDSelectorBitmap(bits)}  # type: ignore[call-arg,arg-type]


class Index(Protocol):
    """Rows of unit vectors that can be searched."""

    def search(self, vector: NDArray[np.float32], allowed: Allowed, k: int) -> Hits:
        """Up to `k` allowed rows nearest to the unit `vector` (dim,); ties by row number."""


class ExactIndex:
    """The reference: computes every inner product."""

    def __init__(self, vectors: Vectors) -> None:
        """Keep `vectors` (rows, dim), unit length."""
        self._vectors = vectors

    def search(self, vector: NDArray[np.float32], allowed: Allowed, k: int) -> Hits:
        """See `Index.search`."""
        rows = np.flatnonzero(allowed.rows)  # (allowed,)
        return nearest(self._vectors, vector, rows, k)


class FaissIndex:
    """FAISS flat inner-product index; the mask is applied inside the search."""

    def __init__(self, vectors: Vectors) -> None:
        """Build the index of `vectors` (rows, dim), unit length."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def search(self, vector: NDArray[np.float32], allowed: Allowed, k: int) -> Hits:
        """See `Index.search`."""
        if not allowed.count:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        only = faiss.SearchParameters(**allowed.given) if allowed.given else None
        cosines, rows = self._index.search(vector[None, :], min(k, allowed.count), params=only)
        return rows[0], cosines[0]


class ClusterIndex:
    """FAISS inverted file with 8 bits a dimension; looks into the clusters nearest to the query.

    Few allowed rows are compared exactly, and too few hits make it look into every cluster, so
    that k rows are found wherever k rows are allowed.
    """

    def __init__(self, vectors: Vectors, parts: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Cluster `vectors` (rows, dim), unit length, or take over the `parts` made of them."""
        self._vectors = vectors
        self.recall = 0.0
        """Share of the true 10 nearest rows that it finds, measured on rows with noise."""
        if parts is None:
            self._index = _cluster(vectors)
            self._choose_probes()
        else:
            self._index = clusters.assembled(parts)
            self.recall = float(parts["recall"][0])

    @property
    def probes(self) -> int:
        """How many clusters are looked into."""
        return int(self._index.nprobe)

    def parts(self) -> dict[str, NDArray[Any]]:
        """All that was computed, as plain arrays: `ClusterIndex(vectors, parts)` is this one."""
        return {**clusters.taken_apart(self._index), "recall": np.array([self.recall], np.float32)}

    def search(self, vector: NDArray[np.float32], allowed: Allowed, k: int) -> Hits:
        """See `Index.search`."""
        if allowed.count <= max(FLAT_ROWS // 4, k):
            return nearest(self._vectors, vector, np.flatnonzero(allowed.rows), k)
        rows = self._scan(vector, allowed, RESCORED * k, self.probes)
        if len(rows) < k:
            rows = self._scan(vector, allowed, RESCORED * k, int(self._index.nlist))
        return nearest(self._vectors, vector, rows, k)

    def _scan(
        self, vector: NDArray[np.float32], allowed: Allowed, k: int, probes: int
    ) -> NDArray[np.int64]:
        how = faiss.SearchParametersIVF(nprobe=probes, **allowed.given)  # type: ignore[call-arg]
        _, rows = self._index.search(vector[None, :], k, params=how)
        found: NDArray[np.int64] = rows[0][rows[0] >= 0]
        return found

    def _choose_probes(self) -> None:
        """Double the clusters to look into until enough of the true neighbours are found."""
        noise = np.random.default_rng(SEED)
        some = noise.choice(len(self._vectors), min(PROBED, len(self._vectors)), replace=False)
        rows = self._vectors[np.sort(some)]
        near = rows + noise.normal(0, NOISE / math.sqrt(rows.shape[1]), rows.shape)
        asked = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
        true = true_neighbours(self._vectors, asked)
        self._index.nprobe = 4
        everything = Allowed(np.ones(len(self._vectors), np.bool_))
        while True:
            found = [self.search(vector, everything, 10)[0] for vector in asked]
            hits = [len(np.intersect1d(f, t)) for f, t in zip(found, true, strict=True)]
            self.recall = float(sum(hits) / true.size)
            if self.recall >= RECALL or self._index.nprobe >= self._index.nlist:
                return
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)


def choose(vectors: Vectors) -> Index:
    """An index that suits the number of `vectors` (rows, dim)."""
    return FaissIndex(vectors) if len(vectors) <= FLAT_ROWS else ClusterIndex(vectors)


def nearest(vectors: Vectors, vector: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> Hits:
    """The best `k` of `rows` by their exact cosines."""
    cosines = vectors[rows].astype(np.float32, copy=False) @ vector  # (allowed,)
    best = np.argsort(-cosines, kind="stable")[:k]  # (m,)
    return rows[best].astype(np.int64), cosines[best].astype(np.float32)


def _cluster(vectors: Vectors) -> faiss.IndexIVFScalarQuantizer:
    count = max(16, int(2 * math.sqrt(len(vectors))))
    index = clusters.empty(vectors.shape[1], count)
    index.cp.niter = 8
    wanted = min(len(vectors), count * TRAINING_ROWS_PER_CLUSTER)
    some = np.sort(np.random.default_rng(SEED).choice(len(vectors), wanted, replace=False))
    index.train(np.ascontiguousarray(vectors[some], np.float32))
    for start in range(0, len(vectors), 50_000):  # in pieces: half-precision rows are widened
        index.add(np.ascontiguousarray(vectors[start : start + 50_000], np.float32))
    return index


def true_neighbours(vectors: Vectors, asked: Vectors) -> NDArray[np.int64]:
    """(asked, 10) rows, by comparing with all of them piece by piece."""
    best = np.full((len(asked), 10), -np.inf, np.float32)
    rows = np.zeros((len(asked), 10), np.int64)
    for start in range(0, len(vectors), 50_000):
        piece = vectors[start : start + 50_000].astype(np.float32, copy=False)
        cosines = np.concatenate([best, asked @ piece.T], axis=1)
        places = np.broadcast_to(np.arange(start, start + len(piece)), (len(asked), len(piece)))
        numbers = np.concatenate([rows, places], axis=1)
        top = np.argpartition(-cosines, 9, axis=1)[:, :10]
        best = np.take_along_axis(cosines, top, axis=1)
        rows = np.take_along_axis(numbers, top, axis=1)
    return rows
