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


def softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Rows of `logits` (n, classes) as probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # (n, classes)
    shares: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeScores:
    """How well strange texts are told from familiar ones; strange is the positive class."""

    n: int
    """Strange texts."""
    auroc: float
    aupr: float
    """Average precision."""
    fpr95: float
    """Share of familiar texts refused when 95 % of the strange ones are caught."""
    recall_at_5: float
    """Share of strange texts caught when 5 % of the familiar ones are refused."""

    def as_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)


def score_scope(familiar: NDArray[np.float32], strange: NDArray[np.float32]) -> ScopeScores:
    """Scores of the familiarity of known texts (n,) and of strange ones (m,), both at least one."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415

    truth = np.concatenate([np.zeros(len(familiar)), np.ones(len(strange))])
    strangeness = -np.concatenate([familiar, strange])
    return ScopeScores(
        n=len(strange),
        auroc=float(roc_auc_score(truth, strangeness)),
        aupr=float(average_precision_score(truth, strangeness)),
        fpr95=float((familiar <= np.quantile(strange, 0.95)).mean()),
        recall_at_5=float((strange < np.quantile(familiar, 0.05)).mean()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two classifiers on the same texts."""

    n: int
    first_only: int
    """Texts that only the first got right."""
    second_only: int
    p_value: float
    """Of McNemar's exact test: how likely such a difference is between equals."""

    def as_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Comparison:
    """McNemar's exact test (1947) on what each got right, both (n,)."""
    from scipy.stats import binomtest  # noqa: PLC0415

    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    p_value = float(binomtest(one, one + other).pvalue) if one + other else 1.0
    return Comparison(n=len(first), first_only=one, second_only=other, p_value=p_value)
