"""What networks are tuned towards, checked against the formulas and by what they prefer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from classifier import objectives
from classifier.finetune import UNLABELLED, Lessons
from classifier.methods import Recipe
from classifier.objectives import Contrast, Labels

TOKENS = [[i] * (i + 1) for i in range(6)]
GOLD = np.array([0, 0, 0, 0, 1, 1])


def says(logits: Sequence[Sequence[float]], vectors: Sequence[Sequence[float]]) -> object:
    """A network that says the same whatever it is asked."""
    unit = torch.nn.functional.normalize(torch.tensor(vectors), dim=1)
    return lambda rows: (torch.tensor(logits)[: len(rows)], unit[: len(rows)])


def test_an_epoch_shows_every_text_once() -> None:
    labels = Labels(Lessons(tokens=TOKENS, gold=GOLD), 2, Recipe(batch_size=4))
    batches = list(labels.batches(np.random.default_rng(0)))
    assert len(batches) == labels.steps() == 2
    assert sorted(np.concatenate(batches).tolist()) == list(range(6))


def test_without_smoothing_the_loss_is_cross_entropy() -> None:
    labels = Labels(Lessons(tokens=TOKENS, gold=GOLD), 2, Recipe(label_smoothing=0.0))
    forward = says([[0.0, math.log(3)]], [[1.0, 0.0]])
    loss = labels.loss(np.array([0]), forward)  # type: ignore[arg-type]
    assert float(loss) == pytest.approx(math.log(4))


def test_a_teacher_is_believed_as_far_as_the_recipe_says() -> None:
    said = np.full((6, 2), 0.5, np.float32)
    lessons = Lessons(tokens=TOKENS, gold=GOLD, teacher=said)
    forward = says([[0.0, math.log(3)]], [[1.0, 0.0]])
    doubting = math.log(4) - 0.5 * math.log(3)  # cross-entropy with one half each
    for share in (0.0, 0.25, 1.0):
        labels = Labels(lessons, 2, Recipe(label_smoothing=0.0, taught=share))
        loss = float(labels.loss(np.array([0]), forward))  # type: ignore[arg-type]
        assert loss == pytest.approx((1 - share) * math.log(4) + share * doubting)


def test_of_a_text_without_label_the_teacher_decides_alone() -> None:
    gold = np.array([0, UNLABELLED, 0, 0, 1, 1])
    said = np.full((6, 2), 0.5, np.float32)
    said[1] = (0.2, 0.8)
    labels = Labels(Lessons(tokens=TOKENS, gold=gold, teacher=said), 2, Recipe(taught=0.5))
    known, unknown = labels.targets(np.array([0, 1]))
    assert unknown.tolist() == pytest.approx([0.2, 0.8])
    assert known.tolist() == pytest.approx([0.7375, 0.2625])  # half of .975 and half of .5


def test_a_text_without_label_needs_a_teacher() -> None:
    lessons = Lessons(tokens=TOKENS, gold=np.array([0, UNLABELLED, 0, 0, 1, 1]))
    with pytest.raises(ValueError, match="teacher"):
        Labels(lessons, 2, Recipe())


def test_balance_makes_the_rare_label_count_more() -> None:
    gold = np.append(GOLD, UNLABELLED)
    weights = objectives._weights(gold, 1.0)
    assert float(weights[4] / weights[0]) == pytest.approx(2)
    assert float(weights[:-1].mean()) == pytest.approx(1)
    assert weights[-1] == 1.0
    assert (objectives._weights(gold, 0.0) == 1.0).all()


def test_contrast_takes_two_texts_of_each_label() -> None:
    gold = np.array([0, 0, 0, 1, 1, 2])  # the last label has one text, which stands twice
    contrast = Contrast(Lessons(tokens=TOKENS, gold=gold), Recipe(batch_size=6))
    for rows in contrast.batches(np.random.default_rng(0)):
        assert sorted(gold[rows].tolist()) == [0, 0, 1, 1, 2, 2]


def test_contrast_prefers_labels_apart() -> None:
    gold = np.array([0, 0, 1, 1, 0, 0])
    contrast = Contrast(Lessons(tokens=TOKENS, gold=gold), Recipe())
    rows = np.arange(4)
    apart = says([[0.0]] * 4, [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    mixed = says([[0.0]] * 4, [[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0]])
    near, far = (float(contrast.loss(rows, f)) for f in (apart, mixed))  # type: ignore[arg-type]
    assert near < 0.01 < far


def test_contrast_is_the_published_formula() -> None:
    gold = np.array([0, 0, 1, 1, 0, 0])
    contrast = Contrast(Lessons(tokens=TOKENS, gold=gold), Recipe())
    points = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    near = np.exp(unit @ unit.T / objectives.TEMPERATURE)
    wanted = 0.0
    for i, mate in enumerate((1, 0, 3, 2)):
        wanted -= math.log(near[i, mate] / (near[i].sum() - near[i, i])) / 4
    said = contrast.loss(np.arange(4), says([[0.0]] * 4, points.tolist()))  # type: ignore[arg-type]
    assert float(said) == pytest.approx(wanted, rel=1e-4)
