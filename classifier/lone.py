"""Stands where a model stands when there are no two intents to tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from classifier.prediction import IntentPrediction, RankedIntent

FEWEST_INTENTS = 2


class LoneClassifier:
    """Takes every text for the one thing that it may mean."""

    model_id = "lone"

    def __init__(self, intent: str) -> None:
        """Every text means `intent`."""
        only = RankedIntent(name=intent, confidence=1.0)
        self._said = IntentPrediction(ranking=(only,), model_id=self.model_id)

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """One prediction for each text."""
        return [self._said for _ in texts]
