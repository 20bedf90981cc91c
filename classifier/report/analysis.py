"""Pure functions from probabilities and gold labels to what a person can act on.

`Probabilities` is float32 (n, classes) with rows that sum to 1, `Gold` int64 (n,); n >= 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier import evaluate
from classifier.evaluate import Gold, Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """How well one class is recognised; shares are 0 to 1."""

    label: str
    precision: float
    """Of the texts guessed to be this class, the share that is; 0 when none was."""
    recall: float
    """Of the texts of this class, the share that was recognised; 0 when there are none."""
    f1: float
    support: int
    """Texts of this class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """Means of precision, recall and F1, 0 to 1, over the classes that occur in gold or guess."""

    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_f1: float
    """Weighted by support."""
    micro_f1: float
    """The accuracy, as each text has one class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """Scores of one group of the texts, such as a language."""

    group: str
    scores: evaluate.Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Texts of one class that were taken for another."""

    gold: int
    guessed: int
    count: int
    share: float
    """Of all texts of the class `gold`, 0 to 1."""
    rows: tuple[int, ...]
    """The texts behind it, the most confident mistakes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A text whose label is probably wrong."""

    row: int
    given: int
    likely: int
    margin: float
    """p(given) minus the highest other p, -1 to 0; the lower, the more suspicious."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Guesses of about the same confidence; `confidence` and `accuracy` are means, 0 to 1."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskCurve:
    """What acting on the most confident guesses only would cost."""

    confidence: NDArray[np.float64]
    """(n,), falling: the k-th most confident guess."""
    coverage: NDArray[np.float64]
    """(n,), k / n."""
    risk: NDArray[np.float64]
    """(n,), share of mistakes among the k most confident guesses."""
    aurc: float
    """Area under risk over coverage: the mean of `risk`; 0 is perfect."""


def per_class(
    probabilities: Probabilities, gold: Gold, labels: Sequence[str]
) -> tuple[ClassScore, ...]:
    """Precision, recall, F1 and support of every label, in the order of `labels`."""
    from sklearn import metrics  # noqa: PLC0415 - a second to load

    columns = metrics.precision_recall_fscore_support(
        gold, probabilities.argmax(axis=1), labels=np.arange(len(labels)), zero_division=0.0
    )
    return tuple(
        ClassScore(label=name, precision=float(p), recall=float(r), f1=float(f), support=int(s))
        for name, p, r, f, s in zip(labels, *columns, strict=True)
    )


def averages(probabilities: Probabilities, gold: Gold) -> Averages:
    """Macro, weighted and micro means over the classes that occur."""
    from sklearn import metrics  # noqa: PLC0415

    guesses = probabilities.argmax(axis=1)  # (n,)
    scores = metrics.precision_recall_fscore_support
    precision, recall, f1, _ = scores(gold, guesses, average="macro", zero_division=0.0)
    weighted = scores(gold, guesses, average="weighted", zero_division=0.0)[2]
    return Averages(
        macro_precision=float(precision),
        macro_recall=float(recall),
        macro_f1=float(f1),
        weighted_f1=float(weighted),
        micro_f1=float((guesses == gold).mean()),
    )


def per_group(
    probabilities: Probabilities, gold: Gold, groups: Sequence[str]
) -> tuple[GroupScore, ...]:
    """Scores of each group, the largest first; `groups` has one name per text, or none at all."""
    names, members = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    found = [
        GroupScore(
            group=str(name), scores=evaluate.score(probabilities[members == i], gold[members == i])
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda group: (-group.scores.examples, group.group)))


def matrix(probabilities: Probabilities, gold: Gold) -> NDArray[np.int64]:
    """int64 (classes, classes): how often gold class [row] was guessed as [column]."""
    counts = np.zeros((probabilities.shape[1],) * 2, np.int64)  # (classes, classes)
    np.add.at(counts, (gold, probabilities.argmax(axis=1)), 1)
    return counts


def confusions(
    probabilities: Probabilities, gold: Gold, *, sentences: int = 5
) -> tuple[Confusion, ...]:
    """Every pair of classes that was confused, the most frequent first.

    Equal counts are ordered by share. Each pair keeps at most `sentences` rows.
    """
    guesses, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)  # (n,), (n,)
    support = np.bincount(gold, minlength=probabilities.shape[1])  # (classes,)
    rows: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(guesses != gold):
        rows.setdefault((int(gold[row]), int(guesses[row])), []).append(int(row))
    found = [
        Confusion(
            gold=right,
            guessed=wrong,
            count=len(members),
            share=len(members) / int(support[right]),
            rows=tuple(sorted(members, key=lambda row: (-sure[row], row))[:sentences]),
        )
        for (right, wrong), members in rows.items()
    ]
    return tuple(sorted(found, key=lambda c: (-c.count, -c.share, c.gold, c.guessed)))


def suspects(probabilities: Probabilities, gold: Gold, *, limit: int = 50) -> tuple[Suspect, ...]:
    """Texts that are probably labelled wrong, the most suspicious first; at most `limit`.

    Confident learning: Northcutt, Jiang and Chuang 2021, "Confident Learning", section 3. The
    threshold of a class is the mean probability that its own texts get. A text belongs to the most
    probable class whose threshold it reaches; if that is not the given one, the label is in
    doubt. Ranked by the normalised margin. A text whose label is also the best guess is left out.
    """
    n, classes = probabilities.shape
    given = probabilities[np.arange(n), gold]  # (n,)
    support = np.bincount(gold, minlength=classes)  # (classes,)
    sums = np.bincount(gold, weights=given, minlength=classes)  # (classes,)
    thresholds = np.where(support > 0, sums / np.maximum(support, 1), np.inf)  # (classes,)
    # float32 means carry rounding; a text that is its whole class must still reach its threshold
    reached = np.where(probabilities >= thresholds - 1e-6, probabilities, -1.0)  # (n, classes)
    likely = reached.argmax(axis=1)  # (n,)
    others = probabilities.copy()  # (n, classes)
    others[np.arange(n), gold] = -1.0
    margins = given - others.max(axis=1)  # (n,)
    doubted = np.flatnonzero((reached.max(axis=1) >= 0) & (likely != gold) & (margins < 0))
    order = doubted[np.argsort(margins[doubted], kind="stable")][:limit]
    return tuple(
        Suspect(row=int(i), given=int(gold[i]), likely=int(likely[i]), margin=float(margins[i]))
        for i in order
    )


def reliability(probabilities: Probabilities, gold: Gold, *, bins: int = 15) -> tuple[Bin, ...]:
    """Bins of equal width over the confidence in the guess; empty ones are left out.

    The same bins as `evaluate.calibration_error`, which is their mean gap weighted by count.
    """
    confidence = probabilities.max(axis=1)  # (n,)
    right = probabilities.argmax(axis=1) == gold  # (n,)
    place = np.minimum((confidence * bins).astype(int), bins - 1)  # (n,)
    return tuple(
        Bin(
            low=b / bins,
            high=(b + 1) / bins,
            count=int((place == b).sum()),
            confidence=float(confidence[place == b].mean()),
            accuracy=float(right[place == b].mean()),
        )
        for b in np.unique(place).tolist()
    )


def risk_coverage(probabilities: Probabilities, gold: Gold) -> RiskCurve:
    """Selective risk over coverage (Geifman and El-Yaniv 2017, "Selective Classification")."""
    sure = probabilities.max(axis=1)  # (n,)
    order = np.argsort(-sure, kind="stable")  # (n,)
    wrong = (probabilities.argmax(axis=1) != gold)[order]  # (n,)
    counts = np.arange(1, len(gold) + 1)  # (n,)
    risk = np.cumsum(wrong) / counts  # (n,)
    return RiskCurve(
        confidence=sure[order].astype(np.float64),
        coverage=counts / len(gold),
        risk=risk,
        aurc=float(risk.mean()),
    )


def best_coverage(curve: RiskCurve, risk: float) -> float:
    """The largest coverage, 0 to 1, at which at most `risk` was wrong in hindsight.

    Texts of equal confidence are taken together, as no threshold can tell them apart.
    """
    last_of_its_kind = np.append(np.diff(curve.confidence) != 0, True)  # (n,)
    fits = np.flatnonzero(last_of_its_kind & (curve.risk <= risk))
    return float(curve.coverage[fits[-1]]) if len(fits) else 0.0


def interval(share: float, n: int) -> tuple[float, float]:
    """Where a share of `n` texts lies with 95 % confidence (Wilson 1927); 0 to 1, n >= 1."""
    z = 1.96
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (
        max(0.0, (middle - spread) / (1 + z * z / n)),
        min(1.0, (middle + spread) / (1 + z * z / n)),
    )


def separation(inside: NDArray[np.float32], outside: NDArray[np.float32]) -> float:
    """Chance that a text in scope looks more familiar than one out of scope (AUROC), 0 to 1.

    `inside` is (n,), `outside` (m,); both need at least one.
    """
    ordered = np.sort(outside)  # (m,)
    below = np.searchsorted(ordered, inside, side="left")  # (n,)
    up_to = np.searchsorted(ordered, inside, side="right")  # (n,)
    return float((below + up_to).mean() / (2 * len(outside)))
