"""What a report is made of: guesses on texts that the model had not seen, and what is known of it.

Nothing here is computed; `measured.measure` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifier.risk import RiskPoint

Text = str | tuple[str, str]
"""Words for people: the same in both languages, or (English, Chinese)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """How familiar the texts look to the model; strange ones count as something else."""

    familiarity: NDArray[np.float32]
    """(n,), one per text of the evidence; higher is more familiar."""
    threshold: float
    """Texts below it count as out of scope."""
    outside: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """(m,) familiarity of texts known to be out of scope; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What the report is made of: guesses on texts that the guessing model had not seen."""

    texts: tuple[str, ...]
    """n texts, at least one."""
    labels: tuple[str, ...]
    """Class names: the columns of `probabilities`."""
    gold: NDArray[np.int64]
    """(n,) indices into `labels`."""
    probabilities: NDArray[np.float32]
    """(n, classes), calibrated, rows sum to 1."""
    source: Text
    """How it was measured: "5-fold cross-validation", "a held-out tenth", "valid.csv"."""
    places: tuple[str, ...] = ()
    """Where each text stands, "train.csv:17"; n or none."""
    languages: tuple[str, ...] = ()
    """"en", "zh", "mixed" or "other" for each text; n or none."""
    learning_curve: tuple[tuple[int, float], ...] = ()
    """(training examples, accuracy 0 to 1), rising in examples."""
    thresholds: tuple[RiskPoint, ...] = ()
    """What the risk dial promises."""
    scope: Scope | None = None
    facts: Mapping[str, Text] = field(default_factory=dict)
    """Rows of the card: "method", "encoder", "trained parameters", "seed" and the like."""
    notes: tuple[Text, ...] = ()
    """Sentences on how the model came to be, such as why a method was chosen."""
    findings: tuple[Text, ...] = ()
    """Sentences from the check of the data."""

    def __post_init__(self) -> None:
        n, classes = len(self.texts), len(self.labels)
        if not n:
            raise ValueError("a report needs at least one text that was guessed")
        if self.probabilities.shape != (n, classes) or self.gold.shape != (n,):
            raise ValueError(
                f"{n} texts and {classes} labels do not go with probabilities "
                f"{self.probabilities.shape} and gold {self.gold.shape}"
            )
        if self.gold.min() < 0 or self.gold.max() >= classes:
            raise ValueError(f"gold must be indices from 0 to {classes - 1}")
        for name in ("places", "languages"):
            if len(getattr(self, name)) not in (0, n):
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {n} texts")
        if self.scope is not None and self.scope.familiarity.shape != (n,):
            raise ValueError(f"familiarity {self.scope.familiarity.shape} is not of {n} texts")
