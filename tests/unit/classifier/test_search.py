"""A search over recipes: the one that was asked for is tried first, the best one is kept."""

from __future__ import annotations

import math

from classifier import search
from classifier.methods import Recipe
from classifier.search import Report

START = Recipe(learning_rate=1e-4, epochs=4, seed=3)
BEST_RATE = 3e-4


def loss_of(recipe: Recipe, report: Report) -> float:
    """Least at `BEST_RATE`, falling over the epochs; hopeless ones end early."""
    far = abs(math.log(recipe.learning_rate / BEST_RATE))
    for epoch in range(1, recipe.epochs):
        if not report(epoch, far + 1 / epoch):
            break
    return far + 1 / recipe.epochs


def test_it_finds_a_better_recipe_than_it_began_with() -> None:
    tried: list[Recipe] = []

    def trial(recipe: Recipe, report: Report) -> float:
        tried.append(recipe)
        return loss_of(recipe, report)

    steps: list[float] = []
    found = search.search(
        START, trial, trials=20, on_progress=lambda _step, share: steps.append(share)
    )
    assert tried[0] == START
    assert len(tried) == found.trials == 20
    assert found.pruned > 0
    assert found.loss < found.first_loss
    assert abs(math.log(found.recipe.learning_rate / BEST_RATE)) < math.log(3)
    assert (found.recipe.epochs, found.recipe.seed) == (4, 3)
    assert steps == sorted(steps)
    assert all("20" in sentence for sentence in found.notes())


def test_the_same_seed_finds_the_same() -> None:
    first, second = (
        search.search(START, loss_of, trials=6, on_progress=lambda _step, _share: None)
        for _ in range(2)
    )
    assert first == second
