"""Nearest rows by inner product, among the rows that a mask allows.

`ExactIndex` is the reference in NumPy; `FaissIndex` must give the same rows, faster.
"""

from __future__ import annotations

from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.spec import Vectors

Mask = NDArray[np.bool_]
"""bool (rows,): True where a row may be found."""
Hits = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows (m,) and their cosines (m,), best first, m <= k."""


class Index(Protocol):
    """Rows of unit vectors that can be searched."""

    def search(self, vector: NDArray[np.float32], mask: Mask, k: int) -> Hits:
        """Up to `k` allowed rows nearest to the unit `vector` (dim,); ties by row number."""


class ExactIndex:
    """The reference: computes every inner product."""

    def __init__(self, vectors: Vectors) -> None:
        """Keep `vectors` (rows, dim), unit length."""
        self._vectors = vectors

    def search(self, vector: NDArray[np.float32], mask: Mask, k: int) -> Hits:
        """See `Index.search`."""
        rows = np.flatnonzero(mask)  # (allowed,)
        cosines = self._vectors[rows] @ vector  # (allowed,)
        best = np.argsort(-cosines, kind="stable")[:k]  # (m,)
        return rows[best].astype(np.int64), cosines[best].astype(np.float32)


class FaissIndex:
    """FAISS flat inner-product index; the mask is applied inside the search."""

    def __init__(self, vectors: Vectors) -> None:
        """Build the index of `vectors` (rows, dim), unit length."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def search(self, vector: NDArray[np.float32], mask: Mask, k: int) -> Hits:
        """See `Index.search`."""
        allowed = int(mask.sum())
        if not allowed:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        bits = np.packbits(mask, bitorder="little")  # (rows / 8,)
        only = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg,arg-type]
        cosines, rows = self._index.search(vector[None, :], min(k, allowed), params=only)
        return rows[0], cosines[0]
