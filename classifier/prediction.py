"""What the classifier says of one text. Standard library only, so that anyone may import it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedIntent:
    """One intent and how sure the classifier is of it."""

    name: str
    confidence: float
    """Calibrated probability, 0 to 1; the ranking sums to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentPrediction:
    """The ranking of all intents for one text, best first; never empty."""

    ranking: tuple[RankedIntent, ...]
    model_id: str
    """Which artefact said so: its method and the first digits of its hash."""
    familiarity: float = 1.0
    """Conformal p-value, above 0 to 1: of texts like the training data, the share that looks at
    least as strange. Refusing below 0.05 refuses about 5 % of them, and most that are unlike."""

    @property
    def top(self) -> RankedIntent:
        """The most probable intent."""
        return self.ranking[0]

    def confidence_in(self, intent: str) -> float:
        """Probability of `intent`, 0 when the classifier does not know it."""
        return next((item.confidence for item in self.ranking if item.name == intent), 0.0)
