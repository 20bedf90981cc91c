"""Judging, mining and batches on vectors made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval import errors
from retrieval.encoders.spec import Side
from retrieval.training import judging, learning, tuning
from retrieval.training.learning import Lessons, Recipe
from retrieval.training.material import Asked, Material, Text


def unit(rows: list[list[float]]) -> np.ndarray:
    vectors = np.array(rows, np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def lessons(groups: list[int], negatives: list[list[int]] | None = None) -> Lessons:
    count = len(groups)
    return Lessons(
        tokens=[[5, 6, 7]] * count,
        groups=np.array(groups),
        negatives=negatives or [[] for _ in groups],
        before=np.zeros((count, 4), np.float32),
    )


def test_a_group_is_as_near_as_its_nearest_text() -> None:
    pool = unit([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    groups = np.array([7, 3, 7, 3, 5, 5])
    asked = unit([[0.1, 0.9, 0], [0, -1, 0.2], [0.9, 0, 0.5]])
    found = judging.judge(pool, groups, asked, np.array([7, 3, 5]))
    assert found.questions == 3
    assert found.first == pytest.approx(2 / 3)
    assert found.mrr == pytest.approx((1 + 1 + 1 / 2) / 3)


def test_what_is_as_near_as_the_own_group_is_no_negative() -> None:
    vectors = unit(
        [[1, 0.1, 0], [1, -0.1, 0], [1, 0, 0.05], [0.5, 1, 0], [-1, 0, 0], [-0.2, -1, 0]]
    )
    groups = np.array([0, 0, 1, 2, 3, 4])
    found = judging.hard_negatives(vectors, groups, count=2, below=0.9)
    assert 2 not in found[0]  # nearer than its own group: likely the same, only unlabelled
    assert found[0][0] == 3
    assert all(groups[row] != groups[other] for row, rows in enumerate(found) for other in rows)


def test_no_group_stands_twice_in_a_batch_and_every_text_once_in_an_epoch() -> None:
    what = lessons([group for group in range(10) for _ in range(3)] + [99])
    recipe = Recipe(batch_size=5)
    found = list(learning.batches(what, recipe, 0))
    assert [len(batch) for batch in found] == [5] * len(found)
    for batch in found:
        members = [int(what.groups[row]) for row, _, _ in batch]
        assert len(set(members)) == 5
    anchors = [row for batch in found for row, _, _ in batch]
    assert len(set(anchors)) == len(anchors) >= 25
    assert 30 not in anchors  # it is alone in its group
    for row, right, wrong in (triple for batch in found for triple in batch):
        assert right != row
        assert what.groups[right] == what.groups[row] != what.groups[wrong]


def test_batches_depend_on_the_epoch_and_the_seed_only() -> None:
    what = lessons([0, 0, 1, 1, 2, 2, 3, 3])
    recipe = Recipe(batch_size=2)
    assert list(learning.batches(what, recipe, 0)) == list(learning.batches(what, recipe, 0))
    assert list(learning.batches(what, recipe, 0)) != list(learning.batches(what, recipe, 1))


def test_mined_negatives_are_drawn() -> None:
    what = lessons([0, 0, 1, 1, 2, 2], [[4], [4], [5], [5], [0], [0]])
    wrong = {row: w for batch in learning.batches(what, Recipe(), 0) for row, _, w in batch}
    assert all(w == what.negatives[row][0] for row, w in wrong.items())


def test_too_few_questions_cannot_compare_encoders() -> None:
    text = Text("a", Side.QUERY)
    with pytest.raises(errors.TrainingError, match="only 1 questions") as caught:
        tuning.exam("held out", Material(((text,),)), [Asked(text, 0)])
    assert "--holdout" in caught.value.hint


def test_an_exam_holds_all_texts_of_the_groups_that_are_asked_for() -> None:
    groups = tuple(
        (Text(f"{g}a", Side.QUERY), Text(f"{g}b", Side.PASSAGE)) for g in range(tuning.POOL)
    )
    asked = [Asked(Text(f"{g}?", Side.QUERY), g) for g in range(tuning.POOL - 25, tuning.POOL)]
    found = tuning.exam("x", Material(groups), asked)
    assert set(found.gold) <= set(found.groups)
    assert len(found.pool) == len(found.groups) <= tuning.POOL + 2
