"""How well vectors find the group of a question that they did not learn from; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval import whitening
from retrieval.encoders.spec import Vectors

DEPTH = 10  # places that count
AT_ONCE = 256
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How often and how high the right group stands."""

    first: float
    """Share of the questions whose group stands first, 0 to 1."""
    mrr: float
    """Mean reciprocal rank within the first ten, 0 to 1."""
    questions: int


def judge(pool: Vectors, groups: Ints, asked: Vectors, gold: Ints) -> Figures:
    """Rank the groups of `pool` for each question by their nearest text.

    Args:
        pool: (n, dim) the texts that are searched; centred here, as search does it.
        groups: (n,) the group of each.
        asked: (m, dim) questions.
        gold: (m,) the group of each.
    """
    centre = pool.mean(axis=0)
    pool, asked = whitening.unit(pool - centre), whitening.unit(asked - centre)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    names = groups[order][starts]  # (groups,)
    place = {int(name): i for i, name in enumerate(names)}
    ranks = np.empty(len(asked), np.int64)
    for start in range(0, len(asked), AT_ONCE):
        near = asked[start : start + AT_ONCE] @ pool[order].T  # (some, n)
        best = np.maximum.reduceat(near, starts, axis=1)  # (some, groups)
        right = best[np.arange(len(best)), [place[int(g)] for g in gold[start : start + AT_ONCE]]]
        ranks[start : start + AT_ONCE] = (best > right[:, None]).sum(1) + 1
    reciprocal = np.where(ranks <= DEPTH, 1 / ranks, 0)
    return Figures(
        first=float((ranks == 1).mean()), mrr=float(reciprocal.mean()), questions=len(asked)
    )


def hard_negatives(
    vectors: Vectors, groups: Ints, *, count: int, below: float, depth: int = 60
) -> list[Sequence[int]]:
    """For each text the nearest ones of other groups, without those that are suspiciously near.

    What is nearer than `below` times the cosine to the farthest text of the own group is often
    right, only unlabelled (positive-aware mining, Moreira et al. 2024, arXiv:2407.15831).

    Args:
        vectors: (n, dim).
        groups: (n,) the group of each.
        count: how many for each text.
        below: share of the cosine to the own group.
        depth: how many neighbours are looked at.
    """
    import faiss

    centred = np.ascontiguousarray(whitening.unit(vectors - vectors.mean(axis=0)))
    flat = faiss.IndexFlatIP(centred.shape[1])
    flat.add(centred)
    cosines, rows = flat.search(centred, min(depth, len(centred)))
    own = _nearest_of_own_group(centred, groups)
    found: list[Sequence[int]] = []
    for row, (near, names) in enumerate(zip(cosines, rows, strict=True)):
        usable = (groups[names] != groups[row]) & (near < below * own[row])
        found.append(names[usable][:count].tolist())
    return found


def _nearest_of_own_group(vectors: Vectors, groups: Ints) -> NDArray[np.float32]:
    """(n,) cosine to the nearest other text of the own group; 1 for a text that is alone."""
    own = np.ones(len(vectors), np.float32)
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(rows) > 1:
            near = vectors[rows] @ vectors[rows].T
            np.fill_diagonal(near, -1)
            own[rows] = near.max(1)
    return own
