"""The training loop of an encoder: texts of one group nearer to each other than to all others.

The loss is sentence-transformers' MultipleNegativesRankingLoss (Henderson et al. 2017,
arXiv:1705.00652): in a batch of pairs all other texts are wrong answers, as the mined ones are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.spec import Vectors

Progress = Callable[[str, float], None]
Tokens = Sequence[Sequence[int]]
Triple = tuple[int, int, int]
"""Rows of a question, of a text of its group, and of one of another group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyper-parameters; two cores learn some hundred steps in minutes (docs/benchmarks.md)."""

    epochs: int = 2
    batch_size: int = 32
    """Pairs; each comes with one hard negative."""
    max_steps: int = 400
    """An end to large files; 400 steps take some ten minutes on two cores."""
    learning_rate: float = 5e-5
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.01
    scale: float = 50.0
    """What cosines are multiplied by in the softmax."""
    kept: float = 0.5
    """How much it costs to turn a vector away from where it was."""
    negatives: int = 4
    """Mined for each text, of which one is drawn each time."""
    below: float = 0.9
    """Mined negatives are farther than this share of the cosine to the own group."""
    frozen: float = 0.5
    """Share of the layers, the lowest ones, that stay as they are; saves a third of the time."""
    longest: int = 64
    """Tokens of a text while training."""
    seed: int = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Texts as tokens, their groups, and what must not be taken for the same."""

    tokens: Tokens
    groups: NDArray[np.int64]
    """(n,)"""
    negatives: Sequence[Sequence[int]]
    """For each text some rows of other groups; may be empty."""
    before: Vectors
    """(n, dim) by the encoder as it was."""


class Beside:
    """A second task that is learned with the same network; this one is none."""

    def parameters(self) -> list[Any]:
        """Its own weights."""
        return []

    def loss(self, embed: Callable[[Tokens], Any], chance: np.random.Generator) -> Any:
        """What a step costs besides, a torch scalar or 0; `embed` gives vectors (n, dim)."""
        del embed, chance
        return 0.0


def tune(
    model: Any,
    lessons: Lessons,
    recipe: Recipe,
    on_progress: Progress,
    beside: Beside | None = None,
) -> int:
    """Train `model`, a `SentenceModel`, in place; the number of steps."""
    import torch

    trainer = _Trainer(model, lessons, recipe, beside or Beside())
    torch.manual_seed(recipe.seed)
    per_epoch = sum(1 for _ in batches(lessons, recipe, 0))
    steps = min(per_epoch * recipe.epochs, recipe.max_steps)
    began, done = time.monotonic(), 0
    _attend_plainly(model)
    model.train()
    for epoch in range(recipe.epochs):
        for triples in batches(lessons, recipe, epoch):
            if done == steps:
                break
            trainer.step(triples, _rate(done, steps, recipe))
            done += 1
            left_s = (time.monotonic() - began) / done * (steps - done)
            on_progress(f"fine-tuning the encoder, about {left_s:.0f} s left", done / steps)
    model.to("cpu").eval()
    return done


def batches(lessons: Lessons, recipe: Recipe, epoch: int) -> Iterator[list[Triple]]:
    """Shuffled batches of one epoch; no group stands twice in one, a short last one is left out."""
    chance = np.random.default_rng([recipe.seed, epoch])
    members: dict[int, list[int]] = {}
    for row, group in enumerate(lessons.groups.tolist()):
        members.setdefault(group, []).append(row)
    waiting = [row for rows in members.values() if len(rows) > 1 for row in rows]
    size = min(recipe.batch_size, sum(len(rows) > 1 for rows in members.values()))
    waiting = [waiting[i] for i in chance.permutation(len(waiting))]
    while size > 1 and len(waiting) >= size:
        taken, later, seen = list[int](), list[int](), set[int]()
        for place, row in enumerate(waiting):
            if len(taken) == size:
                later += waiting[place:]
                break
            group = int(lessons.groups[row])
            (later if group in seen else taken).append(row)
            seen.add(group)
        if len(taken) < size:
            return
        waiting = later
        yield [_triple(row, members, lessons, chance) for row in taken]


def _triple(
    row: int, members: dict[int, list[int]], lessons: Lessons, chance: np.random.Generator
) -> Triple:
    others = [other for other in members[int(lessons.groups[row])] if other != row]
    right = others[int(chance.integers(len(others)))]
    wrong = lessons.negatives[row]
    if len(wrong):
        return row, right, int(wrong[int(chance.integers(len(wrong)))])
    while True:  # nothing was mined: any other text that is not of the group
        some = int(chance.integers(len(lessons.groups)))
        if lessons.groups[some] != lessons.groups[row]:
            return row, right, some


