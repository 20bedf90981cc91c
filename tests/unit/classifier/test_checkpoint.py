"""An interrupted fine-tuning goes on at its last whole epoch, to the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier import finetune, network
from classifier.checkpoint import Checkpoint
from classifier.finetune import Lessons, Surroundings
from classifier.head import LinearHead
from classifier.methods import Method, Recipe
from classifier.objectives import Labels
from retrieval.encoders import spec, tokenizing

TEXTS = ("where is my parcel", "track it please", "refund me now", "怎么退款", "退钱", "到哪了")
GOLD = np.array([0, 0, 1, 1, 1, 0])
RECIPE = Recipe(epochs=3, batch_size=3, learning_rate=1e-3, precision="float32")


class Interrupted(Exception):
    """As kill -9 would."""


def lessons(folder: Path) -> Lessons:
    tokenizer = tokenizing.load(folder, spec.read(folder).max_length)
    return Lessons(tokens=[tokenizer.encode(text).ids for text in TEXTS], gold=GOLD)


def built(folder: Path, method: Method) -> Any:  # noqa: ANN401 - a network of untyped parts
    torch.manual_seed(1)
    dim = spec.read(folder).dim
    start = LinearHead(weight=np.zeros((2, dim), np.float32), bias=np.zeros(2, np.float32))
    return network.build(folder, start, method=method, steps=6)


def tuned(
    folder: Path, method: Method, checkpoint: Checkpoint | None, *, until: int = 9
) -> tuple[torch.Tensor, list[str]]:
    """The logits after a training that is interrupted in the epoch `until`, and its steps."""
    told: list[str] = []

    def tell(step: str, _share: float) -> None:
        told.append(step)
        if step.startswith(f"fine-tuning, epoch {until} "):
            raise Interrupted

    net = built(folder, method)
    around = Surroundings(on_progress=tell, checkpoint=checkpoint)
    finetune.tune(net, Labels(lessons(folder), 2, RECIPE), RECIPE, around)
    with torch.inference_mode():
        return net(*network.pad(lessons(folder).tokens))[0], told


@pytest.mark.parametrize("method", [Method.FULL, Method.ADALORA])
def test_it_ends_where_an_uninterrupted_one_does(
    method: Method, encoder_folder: Path, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(folder=tmp_path, order="this one")
    whole, _ = tuned(encoder_folder, method, None)
    with pytest.raises(Interrupted):
        tuned(encoder_folder, method, checkpoint, until=3)
    resumed, told = tuned(encoder_folder, method, checkpoint)
    assert all("epoch 3" in step for step in told)
    assert torch.allclose(whole, resumed, atol=1e-5)


def test_what_belongs_to_another_order_is_not_used(encoder_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        tuned(encoder_folder, Method.IA3, Checkpoint(folder=tmp_path, order="one"), until=2)
    other = Checkpoint(folder=tmp_path, order="another")
    _, told = tuned(encoder_folder, Method.IA3, other)
    assert told[0].startswith("fine-tuning, epoch 1 ")


def test_a_damaged_file_is_not_used(encoder_folder: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, order="one")
    checkpoint.file.write_bytes(b"no safetensors")
    _, told = tuned(encoder_folder, Method.IA3, checkpoint)
    assert told[0].startswith("fine-tuning, epoch 1 ")


def test_it_stops_when_the_held_out_loss_no_longer_falls(encoder_folder: Path) -> None:
    some = lessons(encoder_folder)
    wrong = Lessons(tokens=some.tokens, gold=1 - some.gold)  # the more it learns, the worse
    net = built(encoder_folder, Method.FULL)
    recipe = Recipe(epochs=8, batch_size=3, learning_rate=1e-3, patience=2, averaged=0.0)
    told: list[int] = []
    around = Surroundings(
        on_progress=lambda _step, _share: None,
        log=lambda step, _figures: told.append(step),
        watched=wrong,
    )
    best = finetune.tune(net, Labels(some, 2, recipe), recipe, around)
    assert best < 8
    assert max(told) == 2 * (best + 2)  # two steps an epoch, two epochs of patience
