"""What linear heads say of texts that they were not fitted on: K-fold cross-fitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier import familiarity, head, lexical
from classifier.evaluate import Gold
from classifier.fusion import Fusion
from classifier.label_names import Hints

THREADS = 2
CURVE = (0.25, 0.5, 1.0)  # shares of the examples

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

    def fold_out(fold: int) -> tuple[Floats, Floats]:
        learned, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        return _asked(texts, vectors, gold, classes, hints, learned, asked)

    # Both solvers leave the interpreter free, so two folds run side by side on two cores.
    on_progress(f"cross-validation in {count} folds", 0.0)
    with ThreadPoolExecutor(THREADS) as pool:
        for fold, said in enumerate(pool.map(fold_out, range(count))):
            dense[folds == fold], margins[folds == fold] = said
            learned = folds != fold
            known.append(familiarity.examples_of(vectors[learned], gold[learned], classes))
            on_progress(f"cross-validation in {count} folds", (fold + 1) / count)

    def nearness(guesses: Gold) -> Floats:
        near = np.zeros(len(guesses), np.float32)
        for fold, examples in enumerate(known):
            asked = folds == fold
            near[asked] = examples.nearness(vectors[asked], guesses[asked])
        return near

    return Unseen(dense=dense, lexical=margins, nearness=nearness)


def learning_curve(
    texts: Sequence[str],
    vectors: Floats,
    gold: Gold,
    classes: int,
    *,
    folds: NDArray[np.int64],
    hints: Hints,
    fusion: Fusion,
) -> tuple[tuple[int, float], ...]:
    """Accuracy on the first fold after learning a part of the other ones, and all of them.

    Returns:
        (examples learned from, accuracy 0 to 1), rising in examples.
    """
    asked, rest = np.flatnonzero(folds == 0), np.flatnonzero(folds != 0)
    rest = np.random.default_rng(0).permutation(rest)
    points = []
    for share in CURVE:
        learned = np.sort(rest[: round(len(rest) * share)])
        if len(np.unique(gold[learned])) < 2 or not len(asked):
            continue
        said = fusion.probabilities(*_asked(texts, vectors, gold, classes, hints, learned, asked))
        points.append((len(learned), float((said.argmax(axis=1) == gold[asked]).mean())))
    return tuple(points)


def _asked(
    texts: Sequence[str],
    vectors: Floats,
    gold: Gold,
    classes: int,
    hints: Hints,
    learned: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Logits and margins of the texts `asked`, by heads that know those `learned`."""
    logits = head.fit(*hints.beside(vectors[learned], gold[learned]), classes).logits(
        vectors[asked]
    )
    some = [texts[i] for i in learned.tolist()]
    words = lexical.fit(*hints.after(some, gold[learned]), classes)
    return logits, words.margins([texts[i] for i in asked.tolist()])
