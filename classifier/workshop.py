"""From a data file to a model folder, and from a model folder to its classifier.

What `frontdesk classifier` does, without its words; the server trains by `bot.training`.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier import (
    artifact,
    checkpoint,
    dataset,
    errors,
    inspection,
    label_names,
    model,
    reporting,
    tracking,
)
from classifier.dataset import LabelledText
from classifier.finetune import Progress
from classifier.methods import Method, Recipe
from classifier.model import IntentClassifier
from classifier.plan import Around, Plan
from classifier.train import Trained, train, versions

if TYPE_CHECKING:
    from retrieval.encoders.runtime import Encoder

MANY_PER_INTENT = 20  # of fewer, fine-tuning learns no more than heads do (docs/benchmarks.md)
STRAY = 0.01  # share of Chinese texts in data that count as English
HOLDOUT, HOLDOUT_OF_FEW = 0.1, 0.2
MAX_EXAMPLES = 100_000  # more teach hardly anything and would take hours
MAX_UNLABELLED = 20_000  # what more of them would add, they take away in time
THREADS = 2
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A method, and why it was chosen."""

    method: Method
    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A training that was asked for."""

    method: Method
    out: Path
    """Where the model folder goes; must not exist yet."""
    encoder: str = "auto"
    """`auto` (by the language of the texts), a packaged name, a folder or a hub id."""
    encoders: Path
    """Where converted encoders are kept."""
    teacher: str = ""
    """The encoder whose heads teach a network, as `retrieval.encoders.teacher` names it."""
    unlabelled: tuple[str, ...] = ()
    """Texts that nobody labelled, for the teacher to label."""
    holdout: float | None = None
    """Share to measure on, for methods that need one; None: a tenth, of few examples a fifth."""
    refit: bool | None = None
    """Train a network once more, on everything, after it was measured; None: unless it is
    measured on texts of their own."""
    search: int = 0
    """Recipes to try first."""
    recipe: Recipe
    """Of the fine-tuning; its seed is that of everything left to chance."""
    tensorboard: Path | None = None
    wandb: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    """Sentences for the report, in English and Chinese."""

    @property
    def unfinished(self) -> Path:
        """Where the order, its log and its checkpoints lie until the model is ready."""
        return self.out.with_name(f".{self.out.name}.training")


def choose(examples: Sequence[LabelledText], *, has_unlabelled: bool = False) -> Choice:
    """The method for `examples`: fine-tuning pays where intents have many of them.

    Args:
        examples: to learn from.
        has_unlabelled: whether a teacher labels more of them.
    """
    middle = _middle(examples)
    if has_unlabelled:
        return Choice(
            method=Method.FULL,
            en="full: a network learns from what the teacher says of the texts without label.",
            zh="full：由教师模型标注无标签文本，网络从中学习。",
        )
    if middle >= MANY_PER_INTENT:
        return Choice(
            method=Method.FULL,
            en=f"full: the middle intent has {middle} examples, enough to fine-tune.",
            zh=f"full：各意图例句数的中位数为 {middle}，足以微调。",
        )
    return Choice(
        method=Method.HEAD,
        en=f"head: the middle intent has {middle} examples; from {MANY_PER_INTENT} on, "
        "fine-tuning pays.",
        zh=f"head：各意图例句数的中位数为 {middle}，达到 {MANY_PER_INTENT} 条后微调才有收益。",
    )


def _middle(examples: Sequence[LabelledText]) -> int:
    """How many examples the middle intent has."""
    counts = sorted(Counter(example.intent for example in examples).values())
    return counts[len(counts) // 2] if counts else 0


def make(
    order: Order,
    examples: Sequence[LabelledText],
    valid: Sequence[LabelledText] = (),
    *,
    on_progress: Progress,
) -> Trained:
    """Train by `order` into its folder, which appears whole or not at all.

    Of more than `MAX_EXAMPLES` examples a sample is learned, and the report says so. A fine-tuning
    that was interrupted goes on at its last whole epoch when the same is ordered again.

    Args:
        order: what to train.
        examples: as `reading.read` gave them.
        valid: to measure on instead of a share of the examples.
        on_progress: told the step and the share of it that is done.

    Raises:
        errors.DatasetError: the examples cannot be learned.
        errors.ArtifactError: the folder exists.
        errors.TrainingError: something that was asked for is not installed.
        retrieval.errors.RetrievalError: an encoder cannot be made.
    """
    from retrieval.encoders import runtime  # noqa: PLC0415 - heavy

    if order.out.exists():
        raise errors.ArtifactError(
            f"{order.out} exists already.", hint="Choose another folder, or delete this one."
        )
    if order.refit and valid and not order.method.tunes_by_labels:
        raise errors.DatasetError(
            f"--refit cannot learn --valid too with the method {order.method.value!r}.",
            hint="Leave it out and join the two files, or use --method full.",
        )
    some = dataset.sample(examples, most=MAX_EXAMPLES, seed=order.recipe.seed)
    asked = dataset.sample(valid, most=MAX_EXAMPLES, seed=order.recipe.seed)
    plan = _plan(order, some, asked, on_progress)
    served = runtime.Encoder(plan.encoder_folder, threads=THREADS)
    started = time.monotonic()
    about = _begin(order, plan)
    try:
        with (
            artifact.new_folder(order.out) as building,
            tracking.log(
                order.unfinished, tensorboard=order.tensorboard, wandb=order.wandb, about=about
            ) as log,
        ):
            around = Around(on_progress=on_progress, log=log, checkpoints=order.unfinished)
            trained = train(plan, building, served, around)
            on_progress("writing the report", 0.0)
            seconds = time.monotonic() - started
            for name in (RUN_FILE, tracking.FILE):
                shutil.copy2(order.unfinished / name, building / name)
            notes = (*order.notes, *_sampled(len(some), len(examples)))
            reporting.write(building, trained, plan.learned, notes=notes, seconds=seconds)
            sealed = artifact.seal(building, trained.manifest)
    finally:
        if order.out.exists() or not any(order.unfinished.rglob(checkpoint.FILE)):
            shutil.rmtree(order.unfinished)  # nothing there to go on from
    return replace(trained, manifest=sealed, classifier=trained.classifier.under(sealed))


def _sampled(some: int, of: int) -> tuple[tuple[str, str], ...]:
    if some == of:
        return ()
    return (
        (
            f"Learned from a sample: {some} of {of} examples, the same share of each label.",
            f"仅学习了抽样：{of} 条例句中的 {some} 条，各标签比例不变。",
        ),
    )


def _plan(
    order: Order,
    examples: Sequence[LabelledText],
    valid: Sequence[LabelledText],
    on_progress: Progress,
) -> Plan:
    from retrieval.encoders import catalogue, teacher  # noqa: PLC0415 - heavy

    chosen = catalogue.resolve(order.encoder, all_english=_is_english(examples))
    folder = catalogue.prepare(chosen, order.encoders, on_progress)
    teaches = bool(order.teacher) and order.method.tunes
    return Plan(
        method=order.method,
        encoder_folder=folder,
        encoder_id=folder.name,
        examples=tuple(examples),
        valid=tuple(valid),
        holdout=_holdout(order, examples) if order.method.tunes else 0.0,
        teacher=teacher.load(order.teacher, order.encoders, on_progress) if teaches else None,
        teacher_id=order.teacher if teaches else "",
        unlabelled=_new(order.unlabelled, (*examples, *valid), order.recipe.seed)
        if teaches
        else (),
        refit=not valid if order.refit is None else order.refit,
        search=order.search,
        seed=order.recipe.seed,
        recipe=order.recipe,
        threads=THREADS,
        keep_float=True,
        strict=False,
    )


def _holdout(order: Order, examples: Sequence[LabelledText]) -> float:
    if order.holdout is not None:
        return order.holdout
    return HOLDOUT_OF_FEW if _middle(examples) <= label_names.FEW else HOLDOUT


def _new(texts: Sequence[str], known: Sequence[LabelledText], seed: int) -> tuple[str, ...]:
    """Those texts that are not among `known`, each once; of very many a sample."""
    seen = {example.text for example in known}
    found = [text for text in dict.fromkeys(texts) if text.strip() and text not in seen]
    some = np.random.default_rng(seed).permutation(len(found))[:MAX_UNLABELLED]
    return tuple(found[i] for i in some.tolist())


def _begin(order: Order, plan: Plan) -> dict[str, Any]:
    """Write down what is trained, on what and with what, before anything is."""
    about: dict[str, Any] = {
        "method": plan.method.value,
        "encoder": plan.encoder_id,
        "arguments": plan.arguments,
        "data": sorted({example.path for example in plan.learned}),
        "data_hash": dataset.fingerprint(plan.learned),
        "order": plan.order,
        "versions": versions(),
    }
    order.unfinished.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (order.unfinished / RUN_FILE).write_text(text + "\n", encoding="utf-8")
    return about


def _is_english(examples: Sequence[LabelledText]) -> bool:
    """Whether hardly any text has Chinese characters; a stray one changes no encoder."""
    chinese = sum(inspection.language_of(e.text) in ("zh", "mixed") for e in examples)
    return chinese < STRAY * len(examples)


def open_model(folder: Path, *, encoders: Path, on_progress: Progress) -> IntentClassifier:
    """The classifier in `folder`, with the encoder that it needs, converted if need be.

    Raises:
        errors.ArtifactError: the folder or its encoder is missing, incomplete or was changed.
        retrieval.errors.RetrievalError: the encoder cannot be made.
    """
    manifest = artifact.read_unchecked(folder)
    encoder = _encoder(manifest.encoder, encoders, on_progress) if _shares(manifest) else None
    return model.load(folder, encoder, threads=THREADS)


def _shares(manifest: artifact.Manifest) -> bool:
    return manifest.method == Method.HEAD


def _encoder(name: str, encoders: Path, on_progress: Progress) -> Encoder:
    from retrieval.encoders import catalogue, runtime  # noqa: PLC0415 - heavy

    kept = encoders / "encoders" / name
    if name in catalogue.PACKAGED:
        kept = catalogue.prepare(name, encoders, on_progress)
    elif not kept.is_dir():
        raise errors.ArtifactError(
            f"the encoder {name!r} is not in {encoders}.",
            hint="Name the folder that it was trained with: --encoders.",
        )
    return runtime.Encoder(kept, threads=THREADS)
