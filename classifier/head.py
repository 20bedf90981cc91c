"""A linear head on sentence vectors: multinomial logistic regression, trained in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import Gold

Vectors = NDArray[np.float32]
"""float32 (n, dim), rows of unit length."""

L2 = 1.0  # strength of the prior on the weights, chosen on validation data (docs/benchmarks.md)
SCALE = 20.0  # unit vectors are close together; scaling them lets a small L2 do its work
MAX_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """Weights of the head: logits = vectors @ weight.T + bias."""

    weight: NDArray[np.float32]  # (classes, dim)
    bias: NDArray[np.float32]  # (classes,)

    def logits(self, vectors: Vectors) -> NDArray[np.float32]:
        """Logits (n, classes) of `vectors` (n, dim)."""
        return (vectors @ self.weight.T + self.bias).astype(np.float32)


def fit(
    vectors: Vectors, gold: Gold | NDArray[np.float32], classes: int, *, l2: float = L2
) -> LinearHead:
    """Minimise cross-entropy + l2/2n |W|² over `vectors` (n, dim).

    The loss is convex and solved by L-BFGS, so the result does not depend on a seed.

    Args:
        vectors: unit length.
        gold: (n,) labels, or (n, classes) their probabilities.
        classes: at least 2.
        l2: strength of the prior.
    """
    import torch  # noqa: PLC0415 - only training needs it

    inputs = torch.from_numpy(vectors) * SCALE  # (n, dim)
    target = torch.from_numpy(gold)
    weight = torch.zeros(classes, vectors.shape[1], requires_grad=True)  # (classes, dim)
    bias = torch.zeros(classes, requires_grad=True)  # (classes,)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=MAX_STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = torch.nn.functional.cross_entropy(inputs @ weight.T + bias, target)
        value = value + l2 / (2 * len(gold)) * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]
    return LinearHead(
        weight=(weight.detach() * SCALE).numpy().astype(np.float32),
        bias=bias.detach().numpy().astype(np.float32),
    )
