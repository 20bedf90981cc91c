"""The calibrated probability that a candidate answers the query, by what retrieval knows alone."""

from __future__ import annotations

import math

from retrieval.candidate import Candidate

# Logistic regression (Platt 1999) of "it is a right answer" over the five best candidates of the
# questions of knowledge/eval/dev, with all phrasings and with one left (docs/decisions/0014).
BIAS = -4.2
SHARE = 5.9
COEFFICIENTS = {"centre": 2.0, "answer": 2.3}


def of(candidate: Candidate, share: float) -> float:
    """The probability, 0 to 1.

    Args:
        candidate: with the parts of its score.
        share: softmax of its score among the candidates of the query.
    """
    logit = BIAS + SHARE * share
    for name, weight in COEFFICIENTS.items():
        logit += weight * candidate.parts.get(name, 0.0)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
