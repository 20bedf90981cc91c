"""The training loop: an objective in, a network that was tuned towards it out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifier import adapters, checkpoint
from classifier.checkpoint import Checkpoint
from classifier.evaluate import Gold
from classifier.methods import Recipe
from classifier.network import pad

EPOCH_SEEDS = 1_000  # apart, so that no epoch of two seeds is shuffled alike
JUDGED_AT_ONCE = 64
HELD_OUT_LOSS = "held-out loss"
UNLABELLED = -1  # in place of a label that nobody gave

Rows = NDArray[np.int64]
Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""
Log = Callable[[int, Mapping[str, float]], None]
"""Called with the step and the figures that were measured at it, by name."""
Forward = Callable[[Sequence[Sequence[int]]], tuple[Any, Any]]
"""Token ids of n texts → logits (n, classes) and unit vectors (n, dim), float torch tensors."""
_LAYER = re.compile(r"layer\.(\d+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Texts as token ids, and what to say of them."""

    tokens: Sequence[Sequence[int]]
    gold: Gold
    """(n,), `UNLABELLED` where only the teacher says something."""
    teacher: NDArray[np.float32] | None = None
    """(n, classes): probabilities that a teacher gives, learned beside the labels."""


class Objective(Protocol):
    """What to tune towards."""

    def steps(self) -> int:
        """How many steps an epoch has."""

    def batches(self, chance: np.random.Generator) -> Iterator[Rows]:
        """The rows of each step of an epoch."""

    def loss(self, rows: Rows, forward: Forward) -> Any:
        """The loss of some rows, a torch scalar that gradients can be taken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a training tells, and what it may lean on."""

    on_progress: Progress
    log: Log = lambda _step, _figures: None
    checkpoint: Checkpoint | None = None
    """Where to leave off and go on after an interruption."""
    watched: Lessons | None = None
    """Texts not learned from, whose loss is logged and, with `patience`, decides when to stop."""


def tune(network: Any, objective: Objective, recipe: Recipe, around: Surroundings) -> int:
    """Train `network` in place, and give the number of epochs that its weights come from.

    An epoch depends on nothing but the weights before it, the recipe and its own number: a
    training that goes on from a checkpoint ends where an uninterrupted one does.
    """
    trainer = Trainer(network, objective, recipe, around)
    if around.checkpoint:
        checkpoint.restore(around.checkpoint, trainer)
    while trainer.epochs_done < recipe.epochs and not trainer.is_enough():
        trainer.learn()
        if around.watched is not None:
            trainer.judge(around.watched)
        if around.checkpoint:
            checkpoint.save(around.checkpoint, trainer)
    return trainer.finish()


