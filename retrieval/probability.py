"""The calibrated probability that a candidate answers the query, by what retrieval knows alone."""

from __future__ import annotations

import math

from retrieval.candidate import Candidate

# Logistic regression (Platt 1999) of "it is a right answer" over the candidates of the questions
# of knowledge/eval/dev; `frontdesk retrieval fit` fits it again (docs/decisions/0014).
BIAS = -6.0
COEFFICIENTS = {"share": 4.0, "question": 3.0, "centre": 3.0, "words": 1.0}


def of(candidate: Candidate, share: float) -> float:
    """The probability, 0 to 1.

    Args:
        candidate: with the parts of its score.
        share: softmax of its score among the candidates of the query.
    """
    signals = {**candidate.parts, "share": share}
    logit = BIAS + sum(weight * signals.get(name, 0.0) for name, weight in COEFFICIENTS.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
