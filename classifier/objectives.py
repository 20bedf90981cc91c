"""What a network is tuned towards: the right label, or texts of one label close together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from classifier.evaluate import Gold
from classifier.finetune import Forward, Lessons, Rows
from classifier.methods import Recipe

LENGTH_NOISE = 3  # tokens by which the order by length is shaken
TEMPERATURE = 0.07
VIEWS = 2  # texts of a label in a contrastive batch


class Labels:
    """Cross-entropy with the labels and, if there is a teacher, with its probabilities."""

    def __init__(self, lessons: Lessons, classes: int, recipe: Recipe) -> None:
        """Learn `lessons` of `classes` labels in the batches of `recipe`."""
        self._lessons, self._recipe = lessons, recipe
        self._weights = _class_weights(lessons.gold, classes, recipe.balance)

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

        cross_entropy = torch.nn.functional.cross_entropy
        logits, _ = forward([self._lessons.tokens[i] for i in rows])
        loss = cross_entropy(
            logits,
            torch.from_numpy(self._lessons.gold[rows]).to(logits.device),
            weight=None if self._weights is None else self._weights.to(logits.device),
            label_smoothing=self._recipe.label_smoothing,
        )
        if self._lessons.teacher is None:
            return loss
        said = torch.from_numpy(self._lessons.teacher[rows]).to(logits.device)
        taught = self._recipe.taught
        return (1 - taught) * loss + taught * cross_entropy(logits, said)


def _class_weights(gold: Gold, classes: int, balance: float) -> Any:
    """(classes,) weights of the loss, 1 on average over the texts; None if all weigh the same."""
    import torch  # noqa: PLC0415

    if not balance:
        return None
    counts = np.bincount(gold, minlength=classes).clip(min=1)
    weights = (len(gold) / counts) ** balance
    return torch.from_numpy((weights / weights[gold].mean()).astype(np.float32))


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
