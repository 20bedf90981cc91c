"""What every method of training gives: experts ready to serve, and what such experts said unseen.

Linear heads are cheap, so they are cross-fitted and then fitted on everything; how a network is
fine-tuned stands in `classifier.finetuned`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier import crossfit, familiarity, head, model
from classifier.checkpoint import Checkpoint
from classifier.crossfit import Unseen
from classifier.dataset import LabelledText
from classifier.evaluate import Gold
from classifier.finetune import Progress
from classifier.label_names import Hints
from classifier.model import TextEncoder

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """n labelled texts as the trainings take them."""

    examples: tuple[LabelledText, ...]
    gold: Gold
    """(n,), the places of their intents among the labels."""
    vectors: Floats
    """(n, dim), by the frozen encoder."""
    teacher: Floats
    """(n, another dim), by a larger encoder that teaches; (n, 0) without one."""

    @property
    def texts(self) -> list[str]:
        """What was said."""
        return [example.text for example in self.examples]

    def where(self, chosen: NDArray[np.bool_]) -> Known:
        """Those of the n that are `chosen`, (n,)."""
        rows = np.flatnonzero(chosen)
        return Known(
            examples=tuple(self.examples[i] for i in rows.tolist()),
            gold=self.gold[rows],
            vectors=self.vectors[rows],
            teacher=self.teacher[rows],
        )

    def beside(self, other: Known) -> Known:
        """These and then those of `other`."""
        return Known(
            examples=(*self.examples, *other.examples),
            gold=np.concatenate([self.gold, other.gold]),
            vectors=np.concatenate([self.vectors, other.vectors]),
            teacher=np.concatenate([self.teacher, other.teacher]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """Experts that are ready to serve, and what such experts said of texts they had not seen."""

    dense: model.Dense
    examples: familiarity.Examples
    unseen: Unseen
    asked: Known
    """The texts that `unseen` is about."""
    measured_on: str
    network: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def checkpoint(folder: Path | None, order: str, part: str) -> Checkpoint | None:
    """Where one of the trainings of an order leaves off; None if it need not."""
    return None if folder is None else Checkpoint(folder=folder / part, order=order)


def heads(
    known: Known,
    encoder: TextEncoder,
    folds: NDArray[np.int64],
    labels: Sequence[str],
    hints: Hints,
    folder: Path,
    on_progress: Progress,
) -> Fitted:
    """A head on the frozen encoder, written into `folder`.

    Args:
        known: all examples.
        encoder: that gave their vectors.
        folds: (n,), of the cross-fitting.
        labels: the classes' names.
        hints: what is known of the classes besides.
        folder: where the weights go.
        on_progress: told the step and the share done.
    """
    classes, vectors, gold = len(labels), known.vectors, known.gold
    unseen = crossfit.heads(
        known.texts, vectors, gold, classes, folds=folds, hints=hints, on_progress=on_progress
    )
    final = head.fit(*hints.beside(vectors, gold), classes)
    model.save_head(folder, final)
    return Fitted(
        dense=model.with_head(final, encoder),
        examples=familiarity.examples_of(vectors, gold, classes),
        unseen=unseen,
        asked=known,
        measured_on=f"{int(folds.max()) + 1}-fold cross-validation",
    )
