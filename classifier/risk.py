"""From a risk ("at most 3 % of automatic answers wrong") to the confidence that it takes.

Selection with guaranteed risk (Geifman & El-Yaniv 2017, arXiv:1705.08500), its search replaced by
fixed-sequence testing (Angelopoulos et al. 2021, arXiv:2110.01052, section 3): thresholds are
tried from the strictest down, and the last one stands whose error is below the risk by an exact
binomial bound. Assumption: the calibration texts and the texts to come are drawn alike. Texts of a
kind that calibration never saw are not covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RISKS = (0.01, 0.02, 0.03, 0.05, 0.10)
DELTA = 0.1  # the chance that the promise is broken by an unlucky calibration sample
STEPS = 100  # thresholds that are tried

Confidences = NDArray[np.float32]
Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """What one risk costs."""

    risk: float
    """Share of the automatic answers that may be wrong, 0 to 1."""
    threshold: float | None
    """Least confidence of an automatic answer; None: these data cannot promise the risk."""
    coverage: float
    """Share of the calibration texts answered automatically."""
    error: float
    """Share of these that were wrong."""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, for manifests."""
        return asdict(self)


def points(confidences: Confidences, right: Right) -> tuple[RiskPoint, ...]:
    """One point for each of `RISKS`; see `point`."""
    return tuple(point(confidences, right, risk) for risk in RISKS)


def point(confidences: Confidences, right: Right, risk: float) -> RiskPoint:
    """The lowest threshold at which at most the share `risk` is wrong, with certainty 1 - `DELTA`.

    Args:
        confidences: (n,), 0 to 1, of the best class on unseen texts.
        right: (n,), whether the best class was the true one.
        risk: above 0, below 1.
    """
    best: RiskPoint | None = None
    for threshold in _candidates(confidences, risk):
        kept = confidences >= threshold
        wrong = int((kept & ~right).sum())
        if upper_bound(wrong, int(kept.sum())) > risk:
            break
        best = RiskPoint(
            risk=risk,
            threshold=float(threshold),
            coverage=float(kept.mean()),
            error=wrong / int(kept.sum()),
        )
    return best or RiskPoint(risk=risk, threshold=None, coverage=0.0, error=0.0)


def upper_bound(wrong: int, tried: int, delta: float = DELTA) -> float:
    """What the true error rate is below with certainty 1 - `delta`, after `wrong` of `tried`.

    Clopper & Pearson 1934, one-sided.
    """
    from scipy.stats import beta  # noqa: PLC0415 - only training needs it

    return 1.0 if wrong >= tried else float(beta.ppf(1 - delta, wrong + 1, tried - wrong))


def smallest_sample(risk: float, delta: float = DELTA) -> int:
    """How many texts without an error it takes to promise `risk`."""
    return int(np.ceil(np.log(delta) / np.log1p(-risk)))


def _candidates(confidences: Confidences, risk: float) -> Sequence[float]:
    """Thresholds from strict to lax; the strictest keeps just enough texts to prove anything."""
    ordered = np.sort(confidences)[::-1]
    first = smallest_sample(risk)
    if len(ordered) < first:
        return []
    places = np.unique(np.linspace(first - 1, len(ordered) - 1, STEPS).astype(int))
    return [float(value) for value in ordered[places]]