class Trainer:
    """The network with its optimiser, its moving average and, if watched, its best state."""

    def __init__(
        self, network: Any, objective: Objective, recipe: Recipe, around: Surroundings
    ) -> None:
        """Begin before the first epoch."""
        import torch  # noqa: PLC0415 - seconds to import, only training needs it

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device)
        self.weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
        self.optimizer = torch.optim.AdamW(_groups(network, recipe), betas=(0.9, 0.999), fused=True)
        self.average = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.best: dict[str, torch.Tensor] = {}
        self.best_loss, self.best_epoch = float("inf"), 0
        self.epochs_done = 0
        self._objective, self._recipe, self._around = objective, recipe, around
        self._per_epoch = objective.steps()
        self._bfloat16 = _in_bfloat16(recipe.precision, self.device)

    def learn(self) -> None:
        """Go through one epoch."""
        import torch  # noqa: PLC0415

        recipe, epoch, steps = self._recipe, self.epochs_done, self._per_epoch
        torch.manual_seed(recipe.seed * EPOCH_SEEDS + epoch)
        chance = np.random.default_rng([recipe.seed, epoch])
        self.network.train()
        started, total = time.monotonic(), 0.0
        for place, rows in enumerate(self._objective.batches(chance)):
            step = epoch * steps + place
            total += self._step(step, rows)
            left = recipe.epochs * steps - step - 1
            left_s = (time.monotonic() - started) / (place + 1) * left
            self._around.on_progress(
                f"fine-tuning, epoch {epoch + 1} of {recipe.epochs}, about {left_s:.0f} s left",
                (step + 1) / (recipe.epochs * steps),
            )
        self.epochs_done += 1
        self._around.log(self.epochs_done * steps, {"loss": total / steps})

    def judge(self, watched: Lessons) -> None:
        """Measure the averaged weights on the watched lessons, and remember the best of them."""
        with _Swapped(self.weights, self.average):
            loss, accuracy = self._measure(watched)
        figures = {HELD_OUT_LOSS: loss, "held-out accuracy": accuracy}
        self._around.log(self.epochs_done * self._per_epoch, figures)
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epochs_done
            if self._recipe.patience:
                self.best = {name: w.clone() for name, w in self.average.items()}

    def is_enough(self) -> bool:
        """Whether the watched loss has not fallen for as many epochs as the recipe bears."""
        patience = self._recipe.patience
        return bool(self.best) and self.epochs_done - self.best_epoch >= patience

    def finish(self) -> int:
        """Leave the best averaged weights in the network, on the CPU."""
        for name, weight in self.weights.items():
            weight.data.copy_((self.best or self.average)[name])
        self.network.to("cpu").eval()
        return self.best_epoch if self.best else self.epochs_done

    def _step(self, step: int, rows: Rows) -> float:
        import torch  # noqa: PLC0415

        recipe, total = self._recipe, 0.0
        for part in np.array_split(rows, min(recipe.accumulate, len(rows))):
            loss = self._objective.loss(part, self._forward) * (len(part) / len(rows))
            loss = loss + adapters.penalty(self.network.bert) / recipe.accumulate
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0)
        rate = _rate(step, recipe.epochs * self._per_epoch, recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        self.optimizer.step()
        adapters.after_step(self.network.bert, step)
        self.optimizer.zero_grad(set_to_none=True)
        # The first steps count for little; without averaging the last one counts alone.
        decay = min(recipe.averaged, (2 + step) / (11 + step)) if recipe.averaged else 0.0
        for name, weight in self.weights.items():
            self.average[name].lerp_(weight.detach(), 1 - decay)
        return total

    def _forward(self, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        import torch  # noqa: PLC0415

        with torch.autocast(self.device, torch.bfloat16, enabled=self._bfloat16):
            logits, vectors = self.network(*pad(rows, self.device))
        return logits.float(), vectors.float()

    def _measure(self, watched: Lessons) -> tuple[float, float]:
        """Mean negative log-likelihood and accuracy."""
        import torch  # noqa: PLC0415

        self.network.eval()
        loss, right = 0.0, 0
        with torch.inference_mode():
            for start in range(0, len(watched.tokens), JUDGED_AT_ONCE):
                logits = self._forward(watched.tokens[start : start + JUDGED_AT_ONCE])[0].cpu()
                gold = torch.from_numpy(watched.gold[start : start + JUDGED_AT_ONCE])
                loss += float(torch.nn.functional.cross_entropy(logits, gold, reduction="sum"))
                right += int((logits.argmax(1) == gold).sum())
        return loss / len(watched.tokens), right / len(watched.tokens)


class _Swapped:
    """A `with` block in which the weights have other values."""

    def __init__(self, weights: Mapping[str, Any], others: Mapping[str, Any]) -> None:
        self._weights, self._others = weights, others
        self._before: dict[str, Any] = {}

    def __enter__(self) -> None:
        for name, weight in self._weights.items():
            self._before[name] = weight.detach().clone()
            weight.data.copy_(self._others[name])

    def __exit__(self, *_: object) -> None:
        for name, weight in self._weights.items():
            weight.data.copy_(self._before[name])


def _groups(network: Any, recipe: Recipe) -> list[dict[str, Any]]:
    """One parameter group for each layer and kind of weight, with its own peak rate."""
    layers = network.bert.config.num_hidden_layers
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            found = _LAYER.search(name)
            above = layers - 1 - int(found[1]) if found else 0
            if "embeddings" in name:
                above = layers
            groups.setdefault((above, weight.ndim > 1), []).append(weight)
    return [
        {
            "params": weights,
            "peak": recipe.learning_rate * recipe.layer_decay**above,
            "weight_decay": recipe.weight_decay if is_matrix else 0.0,
        }
        for (above, is_matrix), weights in groups.items()
    ]


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """The share of the peak rate at `step`: up linearly, then down to 0."""
    warm = max(1, round(steps * recipe.warmup))
    return min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))


def _in_bfloat16(precision: str, device: str) -> bool:
    from retrieval.encoders import cpu  # noqa: PLC0415 - reads a file

    if precision != "auto":
        return precision == "bfloat16"
    return device == "cuda" or cpu.multiplies_bfloat16()
