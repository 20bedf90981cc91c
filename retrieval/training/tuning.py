"""From material to a better encoder: mine negatives, fine-tune, and go back as far as is good.

What is learned on one collection must not cost what was known: the weights that serve lie on the
line between the old and the new ones, at the point that validation questions favour (WiSE-FT,
Wortsman et al. 2022, arXiv:2109.01903), and while training, vectors that turn away cost something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import errors
from retrieval.encoders.spec import Side, Vectors
from retrieval.training import judging, learning
from retrieval.training.judging import Figures
from retrieval.training.learning import Beside, Progress, Recipe
from retrieval.training.material import Asked, Material, Text

POINTS = (0.33, 0.67, 1.0)  # shares of the way from the old weights to the new ones
POOL = 4_000  # texts that held-out questions are looked for among, at most
LEAST_ASKED = 20  # questions below which a comparison says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """Held-out questions and the texts among which their groups are to be found."""

    name: str
    pool: tuple[Text, ...]
    groups: NDArray[np.int64]
    """(pool,)"""
    asked: tuple[Text, ...]
    gold: NDArray[np.int64]
    """(asked,)"""

    def figures(self, encode: Callable[[Sequence[Text]], Vectors]) -> Figures:
        """How well an encoder does."""
        vectors = encode((*self.pool, *self.asked))
        count = len(self.pool)
        return judging.judge(vectors[:count], self.groups, vectors[count:], self.gold)


def exam(name: str, material: Material, asked: Sequence[Asked], seed: int = 0) -> Exam:
    """The questions with all texts of their groups, and others up to `POOL`.

    Raises:
        errors.TrainingError: there are too few questions to compare anything.
    """
    if len(asked) < LEAST_ASKED:
        raise errors.TrainingError(
            f"{name}: only {len(asked)} questions could be held out.",
            hint=f"At least {LEAST_ASKED} are needed; give more texts, or a larger --holdout.",
        )
    wanted = {item.group for item in asked}
    rest = [place for place in range(len(material.groups)) if place not in wanted]
    some = np.random.default_rng(seed).permutation(len(rest))
    pool: list[Text] = []
    groups: list[int] = []
    for place in [*sorted(wanted), *(rest[i] for i in some)]:
        if place in wanted or len(pool) < POOL:
            pool += material.groups[place]
            groups += [place] * len(material.groups[place])
    return Exam(
        name=name,
        pool=tuple(pool),
        groups=np.array(groups),
        asked=tuple(item.text for item in asked),
        gold=np.array([item.group for item in asked]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What came of a training."""

    steps: int
    point: float
    """Where between the old weights (0) and the new ones (1) the kept ones lie."""
    before: Mapping[str, Figures]
    """By exam."""
    after: Mapping[str, Figures]


