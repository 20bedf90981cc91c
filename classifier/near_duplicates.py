"""Which texts are so alike that a model which learned one knows the other."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALIKE = 0.85  # Jaccard similarity of character trigrams: one changed word in a dozen
LIMIT = 30_000  # texts that are compared with each other; beyond it only equal keys count
ROWS = 1000  # compared with all others at once

_NOT_WORD = re.compile(r"[\W_]+")


def key(text: str) -> str:
    """The same for texts that differ in case, width, punctuation and spaces only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", folded) or folded


def groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """A group number for each of the n `texts`, (n,); near-duplicates share one.

    Texts are alike when their keys are equal or share `ALIKE` of their trigrams; chains of alike
    texts are one group. More than `LIMIT` different keys are compared for equality only.
    """
    return np.array(_groups(tuple(texts)), dtype=np.int64)


@functools.lru_cache(maxsize=2)  # a training asks for its split, its folds and its report
def _groups(texts: tuple[str, ...]) -> tuple[int, ...]:
    places: dict[str, int] = {}
    rows = [places.setdefault(key(text), len(places)) for text in texts]
    if 1 < len(places) <= LIMIT:
        together = _connected(list(places))
        rows = [int(together[row]) for row in rows]
    return tuple(rows)


def pairs(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Places (i, j) where `first[i]` and `second[j]` are near-duplicates, e.g. of train and test.

    Raises:
        ValueError: more than `LIMIT` texts on a side.
    """
    if max(len(first), len(second)) > LIMIT:
        raise ValueError(f"more than {LIMIT} texts")
    if not first or not second:
        return []
    keys = [key(text) for text in (*first, *second)]
    grams = _trigrams(keys)
    found = _alike(grams[: len(first)], grams[len(first) :])
    return sorted((int(i), int(j)) for i, j in found)


def _connected(keys: Sequence[str]) -> NDArray[np.int64]:
    from scipy.sparse import coo_matrix  # noqa: PLC0415 - only training needs it
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    grams = _trigrams(keys)
    edges = np.array(list(_alike(grams, grams)), dtype=np.int64).reshape(-1, 2)
    shape = (len(keys), len(keys))
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=shape)
    labels: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return labels


def _trigrams(keys: Sequence[str]) -> csr_matrix[Any]:
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415

    def cut(text: str) -> list[str]:
        padded = f"_{text[:500]}_"
        return [padded[i : i + 3] for i in range(max(1, len(padded) - 2))]

    counter = CountVectorizer(analyzer=cut, binary=True, dtype=np.float32)
    return counter.fit_transform(keys)


def _alike(first: csr_matrix[Any], second: csr_matrix[Any]) -> Iterator[tuple[np.int64, np.int64]]:
    """Pairs (i, j) of rows whose sets of trigrams are alike."""
    sizes = np.asarray(second.sum(axis=1)).ravel()  # (m,)
    turned = second.T.tocsr()
    for start in range(0, first.shape[0], ROWS):
        some = first[start : start + ROWS]
        shared = (some @ turned).tocoo()
        own = np.asarray(some.sum(axis=1)).ravel()  # (rows,)
        union = own[shared.row] + sizes[shared.col] - shared.data
        hit = shared.data >= ALIKE * union
        yield from zip(shared.row[hit] + start, shared.col[hit], strict=True)
