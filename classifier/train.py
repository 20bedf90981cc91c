"""Trains a classifier into a folder: a head on the frozen encoder, or the whole network.

Both methods learn from the same part of the data and are measured on the same held-out part, so
that their figures can be compared.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import dataset, evaluate, finetune, head, model
from classifier.artifact import Manifest
from classifier.dataset import LabelledText, Split
from classifier.finetune import Progress, Recipe
from classifier.model import IntentClassifier, TextEncoder

TOKENIZER_FILES = ("encoder.json", "tokenizer.json", "tokenizer_config.json", "config.json")
CALIBRATION_TEXTS = 40
REPORTED_VERSIONS = ("torch", "transformers", "onnxruntime", "numpy", "frontdesk")


class Method(StrEnum):
    """How a classifier is trained."""

    HEAD = "head"
    """A linear head on the frozen encoder: seconds."""
    FULL = "full"
    """The encoder fine-tuned end to end with its head: minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to train, and on what."""

    method: Method
    encoder_folder: Path
    encoder_id: str
    examples: tuple[LabelledText, ...]
    holdout: float
    """Share of the examples to measure on, 0 to 0.5."""
    seed: int = 13
    threads: int = 2
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A classifier whose files lie in its folder, not yet sealed."""

    manifest: Manifest
    classifier: IntentClassifier
    holdout: tuple[LabelledText, ...]
    holdout_probabilities: evaluate.Probabilities
    """(holdout, labels): said by a model that never saw these texts."""


def train(plan: Plan, folder: Path, encoder: TextEncoder, *, on_progress: Progress) -> Trained:
    """Train by `plan` and write the weights into `folder`; the caller seals it.

    Raises:
        errors.DatasetError: the examples cannot be learned.
    """
    dataset.check(plan.examples)
    parts = dataset.split(plan.examples, holdout=plan.holdout, seed=plan.seed)
    labels = tuple(sorted({example.intent for example in plan.examples}))
    on_progress("embedding the examples", 0.0)
    vectors = _embed(plan.examples, encoder, on_progress)
    train_vectors = _rows(parts.train, vectors)
    first = head.fit(train_vectors, _gold(parts.train, labels), len(labels))
    if plan.method is Method.HEAD:
        held_out = first.logits(_rows(parts.holdout, vectors))
        everything = _rows(plan.examples, vectors)
        final = head.fit(everything, _gold(plan.examples, labels), len(labels))
        model.save_head(folder, final)
        logits: model.Logits = lambda texts: final.logits(encoder.encode(texts))  # noqa: E731
    else:
        logits = _finetune(plan, parts, first, labels, folder, on_progress)
        held_out = logits([example.text for example in parts.holdout])
    return _measured(plan, parts, labels, held_out, logits)


def _measured(
    plan: Plan,
    parts: Split,
    labels: tuple[str, ...],
    held_out: NDArray[np.float32],
    logits: model.Logits,
) -> Trained:
    gold = _gold(parts.holdout, labels)
    temperature = evaluate.fit_temperature(held_out, gold)
    probabilities = evaluate.softmax(held_out, temperature)
    manifest = Manifest(
        method=plan.method.value,
        encoder=plan.encoder_id,
        labels=labels,
        data_hash=dataset.fingerprint(plan.examples),
        temperature=temperature,
        metrics=evaluate.score(probabilities, gold).as_dict(),
        arguments=_arguments(plan),
        versions=_versions(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Trained(
        manifest=manifest,
        classifier=IntentClassifier(manifest, logits),
        holdout=parts.holdout,
        holdout_probabilities=probabilities,
    )


def _finetune(
    plan: Plan,
    parts: Split,
    first: head.LinearHead,
    labels: tuple[str, ...],
    folder: Path,
    on_progress: Progress,
) -> model.Logits:
    """Fine-tune, export to ONNX, and give back the exported network: what was measured serves."""
    import torch  # noqa: PLC0415 - seconds to import, only needed here

    from retrieval.encoders import export, runtime, tokenizing  # noqa: PLC0415
    from retrieval.encoders import spec as encoder_spec  # noqa: PLC0415

    torch.set_num_threads(plan.threads)
    for name in TOKENIZER_FILES:
        if (plan.encoder_folder / name).is_file():
            shutil.copy2(plan.encoder_folder / name, folder / name)
    spec = encoder_spec.read(folder)
    tokenizer = tokenizing.load(folder, spec.max_length)
    texts = [spec.query_prefix + example.text for example in parts.train]
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    network = finetune.build(plan.encoder_folder, first)
    finetune.tune(network, tokens, _gold(parts.train, labels), plan.recipe, on_progress=on_progress)
    on_progress("exporting the fine-tuned network", 1.0)
    some = tokens[:: max(1, len(tokens) // CALIBRATION_TEXTS)]  # the int8 ranges fit our own texts
    export.export_onnx(network, folder, outputs=("logits", "embedding"), samples=some)
    served = runtime.OnnxTextModel(folder, threads=plan.threads)
    return lambda batch: served.run(batch, spec.query_prefix)["logits"]


Vectors = dict[str, NDArray[np.float32]]


def _embed(
    examples: Sequence[LabelledText], encoder: TextEncoder, on_progress: Progress
) -> Vectors:
    texts = list(dict.fromkeys(example.text for example in examples))
    found: Vectors = {}
    step = 128
    for start in range(0, len(texts), step):
        batch = texts[start : start + step]
        found |= dict(zip(batch, encoder.encode(batch), strict=True))
        on_progress(f"embedding {len(texts)} examples", len(found) / len(texts))
    return found


def _rows(examples: Sequence[LabelledText], vectors: Vectors) -> NDArray[np.float32]:
    return np.stack([vectors[example.text] for example in examples])  # (n, dim)


def _gold(examples: Sequence[LabelledText], labels: Sequence[str]) -> evaluate.Gold:
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place[example.intent] for example in examples], dtype=np.int64)  # (n,)


def _arguments(plan: Plan) -> dict[str, Any]:
    recipe = asdict(plan.recipe) if plan.method is Method.FULL else {}
    return {"holdout": plan.holdout, "seed": plan.seed, "examples": len(plan.examples)} | recipe


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in REPORTED_VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
