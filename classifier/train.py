"""Trains a classifier into a folder: heads on the frozen encoder, or the whole network.

Linear heads are cheap, so they are measured by cross-validation and then fitted on everything. A
fine-tuned network is measured on a part of the data that is held out. With the same data, share and
seed both report the figures of the same held-out texts and can be compared.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import (
    crossfit,
    dataset,
    errors,
    evaluate,
    familiarity,
    finetune,
    fusion,
    head,
    label_names,
    lexical,
    model,
    risk,
)
from classifier.artifact import Manifest
from classifier.crossfit import Unseen
from classifier.dataset import LabelledText
from classifier.finetune import Progress, Recipe
from classifier.label_names import Hints
from classifier.model import IntentClassifier, TextEncoder

TOKENIZER_FILES = ("encoder.json", "tokenizer.json", "tokenizer_config.json", "config.json")
CALIBRATION_TEXTS = 40
FOLDS = 5
INT8_MAY_COST = 0.003  # of accuracy on held-out texts, against float weights
REFUSED = 0.05  # share of familiar texts below the line that the report draws
EMBEDDED_AT_ONCE = 512  # texts, sorted by length within
Floats = NDArray[np.float32]
REPORTED_VERSIONS = ("torch", "transformers", "onnxruntime", "scikit-learn", "numpy", "frontdesk")


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
    """Share of the examples to measure on, 0 to 0.5; 0 lets `head` report all of its folds."""
    seed: int = 13
    threads: int = 2
    keep_float: bool = False
    """Keep the network with float weights beside the one that serves."""
    strict: bool = True
    """Refuse texts under two labels and intents with one example, instead of going on."""
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A classifier whose files lie in its folder, not yet sealed."""

    manifest: Manifest
    classifier: IntentClassifier
    tested: tuple[LabelledText, ...]
    """What the metrics were measured on."""
    probabilities: evaluate.Probabilities
    """(tested, labels): said by a model that never saw these texts."""
    familiarity: Floats
    """(tested,): how usual they looked to it, higher is more usual."""
    refused_below: float
    """The familiarity under which 5 % of such texts lie."""
    learning_curve: tuple[tuple[int, float], ...]
    """(examples, accuracy) of the linear heads."""
    notes: tuple[tuple[str, str], ...] = ()
    """Sentences for the report, in English and Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """Experts that are ready to serve, and what such experts said of texts they had not seen."""

    dense: model.Dense
    examples: familiarity.Examples
    unseen: Unseen
    asked: NDArray[np.int64]
    """Places of the unseen texts among the examples of the plan."""
    measured_on: str
    network: str = ""
    notes: tuple[tuple[str, str], ...] = ()


def train(plan: Plan, folder: Path, encoder: TextEncoder, *, on_progress: Progress) -> Trained:
    """Train by `plan` and write the weights into `folder`; the caller seals it.

    Raises:
        errors.DatasetError: the examples cannot be learned.
    """
    dataset.check(plan.examples, strict=plan.strict)
    labels = tuple(sorted({example.intent for example in plan.examples}))
    texts = [example.text for example in plan.examples]
    gold = gold_of(plan.examples, labels)
    on_progress("embedding the examples", 0.0)
    vectors = _embed(texts, encoder, on_progress)
    held_out = dataset.held_out(plan.examples, holdout=plan.holdout, seed=plan.seed)
    hints = label_names.hints(labels, gold, encoder)
    if plan.method is Method.HEAD:
        fitted = _heads(plan, encoder, vectors, gold, labels, hints, folder, on_progress)
        tested = held_out if held_out.any() else np.ones(len(gold), bool)
    else:
        fitted = _network(plan, vectors, gold, labels, held_out, folder, on_progress)
        tested = held_out
    on_progress("fitting the words", 0.0)
    words = lexical.fit([*texts, *hints.texts], np.concatenate([gold, hints.gold]), len(labels))
    lexical.save(folder, words)
    trained = _measured(plan, fitted, words, gold, labels, tested, folder)
    on_progress("measuring the learning curve", 0.0)
    curve = crossfit.learning_curve(
        texts,
        vectors,
        gold,
        len(labels),
        folds=dataset.folds(plan.examples, count=FOLDS, seed=plan.seed),
        hints=hints,
        fusion=fusion.Fusion(**trained.manifest.fusion),
    )
    return replace(trained, learning_curve=curve)


def _heads(
    plan: Plan,
    encoder: TextEncoder,
    vectors: Floats,
    gold: evaluate.Gold,
    labels: Sequence[str],
    hints: Hints,
    folder: Path,
    on_progress: Progress,
) -> _Fitted:
    texts = [example.text for example in plan.examples]
    folds = dataset.folds(plan.examples, count=FOLDS, seed=plan.seed)
    unseen = crossfit.heads(
        texts, vectors, gold, len(labels), folds=folds, hints=hints, on_progress=on_progress
    )
    final = head.fit(*hints.beside(vectors, gold), len(labels))
    model.save_head(folder, final)
    return _Fitted(
        dense=model.with_head(final, encoder),
        examples=familiarity.examples_of(vectors, gold, len(labels)),
        unseen=unseen,
        asked=np.arange(len(gold)),
        measured_on=f"{FOLDS}-fold cross-validation",
    )


def _network(
    plan: Plan,
    vectors: Floats,
    gold: evaluate.Gold,
    labels: Sequence[str],
    held_out: NDArray[np.bool_],
    folder: Path,
    on_progress: Progress,
) -> _Fitted:
    if not held_out.any():
        raise errors.DatasetError(
            "nothing is held out to measure a fine-tuned network on.",
            hint="Give more examples, a larger --holdout, or use --method head.",
        )
    texts = [example.text for example in plan.examples]
    learned, asked = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    some, others = [texts[i] for i in learned.tolist()], [texts[i] for i in asked.tolist()]
    first = head.fit(vectors[learned], gold[learned], len(labels))
    _finetune(plan, some, gold[learned], first, folder, on_progress)
    on_progress("measuring the fine-tuned network", 0.0)
    served = _served(plan, folder, others, gold[asked])
    dense = model.network(folder, served.file, plan.threads)
    _, known = dense(some)
    logits, seen = dense(others)
    words = lexical.fit(some, gold[learned], len(labels))
    examples = familiarity.examples_of(known, gold[learned], len(labels))
    return _Fitted(
        dense=dense,
        examples=examples,
        unseen=Unseen(
            dense=logits,
            lexical=words.margins(others),
            nearness=lambda guesses: examples.nearness(seen, guesses),
        ),
        asked=asked,
        measured_on=f"{len(asked)} examples that were held out",
        network=served.file,
        notes=(served.note,),
    )


def _measured(
    plan: Plan,
    fitted: _Fitted,
    words: lexical.LexicalHead,
    gold: evaluate.Gold,
    labels: tuple[str, ...],
    tested: NDArray[np.bool_],
    folder: Path,
) -> Trained:
    """Calibrate on what was not seen, measure, and put the parts together."""
    unseen, known = fitted.unseen, gold[fitted.asked]
    pool = fusion.fit(unseen.dense, unseen.lexical, known)
    said = pool.probabilities(unseen.dense, unseen.lexical)
    guesses = said.argmax(axis=1)
    signs = familiarity.signs(unseen.nearness(guesses), unseen.dense, unseen.lexical)
    usual = familiarity.calibrate(fitted.examples, signs)
    familiarity.save(folder, usual)
    scores = usual.of_signs(signs)
    shown = tested[fitted.asked]
    points = risk.points(said.max(axis=1), guesses == known)
    manifest = Manifest(
        method=plan.method.value,
        encoder=plan.encoder_id,
        labels=labels,
        data_hash=dataset.fingerprint(plan.examples),
        fusion=pool.as_dict(),
        metrics=evaluate.score(said[shown], known[shown]).as_dict(),
        measured_on=fitted.measured_on,
        risk=[point.as_dict() for point in points],
        arguments=_arguments(plan),
        versions=_versions(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        network=fitted.network,
    )
    parts = model.Parts(dense=fitted.dense, lexical=words, fusion=pool, familiarity=usual)
    return Trained(
        manifest=manifest,
        classifier=IntentClassifier(manifest, parts),
        tested=tuple(plan.examples[i] for i in fitted.asked[shown].tolist()),
        probabilities=said[shown],
        familiarity=scores[shown],
        refused_below=float(np.quantile(scores, REFUSED)),
        learning_curve=(),
        notes=fitted.notes,
    )


def _finetune(
    plan: Plan,
    texts: Sequence[str],
    gold: evaluate.Gold,
    first: head.LinearHead,
    folder: Path,
    on_progress: Progress,
) -> None:
    """Fine-tune, and export to ONNX with float and with int8 weights."""
    import torch  # noqa: PLC0415 - seconds to import, only needed here

    from retrieval.encoders import export, tokenizing  # noqa: PLC0415
    from retrieval.encoders import spec as encoder_spec  # noqa: PLC0415

    torch.set_num_threads(plan.threads)
    for name in TOKENIZER_FILES:
        if (plan.encoder_folder / name).is_file():
            shutil.copy2(plan.encoder_folder / name, folder / name)
    spec = encoder_spec.read(folder)
    tokenizer = tokenizing.load(folder, spec.max_length)
    encoded = tokenizer.encode_batch([spec.query_prefix + text for text in texts])
    tokens = [encoding.ids for encoding in encoded]
    network = finetune.build(plan.encoder_folder, first)
    finetune.tune(network, tokens, gold, plan.recipe, on_progress=on_progress)
    on_progress("exporting the fine-tuned network", 1.0)
    some = tokens[:: max(1, len(tokens) // CALIBRATION_TEXTS)]  # the int8 ranges fit our own texts
    outputs = ("logits", "embedding")
    export.export_onnx(network, folder, outputs=outputs, samples=some, keep_float=True)


@dataclass(frozen=True, slots=True)
class _Served:
    file: str
    note: tuple[str, str]


def _served(plan: Plan, folder: Path, texts: Sequence[str], gold: evaluate.Gold) -> _Served:
    """Which of the two networks serves: int8, unless it costs more than `INT8_MAY_COST`."""
    from retrieval.encoders import export, spec  # noqa: PLC0415

    exact, small = (
        float((model.network(folder, file, plan.threads)(texts)[0].argmax(axis=1) == gold).mean())
        for file in (export.FLOAT, spec.INT8)
    )
    enough = small >= exact - INT8_MAY_COST
    if enough and not plan.keep_float:
        (folder / export.FLOAT).unlink()
    note = (
        f"The int8 network is right on {small:.2%} of the held-out texts, the float one on "
        f"{exact:.2%}: {'int8' if enough else 'float'} serves.",
        f"int8 网络在留出集上的准确率为 {small:.2%}，浮点网络为 {exact:.2%}："
        f"采用{'int8' if enough else '浮点'}网络。",
    )
    return _Served(spec.INT8 if enough else export.FLOAT, note)


def _embed(texts: Sequence[str], encoder: TextEncoder, on_progress: Progress) -> Floats:
    """Unit vectors (n, dim) of `texts`, each different one encoded once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    different = list(places)
    found: list[Floats] = []
    for start in range(0, len(different), EMBEDDED_AT_ONCE):
        found.append(encoder.encode(different[start : start + EMBEDDED_AT_ONCE]))
        done = min(start + EMBEDDED_AT_ONCE, len(different))
        on_progress(f"embedding {len(different)} examples", done / len(different))
    vectors: Floats = np.concatenate(found)[[places[text] for text in texts]]
    return vectors


def gold_of(examples: Sequence[LabelledText], labels: Sequence[str]) -> evaluate.Gold:
    """The places (n,) of the examples' intents among `labels`."""
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
