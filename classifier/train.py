"""Trains a classifier into a folder: heads on the frozen encoder, or a network of its own.

Linear heads are cheap, so they are measured by cross-validation and then fitted on everything. A
fine-tuned network is measured on a part of the data that is held out. With the same data, share and
seed both report the figures of the same held-out texts and can be compared.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier import (
    crossfit,
    dataset,
    evaluate,
    experts,
    familiarity,
    fewshot,
    finetuned,
    fusion,
    label_names,
    lexical,
    model,
    risk,
)
from classifier.artifact import Manifest
from classifier.dataset import LabelledText
from classifier.errors import DatasetError
from classifier.experts import Fitted, Known
from classifier.finetune import Progress
from classifier.label_names import Hints
from classifier.methods import Method
from classifier.model import IntentClassifier, TextEncoder
from classifier.plan import Around, Plan

FOLDS = 5
MANY, FOLDS_OF_MANY = 30_000, 2  # a half of so many is plenty to learn from
REFUSED = 0.05  # share of familiar texts below the line that the report draws
EMBEDDED_AT_ONCE = 512  # texts, sorted by length within
Floats = NDArray[np.float32]
REPORTED_VERSIONS = (
    "torch",
    "transformers",
    "peft",
    "onnxruntime",
    "scikit-learn",
    "numpy",
    "frontdesk",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A classifier whose files lie in its folder."""

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
    facts: Mapping[str, str] = field(default_factory=dict)
    """Rows for the card, by name."""


def train(plan: Plan, folder: Path, encoder: TextEncoder, around: Around) -> Trained:
    """Train by `plan` and write the weights into `folder`; the caller seals it.

    Raises:
        errors.DatasetError: the examples cannot be learned.
    """
    dataset.check(plan.examples, strict=plan.strict)
    labels = tuple(sorted({example.intent for example in plan.examples}))
    around.on_progress("embedding the examples", 0.0)
    known = _known(plan, plan.examples, labels, encoder, around.on_progress)
    valid = _known(plan, plan.valid, labels, encoder, around.on_progress)
    folds = dataset.folds(plan.examples, count=_fold_count(len(plan.examples)), seed=plan.seed)
    aside = dataset.held_out(plan.examples, holdout=plan.holdout, seed=plan.seed)
    hints = label_names.hints(labels, known.gold, encoder)
    shown = np.ones(len(known.gold), bool)
    if plan.method is Method.FEWSHOT:
        fitted = fewshot.network(plan, known, labels, hints, folder, around)
    elif plan.method.tunes:
        learned, asked = (known, valid) if plan.valid else (known.where(~aside), known.where(aside))
        pool = _embed(plan.unlabelled, encoder, "embedding", around.on_progress)
        besides = finetuned.Besides(labels=labels, hints=hints, unlabelled=pool)
        fitted = finetuned.network(plan, learned, asked, besides, folder, around)
        shown = np.ones(len(asked.gold), bool)
    else:
        fitted = experts.heads(known, encoder, folds, labels, hints, folder, around.on_progress)
        shown = aside if aside.any() else shown
    around.on_progress("fitting the words", 0.0)
    served = known.beside(valid) if plan.valid and plan.refit else known
    words = lexical.fit(*hints.after(served.texts, served.gold), len(labels))
    lexical.save(folder, words)
    trained = _measured(plan, fitted, words, labels, shown, folder)
    if plan.valid and fitted.asked is known:
        trained = _on(valid, trained)
    around.on_progress("measuring the learning curve", 0.0)
    curve = _curve(known, labels, folds, hints, fusion.Fusion(**trained.manifest.fusion))
    return replace(trained, learning_curve=curve)


def _fold_count(examples: int) -> int:
    return FOLDS if examples <= MANY else FOLDS_OF_MANY


def _known(
    plan: Plan,
    examples: tuple[LabelledText, ...],
    labels: Sequence[str],
    encoder: TextEncoder,
    on_progress: Progress,
) -> Known:
    texts = [example.text for example in examples]
    taught = np.zeros((len(texts), 0), np.float32)
    if plan.teacher is not None and plan.method.tunes:
        taught = _embed(texts, plan.teacher, "the teacher embeds", on_progress)
    return Known(
        examples=examples,
        gold=gold_of(examples, labels),
        vectors=_embed(texts, encoder, "embedding", on_progress),
        teacher=taught,
    )


