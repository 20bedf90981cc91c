"""Adapters on the real encoder: few weights learn, and the merged encoder says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier import adapters, finetune, network
from classifier.finetune import Lessons, Surroundings
from classifier.head import LinearHead
from classifier.methods import Method, Recipe, recipe_for
from classifier.objectives import Labels
from retrieval.encoders import spec, tokenizing

ADAPTERS = (Method.LORA, Method.ADALORA, Method.PREFIX, Method.IA3)
TEXTS = (
    "where is my parcel", "track my order please", "我的包裹到哪了", "when does it arrive",
    "I want my money back", "refund me now", "怎么退款", "give the money back please",
)  # fmt: skip
GOLD = np.array([0, 0, 0, 0, 1, 1, 1, 1])
EPOCHS = 6


def tokens_of(folder: Path) -> list[list[int]]:
    tokenizer = tokenizing.load(folder, spec.read(folder).max_length)
    return [tokenizer.encode(text).ids for text in TEXTS]


def built(folder: Path, method: Method) -> Any:  # noqa: ANN401 - a network of untyped parts
    torch.manual_seed(1)
    dim = spec.read(folder).dim
    start = LinearHead(weight=np.zeros((2, dim), np.float32), bias=np.zeros(2, np.float32))
    return network.build(folder, start, method=method, steps=EPOCHS * 2)


def recipe(method: Method) -> Recipe:
    rate = recipe_for(method).learning_rate
    return Recipe(epochs=EPOCHS, batch_size=4, learning_rate=rate, averaged=0.0)


def losses(net: Any, folder: Path, method: Method) -> list[float]:  # noqa: ANN401
    told: list[float] = []
    around = Surroundings(
        on_progress=lambda _step, _share: None,
        log=lambda _step, figures: told.append(figures["loss"]),
    )
    lessons = Lessons(tokens=tokens_of(folder), gold=GOLD)
    finetune.tune(net, Labels(lessons, 2, recipe(method)), recipe(method), around)
    return told


@pytest.mark.parametrize("method", ADAPTERS)
def test_few_weights_learn_and_the_merged_encoder_agrees(
    method: Method, encoder_folder: Path
) -> None:
    net = built(encoder_folder, method)
    assert 0 < network.trained_share(net) <= 0.02
    frozen = {n: w.detach().clone() for n, w in net.named_parameters() if not w.requires_grad}

    told = losses(net, encoder_folder, method)
    assert told[-1] < told[0]
    for name, weight in net.named_parameters():
        if name in frozen:
            assert torch.equal(weight, frozen[name]), name

    padded = network.pad(tokens_of(encoder_folder))
    with torch.inference_mode():
        before = net(*padded)[0]
        network.merge(net)
        after = net.eval()(*padded)[0]
    assert not hasattr(net.bert, "peft_type")
    assert torch.allclose(before, after, atol=1e-4)


def test_a_method_without_adapters_is_refused(encoder_folder: Path) -> None:
    bert = built(encoder_folder, Method.FULL).bert
    with pytest.raises(ValueError, match="head has no adapter"):
        adapters.wrap(bert, Method.HEAD, steps=1)
