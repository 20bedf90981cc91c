"""One calibrated probability from what the encoder and the words say.

A log-linear pool of the two experts, softmax(dense · z + lexical · m), its two weights fitted on
texts that neither had seen. With a single expert it is temperature scaling (Guo et al. 2017,
section 4.2); pooling: Heskes 1998, "Selecting weighting factors in logarithmic opinion pools".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import Gold, Probabilities, softmax

Floats = NDArray[np.float32]
START = (1.0, 4.0)
BOUNDS = ((0.05, 20.0), (0.0, 40.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Weights of the experts, all at least 0."""

    dense: float = 1.0
    """Of the logits of the encoder's head: the inverse of a temperature."""
    lexical: float = 0.0
    """Of the margins of the n-grams."""

    def probabilities(self, dense: Floats, lexical: Floats) -> Probabilities:
        """Probabilities (n, classes) from logits and margins of the same shape."""
        return softmax(self.dense * dense + self.lexical * lexical)

    def as_dict(self) -> dict[str, float]:
        """The weights by name, for manifests."""
        return asdict(self)


def fit(dense: Floats, lexical: Floats, gold: Gold) -> Fusion:
    """The weights with the least log-loss on unseen texts.

    Args:
        dense: logits (n, classes), n at least 1.
        lexical: margins (n, classes).
        gold: (n,) class indices.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - only training needs it

    rows = np.arange(len(gold))

    def loss(weights: NDArray[np.float64]) -> float:
        said = Fusion(dense=weights[0], lexical=weights[1]).probabilities(dense, lexical)
        return float(-np.log(np.maximum(said[rows, gold], 1e-9)).mean())

    found = minimize(loss, START, method="Nelder-Mead", bounds=BOUNDS)
    return Fusion(dense=float(found.x[0]), lexical=float(found.x[1]))