def _measured(
    plan: Plan,
    fitted: Fitted,
    words: lexical.LexicalHead,
    labels: tuple[str, ...],
    shown: NDArray[np.bool_],
    folder: Path,
) -> Trained:
    """Calibrate on what was not seen, measure, and put the parts together."""
    unseen, asked = fitted.unseen, fitted.asked
    pool = fusion.fit(unseen.dense, unseen.lexical, asked.gold)
    said = pool.probabilities(unseen.dense, unseen.lexical)
    guesses = said.argmax(axis=1)
    signs = familiarity.signs(unseen.nearness(guesses), unseen.dense, unseen.lexical)
    usual = familiarity.calibrate(fitted.examples, signs)
    familiarity.save(folder, usual)
    scores = usual.of_signs(signs)
    points = risk.points(said.max(axis=1), guesses == asked.gold)
    manifest = Manifest(
        method=plan.method.value,
        encoder=plan.encoder_id,
        labels=labels,
        data_hash=dataset.fingerprint(plan.learned),
        fusion=pool.as_dict(),
        metrics=evaluate.score(said[shown], asked.gold[shown]).as_dict(),
        measured_on=fitted.measured_on,
        risk=[point.as_dict() for point in points],
        arguments=plan.arguments,
        versions=versions(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        network=fitted.network,
    )
    parts = model.Parts(dense=fitted.dense, lexical=words, fusion=pool, familiarity=usual)
    return Trained(
        manifest=manifest,
        classifier=IntentClassifier(manifest, parts),
        tested=asked.where(shown).examples,
        probabilities=said[shown],
        familiarity=scores[shown],
        refused_below=float(np.quantile(scores, REFUSED)),
        learning_curve=(),
        notes=fitted.notes,
        facts=fitted.facts,
    )


def _on(valid: Known, trained: Trained) -> Trained:
    """The figures of the finished model on texts that were given to measure it."""
    said, scores = trained.classifier.read(valid.texts)
    metrics = evaluate.score(said, valid.gold).as_dict()
    manifest = replace(trained.manifest, metrics=metrics, measured_on=dataset.named(valid.examples))
    return replace(
        trained,
        manifest=manifest,
        classifier=trained.classifier.under(manifest),
        tested=valid.examples,
        probabilities=said,
        familiarity=scores,
    )


def _curve(
    known: Known,
    labels: Sequence[str],
    folds: NDArray[np.int64],
    hints: Hints,
    pool: fusion.Fusion,
) -> tuple[tuple[int, float], ...]:
    return crossfit.learning_curve(
        known.texts,
        known.vectors,
        known.gold,
        len(labels),
        folds=folds,
        hints=hints,
        fusion=pool,
    )


def gold_of(examples: Sequence[LabelledText], labels: Sequence[str]) -> evaluate.Gold:
    """The places (n,) of the examples' intents among `labels`.

    Raises:
        DatasetError: an example has a label that is not among them.
    """
    place = {label: i for i, label in enumerate(labels)}
    for example in examples:
        if example.intent not in place:
            raise DatasetError(
                f"the label {example.intent!r} is not learned.",
                path=example.path,
                line=example.line,
                hint="Take such rows out, or give examples of it to learn from.",
            )
    return np.array([place[example.intent] for example in examples], dtype=np.int64)  # (n,)


def _embed(texts: Sequence[str], encoder: TextEncoder, step: str, on_progress: Progress) -> Floats:
    """Unit vectors (n, dim) of `texts`, each different one encoded once."""
    if not texts:
        return np.zeros((0, 0), np.float32)
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    different = list(places)
    found: list[Floats] = []
    for start in range(0, len(different), EMBEDDED_AT_ONCE):
        found.append(encoder.encode(different[start : start + EMBEDDED_AT_ONCE]))
        done = min(start + EMBEDDED_AT_ONCE, len(different))
        on_progress(f"{step} {len(different)} examples", done / len(different))
    vectors: Floats = np.concatenate(found)[[places[text] for text in texts]]
    return vectors


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a training leans on, by name."""
    found = {"python": platform.python_version()}
    for name in REPORTED_VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