class Tokenizer:
    """Texts as the encoder in a folder takes them."""

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer in `folder`."""
        from retrieval.encoders import spec, tokenizing

        self._about = spec.read(folder)
        self._tokenizer = tokenizing.load(folder, self._about.max_length)

    def __call__(self, texts: Sequence[Text]) -> list[list[int]]:
        """Token ids, the prefixes of both sides included."""
        from retrieval.encoders import tokenizing

        whole = [self._about.prefix(t.side) + tokenizing.valid(t.text) for t in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(whole)]


def tune(
    model: Any,
    tokenizer: Tokenizer,
    material: Material,
    exams: Sequence[Exam],
    recipe: Recipe,
    on_progress: Progress,
    beside: Beside | None = None,
) -> Tuned:
    """Fine-tune `model`, a `SentenceModel`, in place, and leave the best weights in it.

    Args:
        model: on the CPU.
        tokenizer: of its folder.
        material: what to learn from.
        exams: with questions that stand in none of it; all count alike.
        recipe: how to learn.
        on_progress: told every step.
        beside: a second task of the same network.
    """

    def encode(texts: Sequence[Text]) -> Vectors:
        return learning.embed(model, tokenizer(texts))

    on_progress("measuring the encoder as it is", 0.0)
    before = {exam.name: exam.figures(encode) for exam in exams}
    lessons = lessons_of(model, tokenizer, material, recipe, on_progress)
    old = {name: weight.detach().clone() for name, weight in _learned(model).items()}
    steps = learning.tune(model, lessons, recipe, on_progress, beside)
    new = {name: weight.detach().clone() for name, weight in _learned(model).items()}
    tried: dict[float, Mapping[str, Figures]] = {0.0: before}
    for place, point in enumerate(POINTS):
        on_progress("comparing with the encoder as it was", place / len(POINTS))
        move(model, old, new, point)
        tried[point] = {exam.name: exam.figures(encode) for exam in exams}
    best = max(tried, key=lambda point: (score(tried[point]), point))
    move(model, old, new, best)
    return Tuned(steps=steps, point=best, before=before, after=tried[best])


def score(figures: Mapping[str, Figures]) -> float:
    """One number for several exams: the mean of first places and reciprocal ranks, 0 to 1."""
    return float(np.mean([(one.first + one.mrr) / 2 for one in figures.values()]))


def move(model: Any, old: Mapping[str, Any], new: Mapping[str, Any], point: float) -> None:
    """Put the weights of `model` at `point` of the way from `old` to `new`."""
    import torch

    with torch.no_grad():
        for name, weight in _learned(model).items():
            weight.copy_(torch.lerp(old[name], new[name], point))


def _learned(model: Any) -> dict[str, Any]:
    return {n: w for n, w in model.named_parameters() if "embeddings" not in n}


def lessons_of(
    model: Any, tokenizer: Tokenizer, material: Material, recipe: Recipe, on_progress: Progress
) -> learning.Lessons:
    """The texts with their vectors so far and with hard negatives, mined or known."""
    return lessons_and_texts(model, tokenizer, material, recipe, on_progress)[0]


def lessons_and_texts(
    model: Any, tokenizer: Tokenizer, material: Material, recipe: Recipe, on_progress: Progress
) -> tuple[learning.Lessons, list[Text]]:
    """The same, and the texts in the order of the lessons."""
    rows: dict[tuple[int, Text], int] = {}
    for place, group in enumerate(material.groups):
        for text in group:
            rows.setdefault((place, text), len(rows))
    alone: dict[Text, int] = {text: row for (_, text), row in rows.items()}
    first = len(material.groups)
    for pair in material.unlike:  # texts of no group are still wrong answers to others
        for text in pair:
            if text not in alone:
                alone[text] = rows[first + len(alone), text] = len(rows)
    texts = [text for _, text in rows]
    groups = np.array([place for place, _ in rows])
    tokens = tokenizer(texts)
    before = learning.embed(model, tokens, on_progress)
    on_progress("mining hard negatives", 0.0)
    negatives = judging.hard_negatives(before, groups, count=recipe.negatives, below=recipe.below)
    known: dict[int, list[int]] = {}
    for left, right in material.unlike:
        known.setdefault(alone[left], []).append(alone[right])
        known.setdefault(alone[right], []).append(alone[left])
    mixed = [[*(r for r in known.get(row, ()) if groups[r] != groups[row]), *mined]
             for row, mined in enumerate(negatives)]  # fmt: skip
    lessons = learning.Lessons(tokens=tokens, groups=groups, negatives=mixed, before=before)
    return lessons, texts


def in_groups(texts: Sequence[Text], encoder: Any) -> Vectors:
    """Vectors (n, dim) by an encoder that serves, each text on its side."""
    found: Vectors | None = None
    for side in Side:
        places = [i for i, text in enumerate(texts) if text.side is side]
        if places:
            some = encoder.encode([texts[i].text for i in places], side)
            if found is None:
                found = np.zeros((len(texts), some.shape[1]), np.float32)
            found[places] = some
    assert found is not None  # noqa: S101 - for the type checker; there are texts
    return found
