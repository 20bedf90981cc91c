"""Soft labels: what a larger encoder says of texts, labelled by others or by nobody.

A text that has a label is asked of heads that were fitted without it, pooled with n-grams. With few
examples a label and a pool of texts without one, the larger encoder first learns from the examples
by contrast; then it labels the pool, from which the small encoder learns what it is too small to
find by itself (docs/benchmarks.md). At temperature 1, because these probabilities are calibrated.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifier import crossfit, dataset, evaluate, finetune, fusion, head, label_names, lexical
from classifier.evaluate import Gold
from classifier.experts import Known
from classifier.finetune import Lessons, Progress, Surroundings
from classifier.fusion import Fusion
from classifier.label_names import Hints
from classifier.methods import Recipe
from classifier.objectives import Contrast

FOLDS = 3
STEPS = 60  # of the contrast; more tie the teacher to the few texts that it has
RECIPE = Recipe(learning_rate=2e-5, layer_decay=1.0, batch_size=64, averaged=0.98)
ASKED_AT_ONCE = 512

Floats = NDArray[np.float32]


class Teacher(Protocol):
    """A larger encoder, as `retrieval.encoders.teacher.Teacher`."""

    model: Any
    """A torch module: (input_ids, attention_mask), both int64 (n, t) → unit vectors (n, dim)."""

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text as the module takes them."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, dim)."""


def soft_labels(
    known: Known, hints: Hints, classes: int, *, seed: int, on_progress: Progress
) -> Floats:
    """Probabilities (n + m, classes) of the n known texts, unseen by who gave them, and m hints.

    Few examples are taken at their word: heads that lack a third of them know too little.

    Args:
        known: with the teacher's vectors.
        hints: names of labels; what they mean is certain.
        classes: how many there are.
        seed: of the folds.
        on_progress: told the step and the share done.
    """
    if label_names.are_few(known.gold, classes):
        return certain(np.concatenate([known.gold, hints.gold]), classes)
    pool, said = _cross_fitted(known, classes, seed, on_progress)
    told = pool.probabilities(said.dense, said.lexical).astype(np.float32)
    return np.concatenate([told, certain(hints.gold, classes)])


def of_unlabelled(
    teacher: Teacher,
    texts: Sequence[str],
    known: Known,
    hints: Hints,
    classes: int,
    *,
    seed: int,
    on_progress: Progress,
) -> Floats:
    """Probabilities (len(texts), classes) by a teacher that knows all of `known`.

    Args:
        teacher: stays as it is; where it has to learn, a copy does.
        texts: that nobody labelled.
        known: with the teacher's vectors.
        hints: names of labels, learned from beside `known`.
        classes: how many there are.
        seed: of everything left to chance.
        on_progress: told the step and the share done.
    """
    if label_names.are_few(known.gold, classes):
        all_texts, gold = hints.after(known.texts, known.gold)
        tuned = _by_contrast(teacher, all_texts, gold, seed, on_progress)
        learned = head.fit(tuned.encode(all_texts), gold, classes)
        return evaluate.softmax(learned.logits(_asked(tuned, texts, on_progress)))
    pool, _ = _cross_fitted(known, classes, seed, on_progress)
    vectors = _asked(teacher, texts, on_progress)
    dense = head.fit(known.teacher, known.gold, classes).logits(vectors)
    words = lexical.fit(known.texts, known.gold, classes)
    return pool.probabilities(dense, words.margins(texts)).astype(np.float32)


def certain(gold: Gold, classes: int) -> Floats:
    """Probabilities (n, classes) of labels (n,) that are beyond doubt."""
    return np.eye(classes, dtype=np.float32)[gold]


def _cross_fitted(
    known: Known, classes: int, seed: int, on_progress: Progress
) -> tuple[Fusion, crossfit.Unseen]:
    said = crossfit.heads(
        known.texts,
        known.teacher,
        known.gold,
        classes,
        folds=dataset.folds(known.examples, count=FOLDS, seed=seed),
        hints=label_names.none(known.teacher.shape[1]),
        on_progress=lambda _step, share: on_progress("asking the teacher", share),
    )
    return fusion.fit(said.dense, said.lexical, known.gold), said


def _asked(teacher: Teacher, texts: Sequence[str], on_progress: Progress) -> Floats:
    found = []
    for start in range(0, len(texts), ASKED_AT_ONCE):
        on_progress(f"asking the teacher about {len(texts)} texts", start / len(texts))
        found.append(teacher.encode(texts[start : start + ASKED_AT_ONCE]))
    return np.concatenate(found)


def _by_contrast(
    teacher: Teacher, texts: Sequence[str], gold: Gold, seed: int, on_progress: Progress
) -> Teacher:
    """A copy of the teacher that brings texts of one label together, as `classifier.fewshot`."""
    import torch  # noqa: PLC0415 - seconds to import, only training needs it

    torch.manual_seed(seed)
    tuned = copy.deepcopy(teacher)
    tuned.model.transformer.embeddings.word_embeddings.weight.requires_grad_(False)
    lessons = Lessons(tokens=tuned.tokens(texts), gold=gold)
    a_pass = Contrast(lessons, RECIPE).steps()
    recipe = replace(RECIPE, seed=seed, epochs=max(1, round(STEPS / a_pass)))

    def tell(step: str, share: float) -> None:
        on_progress(f"the teacher learns: {step}", share)

    surroundings = Surroundings(on_progress=tell)
    finetune.tune(_headless(tuned.model), Contrast(lessons, recipe), recipe, surroundings)
    return tuned


def _headless(model: Any) -> Any:
    """An encoder in the form in which networks are tuned: it gives no logits, only vectors."""
    import torch  # noqa: PLC0415

    class Headless(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.bert = model, model.transformer

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            vectors = self.encoder(input_ids, attention_mask)
            return vectors, vectors

    return Headless()
