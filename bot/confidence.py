"""Joins what classifier and retriever say: which answer, and how probable it is right.

The score of a candidate is its retrieval score plus the log-probability of its intent. The
probability that the best one is right comes from a logistic model over a few signals (Platt 1999),
so that the policy's thresholds are probabilities and mean the same in every language.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from classifier.prediction import IntentPrediction
from retrieval.candidate import Candidate

INTENT_WEIGHT = 0.57  # fitted together with retrieval.scoring.MANY
LEAST_PROBABILITY = 1e-4  # an intent that the ranking does not name
UNKNOWN_INTENT = (
    0.5  # an imported answer has none: the classifier speaks neither for it nor against
)

# Fitted on knowledge/eval/dev by logistic regression and rounded (docs/decisions/0006, 0058).
BIAS = -2.4
COEFFICIENTS = {"share": 4.1, "question": 1.5, "centre": 1.2, "outside": -4.15, "familiar": 0.65}
LEAST_FAMILIAR = 0.01  # stranger is all the same
USUAL = -1.0  # mean logarithm of the familiarity of texts that are like the training data


def judge(
    candidates: Sequence[Candidate],
    prediction: IntentPrediction | None,
    unanswered_intents: Sequence[str],
) -> tuple[tuple[Candidate, ...], float]:
    """The candidates, fused and best first, and the probability that the best one is right."""
    fused = fuse(candidates, prediction)
    return fused, sure_of(fused, prediction, unanswered_intents)


def sure_of(
    fused: Sequence[Candidate],
    prediction: IntentPrediction | None,
    unanswered_intents: Sequence[str],
) -> float:
    """The probability that the best of `fused` is right; 0 when there is none."""
    if not fused:
        return 0.0
    return probability(signals(fused, prediction, unanswered_intents))


def fuse(
    candidates: Sequence[Candidate], prediction: IntentPrediction | None
) -> tuple[Candidate, ...]:
    """`candidates` with the intent's part in their score, best first."""
    if prediction is None:
        return tuple(candidates)
    return tuple(sorted((_with_intent(c, prediction) for c in candidates), key=lambda c: -c.score))


def signals(
    candidates: Sequence[Candidate],
    prediction: IntentPrediction | None,
    unanswered_intents: Sequence[str],
) -> dict[str, float]:
    """What the confidence is computed from; `candidates` are fused and not empty.

    Args:
        candidates: best first.
        prediction: None when the classifier is down.
        unanswered_intents: the intents of rules, which no past answer serves.
    """
    best = candidates[0]
    total = sum(math.exp(candidate.score - best.score) for candidate in candidates)
    outside, familiar = 0.0, USUAL
    if prediction is not None and best.answer.intent:  # of imported topics it knows nothing
        outside = sum(prediction.confidence_in(intent) for intent in unanswered_intents)
        familiar = math.log(max(prediction.familiarity, LEAST_FAMILIAR))
    return {
        "share": 1 / total,
        "question": best.parts["question"],
        "centre": best.parts["centre"],
        "outside": min(outside, 1.0),
        "familiar": familiar,
    }


def probability(found: dict[str, float]) -> float:
    """Probability, 0 to 1, that the best candidate is right."""
    logit = BIAS + sum(COEFFICIENTS[name] * value for name, value in found.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def _with_intent(candidate: Candidate, prediction: IntentPrediction) -> Candidate:
    intent = candidate.answer.intent
    confidence = prediction.confidence_in(intent) if intent else UNKNOWN_INTENT
    gain = INTENT_WEIGHT * math.log(max(confidence, LEAST_PROBABILITY))
    return dataclasses.replace(
        candidate, score=candidate.score + gain, parts={**candidate.parts, "intent": gain}
    )
