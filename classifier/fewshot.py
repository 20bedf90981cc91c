"""Few examples a label: the encoder learns by contrast, then a head is fitted on its vectors.

SetFit, Tunstall et al. 2022 (arXiv:2209.11055), with the supervised contrastive loss. A head fitted
on vectors that were tuned on the same texts is too sure of itself, so the whole is cross-fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import dataset, experts, exporting, familiarity, finetune, head, lexical, model
from classifier import network as networks
from classifier.crossfit import Unseen
from classifier.evaluate import Gold
from classifier.experts import Fitted, Known
from classifier.finetune import Lessons, Surroundings
from classifier.head import LinearHead
from classifier.label_names import Hints
from classifier.objectives import Contrast
from classifier.plan import Around, Plan

FOLDS = 3
EMBEDDED_AT_ONCE = 64
Floats = NDArray[np.float32]


def network(
    plan: Plan, known: Known, labels: Sequence[str], hints: Hints, folder: Path, around: Around
) -> Fitted:
    """Tune once without each fold, to measure, and once with all examples, to serve.

    Args:
        plan: what to train.
        known: all examples.
        labels: the classes' names.
        hints: what is known of the classes besides.
        folder: where the files go.
        around: told the progress.
    """
    count = min(FOLDS, int(np.bincount(known.gold).max()))
    folds = dataset.folds(known.examples, count=count, seed=plan.seed)
    unseen, served = _cross_fitted(plan, known, folds, hints, len(labels), folder, around)
    final = _tuned(plan, known, hints, len(labels), _part(around, count, count + 1), "final")
    share = networks.trained_share(final)
    exporting.write(final, plan.encoder_folder, folder, _tokens(plan, known.texts))
    if not plan.keep_float:
        exporting.keep_only(served.file, folder)
    dense = model.network(folder, served.file, plan.threads)
    return Fitted(
        dense=dense,
        examples=familiarity.examples_of(dense(known.texts)[1], known.gold, len(labels)),
        unseen=unseen,
        asked=known,
        measured_on=f"{count}-fold cross-validation",
        network=served.file,
        notes=(served.note,),
        facts={"trained parameters": f"{share:.2%}"},
    )


def _cross_fitted(
    plan: Plan,
    known: Known,
    folds: NDArray[np.int64],
    hints: Hints,
    classes: int,
    folder: Path,
    around: Around,
) -> tuple[Unseen, exporting.Choice]:
    """What networks say of the fold that they did not learn, and which graph is worth serving."""
    count = int(folds.max()) + 1
    logits = np.zeros((len(folds), classes), np.float32)
    margins = np.zeros((len(folds), classes), np.float32)
    vectors: list[Floats] = []
    near: list[familiarity.Examples] = []
    choices: list[exporting.Choice] = []
    for fold in range(count):
        learned, asked = known.where(folds != fold), known.where(folds == fold)
        told = _part(around, fold, count + 1)
        tuned = _tuned(plan, learned, hints, classes, told, f"fold-{fold}")
        vectors.append(_vectors(tuned, plan, asked.texts))
        logits[folds == fold] = _head_of(tuned).logits(vectors[-1])
        seen = _vectors(tuned, plan, learned.texts)
        near.append(familiarity.examples_of(seen, learned.gold, classes))
        words = lexical.fit(*hints.after(learned.texts, learned.gold), classes)
        margins[folds == fold] = words.margins(asked.texts)
        if not choices:
            exporting.write(tuned, plan.encoder_folder, folder, _tokens(plan, learned.texts))
            choices.append(exporting.chosen(folder, asked, plan.threads))

    def nearness(guesses: Gold) -> Floats:
        out = np.zeros(len(guesses), np.float32)
        for fold, examples in enumerate(near):
            out[folds == fold] = examples.nearness(vectors[fold], guesses[folds == fold])
        return out

    return Unseen(dense=logits, lexical=margins, nearness=nearness), choices[0]


def _tuned(plan: Plan, known: Known, hints: Hints, classes: int, around: Around, part: str) -> Any:
    """A network whose encoder was tuned on `known` and the hints, with a head fitted on top."""
    import torch  # noqa: PLC0415 - seconds to import, only training needs it

    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.recipe.seed)
    texts, gold = hints.after(known.texts, known.gold)
    start = head.fit(*hints.beside(known.vectors, known.gold), classes)
    net = networks.build(plan.encoder_folder, start, method=plan.method)
    net.head.requires_grad_(False)  # the contrast is between vectors; its turn comes afterwards
    lessons = Lessons(tokens=_tokens(plan, texts), gold=gold)
    surroundings = Surroundings(
        on_progress=around.on_progress,
        log=around.log,
        checkpoint=experts.checkpoint(around.checkpoints, plan.order, part),
    )
    finetune.tune(net, Contrast(lessons, plan.recipe), plan.recipe, surroundings)
    networks.put_head(net, head.fit(_vectors(net, plan, texts), gold, classes))
    return net


def _vectors(net: Any, plan: Plan, texts: Sequence[str]) -> Floats:
    """Unit vectors (n, dim) by a network that is still in torch."""
    import torch  # noqa: PLC0415

    tokens = _tokens(plan, texts)
    order = np.argsort([len(row) for row in tokens], kind="stable")
    out = np.zeros((len(tokens), net.head.in_features), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), EMBEDDED_AT_ONCE):
            rows = order[start : start + EMBEDDED_AT_ONCE]
            out[rows] = net(*networks.pad([tokens[i] for i in rows]))[1].numpy()
    return out


def _head_of(net: Any) -> LinearHead:
    weight, bias = net.head.weight.detach().numpy(), net.head.bias.detach().numpy()
    return LinearHead(weight=weight, bias=bias)


def _part(around: Around, place: int, of: int) -> Around:
    """The same surroundings for one of several trainings: shares go on, names say which."""

    def tell(step: str, share: float) -> None:
        around.on_progress(f"{step} (part {place + 1} of {of})", (place + share) / of)

    return replace(around, on_progress=tell)


def _tokens(plan: Plan, texts: Sequence[str]) -> list[list[int]]:
    return networks.tokens(plan.encoder_folder, texts)
