"""From a data file to a model folder, and from a model folder to its classifier.

What `frontdesk classifier` does, without its words; the server trains by `bot.training`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from classifier import artifact, errors, inspection, model, reporting
from classifier.dataset import LabelledText
from classifier.finetune import Progress, Recipe
from classifier.model import IntentClassifier
from classifier.train import Method, Plan, Trained, train

if TYPE_CHECKING:
    from retrieval.encoders.runtime import Encoder

MANY_PER_INTENT = 20  # of fewer, fine-tuning learns no more than heads do (docs/benchmarks.md)
STRAY = 0.01  # share of Chinese texts in data that count as English
THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A method, and why it was chosen."""

    method: Method
    en: str
    zh: str


def choose(examples: Sequence[LabelledText]) -> Choice:
    """The method for `examples`: fine-tuning pays where intents have many of them."""
    counts = sorted(Counter(example.intent for example in examples).values())
    middle = counts[len(counts) // 2] if counts else 0
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


def make(
    examples: Sequence[LabelledText],
    out: Path,
    *,
    method: Method,
    encoder: str,
    encoders: Path,
    holdout: float,
    recipe: Recipe,
    notes: tuple[tuple[str, str], ...] = (),
    on_progress: Progress,
) -> Trained:
    """Train by `method` into the folder `out`, which appears whole or not at all.

    Args:
        examples: as `reading.read` gave them.
        out: must not exist yet.
        method: how.
        encoder: `auto` (by the language of the texts), a packaged name, a folder or a hub id.
        encoders: where converted encoders are kept.
        holdout: share to measure on, for methods that need one.
        recipe: of the fine-tuning; its seed is that of everything left to chance.
        notes: for the report, in English and Chinese.
        on_progress: told the step and the share of it that is done.

    Raises:
        errors.DatasetError: the examples cannot be learned.
        errors.ArtifactError: `out` exists.
        retrieval.errors.RetrievalError: the encoder cannot be made.
    """
    from retrieval.encoders import catalogue, runtime  # noqa: PLC0415 - heavy

    if out.exists():
        raise errors.ArtifactError(
            f"{out} exists already.", hint="Choose another folder, or delete this one."
        )
    chosen = catalogue.resolve(encoder, all_english=_is_english(examples))
    folder = catalogue.prepare(chosen, encoders, on_progress)
    plan = Plan(
        method=method,
        encoder_folder=folder,
        encoder_id=folder.name,
        examples=tuple(examples),
        holdout=0.0 if method is Method.HEAD else holdout,
        seed=recipe.seed,
        recipe=recipe,
        threads=THREADS,
        keep_float=True,
        strict=False,
    )
    served = runtime.Encoder(folder, threads=THREADS)
    started = time.monotonic()
    with artifact.new_folder(out) as building:
        trained = train(plan, building, served, on_progress=on_progress)
        on_progress("writing the report", 0.0)
        seconds = time.monotonic() - started
        reporting.write(building, trained, plan.examples, notes=notes, seconds=seconds)
        artifact.seal(building, trained.manifest)
    return trained


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
