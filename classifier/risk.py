"""From a risk ("at most 3 % of automatic answers wrong") to the confidence that it takes.

Selection with guaranteed risk (Geifman & El-Yaniv 2017, arXiv:1705.08500, algorithm 1): a binary
search for the lowest threshold whose error is below the risk by an exact binomial bound, each of
the k thresholds that it tries at certainty 1 - delta / k. Assumption: the calibration texts and the
texts to come are drawn alike. Texts of a kind that calibration never saw are not covered.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RISKS = (0.01, 0.02, 0.03, 0.05, 0.10)
DELTA = 0.1  # the chance that the promise is broken by an unlucky calibration sample

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
    ordered = np.sort(confidences)  # (n,)
    tries = max(1, int(np.ceil(np.log2(len(ordered)))))
    strictest, laxest = len(ordered) - 1, 0
    best = RiskPoint(risk=risk, threshold=None, coverage=0.0, error=0.0)
    for _ in range(tries):
        threshold = ordered[(strictest + laxest) // 2]
        kept = confidences >= threshold
        wrong, tried = int((kept & ~right).sum()), int(kept.sum())
        if upper_bound(wrong, tried, DELTA / tries) > risk:
            laxest = (strictest + laxest) // 2 + 1
        else:
            strictest = (strictest + laxest) // 2
            if tried / len(ordered) > best.coverage:
                best = RiskPoint(
                    risk=risk,
                    threshold=float(threshold),
                    coverage=tried / len(ordered),
                    error=wrong / tried,
                )
        if laxest > strictest:
            break
    return best


def upper_bound(wrong: int, tried: int, delta: float) -> float:
    """What the true error rate is below with certainty 1 - `delta`, after `wrong` of `tried`.

    Clopper & Pearson 1934, one-sided.
    """
    from scipy.stats import beta  # noqa: PLC0415 - only training needs it

    return 1.0 if wrong >= tried else float(beta.ppf(1 - delta, wrong + 1, tried - wrong))