class _Trainer:
    """The network in sentence-transformers' terms, with its optimiser."""

    def __init__(self, model: Any, lessons: Lessons, recipe: Recipe, beside: Beside) -> None:
        import torch
        from sentence_transformers.sentence_transformer import losses

        from retrieval.encoders import cpu

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._bfloat16 = self.device == "cuda" or cpu.multiplies_bfloat16()
        self._model = model.to(self.device)
        _freeze(model.transformer, recipe.frozen)
        self._lessons, self._recipe, self._beside = lessons, recipe, beside
        self._loss = losses.MultipleNegativesRankingLoss(_sentence_transformer(model), recipe.scale)
        weights = [w for w in model.parameters() if w.requires_grad]
        self._weights = weights + beside.parameters()
        matrices = [w for w in self._weights if w.ndim > 1]
        rest = [w for w in self._weights if w.ndim < 2]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
        )
        self._chance = np.random.default_rng(recipe.seed)

    def step(self, triples: Sequence[Triple], rate: float) -> float:
        """Learn one batch at `rate` of the peak learning rate; its loss."""
        import torch

        columns = [list(rows) for rows in zip(*triples, strict=True)]
        vectors = [self._embed([self._lessons.tokens[row] for row in rows]) for rows in columns]
        loss = self._loss.compute_loss_from_embeddings(vectors, torch.empty(0))
        for rows, found in zip(columns, vectors, strict=True):
            before = torch.from_numpy(self._lessons.before[rows]).to(self.device)  # (n, dim)
            loss = loss + self._recipe.kept * (1 - (found * before).sum(1)).mean()
        loss = loss + self._beside.loss(self._embed, self._chance)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _embed(self, rows: Tokens) -> Any:
        import torch

        ids, mask = padded([row[: self._recipe.longest] for row in rows])
        with torch.autocast(self.device, torch.bfloat16, enabled=self._bfloat16):
            found = self._loss.model(
                {"input_ids": ids.to(self.device), "attention_mask": mask.to(self.device)}
            )
        return found["sentence_embedding"].float()


def _sentence_transformer(model: Any) -> Any:
    """`model` as sentence-transformers knows it; tokens come in, made as they are for serving."""
    import torch
    from sentence_transformers import SentenceTransformer

    class Whole(torch.nn.Module):
        """Transformer, pooling and unit length in one module."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            vectors = self.inner(features["input_ids"], features["attention_mask"])
            return {**features, "sentence_embedding": vectors}

    device = str(next(model.parameters()).device)
    return SentenceTransformer(modules=[Whole()], device=device)


def embed(model: Any, tokens: Tokens, on_progress: Progress | None = None) -> Vectors:
    """Unit vectors (n, dim) by a `SentenceModel`, in bfloat16 where the processor computes it."""
    import torch

    from retrieval.encoders import cpu

    _attend_plainly(model)
    order = np.argsort([len(row) for row in tokens], kind="stable")
    found: list[Vectors] = []
    with (
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16, enabled=cpu.multiplies_bfloat16()),
    ):
        for start in range(0, len(order), EMBEDDED_AT_ONCE):
            some = [tokens[i] for i in order[start : start + EMBEDDED_AT_ONCE]]
            found.append(model(*padded(some)).float().numpy())
            if on_progress:
                on_progress(f"embedding {len(tokens)} texts", (start + len(some)) / len(tokens))
    vectors = np.concatenate(found)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return np.asarray(vectors[back], np.float32)


EMBEDDED_AT_ONCE = 64


def _freeze(transformer: Any, share: float) -> None:
    """Let the embeddings and the lowest layers stay as they are.

    The embeddings are most of the weights, of which a few thousand texts would touch only some.
    """
    layers = transformer.encoder.layer
    for part in (transformer.embeddings, *layers[: round(len(layers) * share)]):
        part.requires_grad_(False)


def _attend_plainly(model: Any) -> None:
    """Three matrix products: with short texts in bfloat16 the fused kernel takes twice as long."""
    model.transformer.set_attn_implementation("eager")


def padded(rows: Tokens) -> tuple[Any, Any]:
    """Token ids of different lengths as `input_ids` and `attention_mask`, both int64 (n, t)."""
    import torch

    longest = max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """The share of the peak rate at `step`: up linearly, then down to 0."""
    warm = max(1, round(steps * recipe.warmup))
    return min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
