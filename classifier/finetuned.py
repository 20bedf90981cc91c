"""A network of one's own: fine-tuned, exported, measured on held-out texts, refitted on all."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import (
    dataset,
    experts,
    exporting,
    familiarity,
    finetune,
    head,
    lexical,
    model,
    search,
    soup,
    teaching,
)
from classifier import network as networks
from classifier.crossfit import Unseen
from classifier.errors import DatasetError
from classifier.experts import Fitted, Known
from classifier.finetune import (
    HELD_OUT_LOSS,
    UNLABELLED,
    Lessons,
    Progress,
    Surroundings,
)
from classifier.label_names import Hints
from classifier.methods import Recipe
from classifier.objectives import Labels
from classifier.plan import Around, Plan

SEARCHED_ON = 0.2  # share of what is learned from that a search judges by

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Besides:
    """What there is to learn from besides examples."""

    labels: tuple[str, ...]
    hints: Hints
    unlabelled: Floats
    """(n, dim) vectors of `Plan.unlabelled`, by the frozen encoder."""

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return len(self.labels)


def network(
    plan: Plan,
    learned: Known,
    asked: Known,
    besides: Besides,
    folder: Path,
    around: Around,
) -> Fitted:
    """Fine-tune on `learned`, measure on `asked`, and then, if planned, learn from both.

    What calibrates the model was said by the first network: the second one differs by a few more
    examples.

    Args:
        plan: what to train.
        learned: examples to learn from.
        asked: examples to measure on.
        besides: what else there is to learn from.
        folder: where the files go.
        around: told the progress.

    Raises:
        DatasetError: nothing is held out to measure on.
    """
    notes: list[tuple[str, str]] = []
    if not asked.examples:
        raise DatasetError(
            "nothing is held out to measure a fine-tuned network on.",
            hint="Give more examples, a larger --holdout, or use --method head.",
        )
    if plan.search:
        found = _searched(plan, learned, besides, around)
        plan = replace(plan, recipe=found.recipe)
        notes.append(found.notes())
    first = _tuned(plan, learned, besides, folder, around, watched=asked)
    around.on_progress("measuring the fine-tuned network", 0.0)
    served = exporting.chosen(folder, asked, plan.threads)
    dense = model.network(folder, served.file, plan.threads)
    logits, seen = dense(asked.texts)
    near = familiarity.examples_of(dense(learned.texts)[1], learned.gold, besides.classes)
    words = lexical.fit(*besides.hints.after(learned.texts, learned.gold), besides.classes)
    unseen = Unseen(
        dense=logits,
        lexical=words.margins(asked.texts),
        nearness=lambda guesses: near.nearness(seen, guesses),
    )
    if plan.refit:
        again = replace(plan, recipe=replace(plan.recipe, epochs=first.epochs, patience=0))
        both = learned.beside(asked)
        _tuned(again, both, besides, folder, around, watched=None)
        dense = model.network(folder, served.file, plan.threads)
        near = familiarity.examples_of(dense(both.texts)[1], both.gold, besides.classes)
    if not plan.keep_float:
        exporting.keep_only(served.file, folder)
    return Fitted(
        dense=dense,
        examples=near,
        unseen=unseen,
        asked=asked,
        measured_on=_where(plan, asked),
        network=served.file,
        notes=(*notes, served.note, *_notes(plan, first)),
        facts={"trained parameters": f"{first.share:.2%}"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tuned:
    epochs: int
    share: float


def _tuned(
    plan: Plan,
    known: Known,
    besides: Besides,
    folder: Path,
    around: Around,
    *,
    watched: Known | None,
) -> _Tuned:
    """Fine-tune on `known`, and export to ONNX with float and with int8 weights."""
    import torch  # noqa: PLC0415 - seconds to import, only needed here

    torch.set_num_threads(plan.threads)
    lessons = _lessons(plan, known, besides, around.on_progress)
    net = _network(plan, known, besides, lessons)
    share = networks.trained_share(net)
    surroundings = Surroundings(
        on_progress=around.on_progress,
        log=around.log,
        checkpoint=experts.checkpoint(
            around.checkpoints, plan.order, "refit" if watched is None else "first"
        ),
        watched=_untaught(plan, watched) if watched else None,
    )
    objective = Labels(lessons, besides.classes, plan.recipe)
    epochs = soup.tune(net, objective, plan.recipe, surroundings)
    around.on_progress("exporting the fine-tuned network", 1.0)
    exporting.write(net, plan.encoder_folder, folder, lessons.tokens)
    return _Tuned(epochs=epochs, share=share)


def _searched(plan: Plan, learned: Known, besides: Besides, around: Around) -> search.Found:
    """Look for a recipe with a part of what is learned from."""
    aside = dataset.held_out(learned.examples, holdout=SEARCHED_ON, seed=plan.seed)
    some, others = learned.where(~aside), learned.where(aside)
    lessons = _lessons(plan, some, besides, around.on_progress)
    watched = _untaught(plan, others)

    def trial(recipe: Recipe, report: search.Report) -> float:
        losses: list[float] = []

        def log(_step: int, figures: Mapping[str, float]) -> None:
            if HELD_OUT_LOSS in figures:
                losses.append(figures[HELD_OUT_LOSS])
                if not report(len(losses), losses[-1]):
                    raise _Hopeless

        net = _network(replace(plan, recipe=recipe), some, besides, lessons)
        surroundings = Surroundings(on_progress=around.on_progress, log=log, watched=watched)
        with contextlib.suppress(_Hopeless):
            finetune.tune(net, Labels(lessons, besides.classes, recipe), recipe, surroundings)
        return min(losses)

    return search.search(plan.recipe, trial, trials=plan.search, on_progress=around.on_progress)


class _Hopeless(Exception):
    """A trial that is not worth going on."""


def _lessons(plan: Plan, known: Known, besides: Besides, on_progress: Progress) -> Lessons:
    """All there is to learn: the examples, the names of their labels, what the teacher labels."""
    texts, gold = besides.hints.after(known.texts, known.gold)
    soft: Floats | None = None
    if plan.teacher is not None:
        asked = (known, besides.hints, besides.classes)
        soft = teaching.soft_labels(*asked, seed=plan.seed, on_progress=on_progress)
        if plan.unlabelled:
            more = teaching.of_unlabelled(
                plan.teacher, plan.unlabelled, *asked, seed=plan.seed, on_progress=on_progress
            )
            soft = np.concatenate([soft, more])
            texts = [*texts, *plan.unlabelled]
            gold = np.concatenate([gold, np.full(len(more), UNLABELLED)])
    tokens = networks.tokens(plan.encoder_folder, texts)
    return Lessons(tokens=tokens, gold=gold, teacher=soft)


def _untaught(plan: Plan, known: Known) -> Lessons:
    return Lessons(tokens=networks.tokens(plan.encoder_folder, known.texts), gold=known.gold)


def _network(plan: Plan, known: Known, besides: Besides, lessons: Lessons) -> Any:
    import torch  # noqa: PLC0415

    torch.manual_seed(plan.recipe.seed)  # adapters begin with chance numbers
    vectors, gold = besides.hints.beside(known.vectors, known.gold)
    start = head.fit(vectors, gold, besides.classes)
    if plan.unlabelled and lessons.teacher is not None:
        said = [teaching.certain(gold, besides.classes), lessons.teacher[len(gold) :]]
        every = np.concatenate([vectors, besides.unlabelled])
        start = head.fit(every, np.concatenate(said), besides.classes)
    return networks.build(
        plan.encoder_folder,
        start,
        method=plan.method,
        steps=plan.recipe.epochs * -(-len(lessons.gold) // plan.recipe.batch_size),
    )


def _where(plan: Plan, asked: Known) -> str:
    held = f"{len(asked.gold)} examples that were held out"
    return dataset.named(asked.examples) if plan.valid else held


def _notes(plan: Plan, first: _Tuned) -> list[tuple[str, str]]:
    notes = []
    if first.epochs < plan.recipe.epochs:
        notes.append(
            (
                f"Stopped early: the weights are those after epoch {first.epochs}, chosen by the "
                "same texts as the figures, which are therefore slightly too good.",
                f"提前停止：采用第 {first.epochs} 轮后的权重；选择依据与评测使用同一批文本，"
                "指标略偏乐观。",
            )
        )
    if plan.recipe.soup > 1:
        notes.append(
            (
                f"The weights are the mean of {plan.recipe.soup} networks that learned in other "
                "orders.",
                f"权重是 {plan.recipe.soup} 个以不同顺序训练的网络的平均值。",
            )
        )
    if plan.refit:
        notes.append(
            (
                "After it was measured, the network was trained once more on all examples, those "
                "that measured it included.",
                "评测之后，又用全部例句（包括用于评测的例句）重新训练了一次网络。",
            )
        )
    return notes
