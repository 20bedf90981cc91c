"""What a network is tuned towards: the right label, or texts of one label close together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import Gold
from classifier.finetune import UNLABELLED, Forward, Lessons, Rows
from classifier.methods import Recipe

LENGTH_NOISE = 3  # tokens by which the order by length is shaken
TEMPERATURE = 0.07
VIEWS = 2  # texts of a label in a contrastive batch


class Labels:
    """Cross-entropy with the labels and, if there is a teacher, with its probabilities.

    Distillation, Hinton et al. 2015 (arXiv:1503.02531), section 2. Of a text that has no label the
    teacher's word is all that there is to learn.
    """

    def __init__(self, lessons: Lessons, classes: int, recipe: Recipe) -> None:
        """Learn `lessons` of `classes` labels in the batches of `recipe`.

        Raises:
            ValueError: a text has no label, and there is no teacher either.
        """
        if lessons.teacher is None and (lessons.gold == UNLABELLED).any():
            raise ValueError("a text without a label needs a teacher")
        self._lessons, self._recipe, self._classes = lessons, recipe, classes
        self._weights = _weights(lessons.gold, recipe.balance)

    def steps(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self._lessons.gold) // self._recipe.batch_size)

    def batches(self, chance: np.random.Generator) -> Iterator[Rows]:
        """Shuffled batches of rows of similar length, so that little is padded."""
        lengths = np.array([len(row) for row in self._lessons.tokens])
        order = np.argsort(lengths + chance.uniform(0, LENGTH_NOISE, len(lengths)))
        size = self._recipe.batch_size
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        for place in chance.permutation(len(batches)):
            yield batches[place]

    def loss(self, rows: Rows, forward: Forward) -> Any:
        """The loss of some rows."""
        import torch  # noqa: PLC0415 - only training needs it

        logits, _ = forward([self._lessons.tokens[i] for i in rows])
        targets = torch.from_numpy(self.targets(rows)).to(logits.device)
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        weights = torch.from_numpy(self._weights[rows]).to(logits.device)
        return (losses * weights).sum() / weights.sum()

    def targets(self, rows: Rows) -> NDArray[np.float32]:
        """What to say of some rows: (rows, classes), each row sums to 1."""
        gold, teacher = self._lessons.gold[rows], self._lessons.teacher
        smooth, taught = self._recipe.label_smoothing, self._recipe.taught
        out = np.full((len(rows), self._classes), smooth / self._classes, np.float32)
        known = np.flatnonzero(gold != UNLABELLED)
        out[known, gold[known]] += 1 - smooth
        if teacher is not None:
            told = teacher[rows]
            trust = np.where(gold == UNLABELLED, 1.0, taught).astype(np.float32)[:, None]
            out = (1 - trust) * out + trust * told
        return out


def _weights(gold: Gold, balance: float) -> NDArray[np.float32]:
    """(n,) how much each text counts: 1 on average, and 1 if it has no label."""
    weights = np.ones(len(gold), np.float32)
    known = gold != UNLABELLED
    if balance and known.any():
        counts = np.bincount(gold[known])[gold[known]]
        found = (known.sum() / counts) ** balance
        weights[known] = found / found.mean()
    return weights


class Contrast:
    """Texts of one label closer together than others.

    The supervised contrastive loss of Khosla et al. 2020 (arXiv:2004.11362), equation 2, which for
    few examples teaches more than the labels do (SetFit, Tunstall et al. 2022, arXiv:2209.11055).
    """

    def __init__(self, lessons: Lessons, recipe: Recipe) -> None:
        """Learn `lessons` in the batches of `recipe`."""
        self._lessons, self._recipe = lessons, recipe
        self._rows = [np.flatnonzero(lessons.gold == label) for label in np.unique(lessons.gold)]

    def steps(self) -> int:
        """How many steps an epoch has: each text is seen once, on average."""
        return -(-len(self._lessons.gold) // self._recipe.batch_size)

    def batches(self, chance: np.random.Generator) -> Iterator[Rows]:
        """Batches of `VIEWS` texts of each of some labels; one text alone stands beside itself."""
        labels = min(len(self._rows), max(2, self._recipe.batch_size // VIEWS))
        for _ in range(self.steps()):
            some = chance.permutation(len(self._rows))[:labels]
            yield np.concatenate(
                [
                    chance.choice(self._rows[i], VIEWS, replace=len(self._rows[i]) < VIEWS)
                    for i in some
                ]
            )

    def loss(self, rows: Rows, forward: Forward) -> Any:
        """The loss of some rows; 0 where no label stands twice among them."""
        import torch  # noqa: PLC0415 - only training needs it

        _, vectors = forward([self._lessons.tokens[i] for i in rows])
        gold = torch.from_numpy(self._lessons.gold[rows]).to(vectors.device)
        itself = torch.eye(len(rows), dtype=torch.bool, device=vectors.device)
        alike = (gold[:, None] == gold[None]) & ~itself  # (n, n)
        near = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, float("-inf"))  # (n, n)
        likely = (near - near.logsumexp(1, keepdim=True)).masked_fill(itself, 0.0)
        return -((likely * alike).sum(1) / alike.sum(1).clamp(min=1)).mean()
