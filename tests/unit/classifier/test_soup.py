"""The mean of several networks is their mean, and an interruption costs at most an epoch of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier import finetune, network, soup
from classifier.checkpoint import Checkpoint
from classifier.finetune import Lessons, Surroundings
from classifier.head import LinearHead
from classifier.methods import Recipe
from classifier.objectives import Labels
from retrieval.encoders import spec, tokenizing

TEXTS = ("where is my parcel", "track it please", "refund me now", "怎么退款", "退钱", "到哪了")
GOLD = np.array([0, 0, 1, 1, 1, 0])
RECIPE = Recipe(epochs=2, batch_size=3, learning_rate=1e-3, precision="float32", soup=2)
SILENT = Surroundings(on_progress=lambda _step, _share: None)
Network = Any  # a torch module made of untyped parts


class Interrupted(Exception):
    """As kill -9 would."""


def lessons(folder: Path) -> Labels:
    tokenizer = tokenizing.load(folder, spec.read(folder).max_length)
    tokens = [tokenizer.encode(text).ids for text in TEXTS]
    return Labels(Lessons(tokens=tokens, gold=GOLD), 2, RECIPE)


def built(folder: Path) -> Network:
    dim = spec.read(folder).dim
    start = LinearHead(weight=np.zeros((2, dim), np.float32), bias=np.zeros(2, np.float32))
    return network.build(folder, start)


def weights(net: Network) -> dict[str, torch.Tensor]:
    return {n: w.detach().clone() for n, w in net.named_parameters() if w.requires_grad}


@pytest.fixture(scope="module")
def mean(encoder_folder: Path) -> dict[str, torch.Tensor]:
    """The weights after an uninterrupted training of two networks."""
    net = built(encoder_folder)
    assert soup.tune(net, lessons(encoder_folder), RECIPE, SILENT) == 2
    return weights(net)


def test_its_weights_are_the_mean_of_two_trainings(
    encoder_folder: Path, mean: Mapping[str, torch.Tensor]
) -> None:
    alone = []
    for seed in (RECIPE.seed, RECIPE.seed + soup.SEEDS_APART):
        net = built(encoder_folder)
        recipe = replace(RECIPE, seed=seed, soup=1)
        finetune.tune(net, lessons(encoder_folder), recipe, SILENT)
        alone.append(weights(net))
    first, second = alone
    assert not torch.allclose(first["head.weight"], second["head.weight"], atol=1e-4)
    for name, weight in mean.items():
        assert torch.allclose(weight, (first[name] + second[name]) / 2, atol=1e-6), name


def test_it_goes_on_with_the_network_that_was_interrupted(
    encoder_folder: Path, mean: Mapping[str, torch.Tensor], tmp_path: Path
) -> None:
    told: list[tuple[str, float]] = []

    def tell(step: str, share: float) -> None:
        told.append((step, share))
        if len(told) == 7 and step.startswith("network 2 of 2: fine-tuning, epoch 2 "):
            raise Interrupted

    around = replace(
        SILENT, on_progress=tell, checkpoint=Checkpoint(folder=tmp_path / "first", order="this")
    )
    with pytest.raises(Interrupted):
        soup.tune(built(encoder_folder), lessons(encoder_folder), RECIPE, around)
    before = len(told)
    net = built(encoder_folder)
    soup.tune(net, lessons(encoder_folder), RECIPE, around)
    assert all("network 2 of 2" in step and "epoch 2" in step for step, _ in told[before:])
    assert told[-1][1] == 1.0
    for name, weight in weights(net).items():
        assert torch.allclose(weight, mean[name], atol=1e-5), name
