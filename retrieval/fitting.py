"""Fits what search weighs its evidence by: a conditional logit over the candidates of questions.

McFadden 1974. A few hundred questions do not determine eight weights well, so the fit is drawn
towards the weights in use, and whether it is better is said by cross-validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.candidate import Candidate
from retrieval.scoring import Weights

RIDGE = 2e-4  # of the squared distance to the weights in use, beside the mean log-likelihood
FOLDS = 5
FIXED = ("code",)  # too rare in questions to be fitted
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The candidates of one question."""

    parts: Floats
    """(candidates, names): the evidence for each."""
    offset: Floats
    """(candidates,): what is added to the score besides, such as the intent's part."""
    right: NDArray[np.bool_]
    """(candidates,)"""


def example(
    found: Sequence[Candidate], expected: frozenset[str], names: Sequence[str]
) -> Example | None:
    """The candidates with their evidence; None where no right one is among them."""
    right = np.array([candidate.answer.id in expected for candidate in found])
    if not right.any():
        return None
    parts = np.array([[c.parts.get(name, 0.0) for name in names] for c in found])
    offset = np.array([c.parts.get("intent", 0.0) for c in found])
    return Example(parts=parts, offset=offset, right=right)


def fit(examples: Sequence[Example], names: Sequence[str], start: Weights) -> dict[str, float]:
    """The weights, none below 0, that make the right candidates most likely.

    Args:
        examples: of some hundred questions.
        names: of the parts.
        start: the weights in use, by name; what is not among `names` is kept.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - a second to import

    before = np.array([start.get(name, 0.0) for name in names])
    bounds = [(w, w) if name in FIXED else (0, None)
              for name, w in zip(names, before, strict=True)]  # fmt: skip
    found = minimize(
        _loss, before, args=(examples, before), jac=True, method="L-BFGS-B", bounds=bounds
    )
    fitted = {name: round(float(w), 2) for name, w in zip(names, found.x, strict=True)}
    return {**start, **fitted}


def first(examples: Sequence[Example], names: Sequence[str], weights: Weights) -> float:
    """Share of the questions of which a right candidate stands first, 0 to 1."""
    used = np.array([weights.get(name, 0.0) for name in names])
    return float(np.mean([e.right[np.argmax(e.parts @ used + e.offset)] for e in examples]))


def cross_validated(examples: Sequence[Example], names: Sequence[str], start: Weights) -> float:
    """The share of first places that weights reach on questions that they were not fitted on."""
    hits = 0.0
    for fold in range(FOLDS):
        learned = [e for place, e in enumerate(examples) if place % FOLDS != fold]
        asked = examples[fold::FOLDS]
        hits += first(asked, names, fit(learned, names, start)) * len(asked)
    return hits / len(examples)


def _loss(weights: Floats, examples: Sequence[Example], before: Floats) -> tuple[float, Floats]:
    """The mean negative log-likelihood with the ridge, and its gradient."""
    away = weights - before
    loss, slope = RIDGE * float(away @ away), 2 * RIDGE * away
    for one in examples:
        scores = one.parts @ weights + one.offset
        likely = np.exp(scores - scores.max())
        likely /= likely.sum()  # (candidates,)
        good = np.where(one.right, likely, 0)
        share = float(good.sum()) + 1e-12
        loss -= np.log(share) / len(examples)
        slope = slope - (good / share - likely) @ one.parts / len(examples)
    return loss, slope
