"""Pure functions from probabilities and gold labels to numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
"""float32 (n, classes), rows sum to 1."""
Gold = NDArray[np.int64]
"""int64 (n,), class indices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How good a classifier is on one set of examples; all in 0 to 1 but `examples`."""

    examples: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    """Expected calibration error, 15 bins of equal width (Guo et al. 2017, section 2)."""

    def as_dict(self) -> dict[str, float]:
        """The numbers by name, for manifests."""
        return asdict(self)


def score(probabilities: Probabilities, gold: Gold) -> Scores:
    """All scores of `probabilities` (n, classes) against `gold` (n,); n must be at least 1."""
    guesses = probabilities.argmax(axis=1)  # (n,)
    return Scores(
        examples=len(gold),
        accuracy=float((guesses == gold).mean()),
        macro_f1=macro_f1(guesses, gold),
        calibration_error=calibration_error(probabilities, gold),
    )


def macro_f1(guesses: Gold, gold: Gold) -> float:
    """Mean F1 over the classes that occur in `guesses` or `gold`."""
    classes = np.union1d(guesses, gold)
    hits = np.array([((guesses == c) & (gold == c)).sum() for c in classes])
    wanted = np.array([(guesses == c).sum() + (gold == c).sum() for c in classes])
    return float((2 * hits / wanted).mean())


def calibration_error(probabilities: Probabilities, gold: Gold, *, bins: int = 15) -> float:
    """Expected calibration error of the top class, 0 (honest) to 1."""
    confidence = probabilities.max(axis=1)  # (n,)
    right = probabilities.argmax(axis=1) == gold  # (n,)
    place = np.minimum((confidence * bins).astype(int), bins - 1)  # (n,)
    gaps = [
        (place == b).mean() * abs(right[place == b].mean() - confidence[place == b].mean())
        for b in np.unique(place)
    ]
    return float(np.sum(gaps))


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> Probabilities:
    """Rows of `logits` (n, classes) over `temperature` as probabilities."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))  # (n, classes)
    shares: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def fit_temperature(logits: NDArray[np.float32], gold: Gold) -> float:
    """The temperature, 0.05 to 5, with the least log-loss on held-out data.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    One parameter over a narrow range, so a fine grid is as good as an optimiser.
    """
    grid = np.geomspace(0.05, 5.0, 200)
    rows = np.arange(len(gold))
    losses = [-np.log(np.maximum(softmax(logits, float(t))[rows, gold], 1e-9)).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])
