"""Networks that began alike and learned in other orders, as one: the mean of their weights.

On validation data it errs less than any of them (docs/benchmarks.md), in the time of one. A uniform
soup, Wortsman et al. 2022 (arXiv:2203.05482), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from classifier import finetune
from classifier.checkpoint import Checkpoint
from classifier.finetune import Objective, Surroundings
from classifier.methods import Recipe

if TYPE_CHECKING:
    import torch

SEEDS_APART = 1_000  # so that the networks of two neighbouring seeds have nothing in common


def tune(network: Any, objective: Objective, recipe: Recipe, around: Surroundings) -> int:
    """Train `network` in place, as `finetune.tune`, to the mean of `recipe.soup` networks.

    Args:
        network: all of them begin with its weights.
        objective: what to tune towards.
        recipe: its seed is that of the first one.
        around: each has a checkpoint of its own beside that of the first.

    Returns:
        The number of epochs that the weights come from, on average.
    """
    if recipe.soup == 1:
        return finetune.tune(network, objective, recipe, around)
    weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    mean: dict[str, torch.Tensor] = {}
    epochs = []
    for place in range(recipe.soup):
        _put(weights, start)
        own = replace(recipe, seed=recipe.seed + place * SEEDS_APART)
        told = _part(around, place, recipe, objective.steps())
        epochs.append(finetune.tune(network, objective, own, told))
        for name, weight in weights.items():
            found = mean.setdefault(name, weight.detach().clone())
            found.lerp_(weight.detach(), 1 / (place + 1))
    _put(weights, mean)
    return round(sum(epochs) / len(epochs))


def _put(weights: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for name, weight in weights.items():
        weight.data.copy_(values[name])


def _part(around: Surroundings, place: int, recipe: Recipe, steps: int) -> Surroundings:
    """The surroundings of one of the networks: shares and steps go on where the last one ended."""
    before = place * recipe.epochs * steps

    def tell(step: str, share: float) -> None:
        around.on_progress(
            f"network {place + 1} of {recipe.soup}: {step}", (place + share) / recipe.soup
        )

    def log(step: int, figures: Mapping[str, float]) -> None:
        around.log(before + step, figures)

    kept = around.checkpoint
    if kept and place:
        kept = Checkpoint(
            folder=kept.folder.with_name(f"{kept.folder.name}-{place + 1}"), order=kept.order
        )
    return replace(around, on_progress=tell, log=log, checkpoint=kept)
