"""End-to-end fine-tuning of the encoder with its classification head, in plain torch.

The head starts from the solution of the frozen encoder and only then the whole is tuned, which
distorts the encoder less: LP-FT, Kumar et al. 2022 (arXiv:2202.10054), section 4. The word
embeddings stay as they are: nine tenths of the weights, of which a few thousand examples would
touch only some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import Gold
from classifier.head import LinearHead

if TYPE_CHECKING:
    import torch

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyper-parameters; the defaults were chosen on validation data (docs/benchmarks.md)."""

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 1e-4
    """Peak, for the top layer and the head; decays linearly to 0."""
    layer_decay: float = 0.9
    """Each layer further down learns this much slower (ULMFiT, Howard & Ruder 2018, 3.2)."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    dropout: float = 0.1
    averaged: float = 0.995
    """Decay of the moving average of the weights, which is what serves; 0 for none (Polyak &
    Juditsky 1992; Tarvainen & Valpola 2017, arXiv:1703.01780)."""
    seed: int = 13


def build(encoder: Path, head: LinearHead, *, pooling_dropout: float = 0.1) -> Any:
    """A torch module: (input_ids, attention_mask), both int64 (n, t) → logits, unit vectors."""
    import torch  # noqa: PLC0415 - only training needs it
    from transformers import BertModel  # noqa: PLC0415

    class IntentNetwork(torch.nn.Module):
        """BERT, mean pooling, linear head."""

        def __init__(self) -> None:
            super().__init__()
            self.bert = BertModel.from_pretrained(encoder, add_pooling_layer=False)
            self.dropout = torch.nn.Dropout(pooling_dropout)
            self.head = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
            with torch.no_grad():
                self.head.weight.copy_(torch.from_numpy(head.weight))
                self.head.bias.copy_(torch.from_numpy(head.bias))
            self.bert.embeddings.word_embeddings.weight.requires_grad_(False)

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)  # (n, t, 1)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)  # (n, dim)
            vectors = torch.nn.functional.normalize(mean, dim=-1)  # (n, dim)
            return self.head(self.dropout(vectors)), vectors

    return IntentNetwork()


def tune(
    network: Any,
    tokens: Sequence[Sequence[int]],
    gold: Gold,
    recipe: Recipe,
    *,
    on_progress: Progress,
) -> None:
    """Train `network` in place on token ids and labels; says its progress after each batch."""
    import torch  # noqa: PLC0415

    torch.manual_seed(recipe.seed)
    chance = np.random.default_rng(recipe.seed)
    steps = recipe.epochs * -(-len(tokens) // recipe.batch_size)
    optimizer = torch.optim.AdamW(_groups(network, recipe), weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_then_linear(steps, recipe))
    average = _Average(network, recipe.averaged)
    network.train()
    started = time.monotonic()
    step = 0
    for epoch in range(recipe.epochs):
        for rows in _batches(tokens, recipe.batch_size, chance):
            logits, _ = network(*pad([tokens[i] for i in rows]))
            loss = torch.nn.functional.cross_entropy(
                logits, torch.from_numpy(gold[rows]), label_smoothing=recipe.label_smoothing
            )
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            average.follow(step)
            left_s = (time.monotonic() - started) / step * (steps - step)
            on_progress(
                f"fine-tuning, epoch {epoch + 1} of {recipe.epochs}, about {left_s:.0f} s left",
                step / steps,
            )
    average.take()
    network.eval()


class _Average:
    """Follows the weights that are trained, smoothly, and takes their place in the end."""

    def __init__(self, network: Any, decay: float) -> None:
        self._weights = [weight for weight in network.parameters() if weight.requires_grad]
        self._smooth = [weight.detach().clone() for weight in self._weights]
        self._decay = decay

    def follow(self, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))  # the first steps count for little
        for smooth, weight in zip(self._smooth, self._weights, strict=True):
            smooth.lerp_(weight.detach(), 1 - decay)

    def take(self) -> None:
        for smooth, weight in zip(self._smooth, self._weights, strict=True):
            weight.data.copy_(smooth)


def pad(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of different lengths as `input_ids` and `attention_mask`, both int64 (n, t)."""
    import torch  # noqa: PLC0415

    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def _groups(network: Any, recipe: Recipe) -> list[dict[str, Any]]:
    """One parameter group for each layer, with its own learning rate."""
    layers = len(network.bert.encoder.layer)
    groups = [{"params": list(network.head.parameters()), "lr": recipe.learning_rate}]
    for depth, layer in enumerate(network.bert.encoder.layer):
        rate = recipe.learning_rate * recipe.layer_decay ** (layers - 1 - depth)
        groups.append({"params": list(layer.parameters()), "lr": rate})
    return groups


def _warm_then_linear(steps: int, recipe: Recipe) -> Callable[[int], float]:
    warm = max(1, round(steps * recipe.warmup))
    return lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))


def _batches(
    tokens: Sequence[Sequence[int]], size: int, chance: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Shuffled batches of rows of similar length, so that little is padded."""
    noise = chance.uniform(0, 3, len(tokens))
    order = np.argsort(np.array([len(row) for row in tokens]) + noise)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    for place in chance.permutation(len(batches)):
        yield batches[place]
