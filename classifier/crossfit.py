"""What linear heads say of texts that they were not fitted on: K-fold cross-fitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier import familiarity, head, lexical
from classifier.evaluate import Gold
from classifier.label_names import Hints

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """The raw words of both experts on n texts that they had not learned from."""

    dense: Floats  # (n, classes) logits
    lexical: Floats  # (n, classes) margins
    nearness: Callable[[Gold], Floats]
    """Guessed classes (n,) → mean cosine (n,) to the nearest examples learned from."""


def heads(
    texts: Sequence[str],
    vectors: Floats,
    gold: Gold,
    classes: int,
    *,
    folds: NDArray[np.int64],
    hints: Hints,
    on_progress: Callable[[str, float], None],
) -> Unseen:
    """Fit both heads without each fold in turn, and ask them about it.

    Args:
        texts: n of them.
        vectors: (n, dim), unit length.
        gold: (n,).
        classes: at least 2; one may be missing outside a fold.
        folds: (n,), numbers from 0.
        hints: what is known of the classes besides; learned from in every fold.
        on_progress: told the step and the share done.
    """
    count = int(folds.max()) + 1
    dense = np.zeros((len(gold), classes), np.float32)
    margins = np.zeros((len(gold), classes), np.float32)
    known: list[familiarity.Examples] = []
    for fold in range(count):
        on_progress(f"cross-validation, fold {fold + 1} of {count}", fold / count)
        learned, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        some = [texts[i] for i in learned.tolist()]
        known_vectors, known_gold = hints.beside(vectors[learned], gold[learned])
        dense[asked] = head.fit(known_vectors, known_gold, classes).logits(vectors[asked])
        words = lexical.fit([*some, *hints.texts], known_gold, classes)
        margins[asked] = words.margins([texts[i] for i in asked.tolist()])
        known.append(familiarity.examples_of(vectors[learned], gold[learned], classes))

    def nearness(guesses: Gold) -> Floats:
        near = np.zeros(len(guesses), np.float32)
        for fold, examples in enumerate(known):
            asked = folds == fold
            near[asked] = examples.nearness(vectors[asked], guesses[asked])
        return near

    return Unseen(dense=dense, lexical=margins, nearness=nearness)
