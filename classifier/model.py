"""The trained classifier at work: texts in, calibrated rankings out.

Two kinds of folder (see `classifier.artifact`): `head` holds a linear head that reads the vectors
of an encoder given by the caller, `full` holds the whole fine-tuned network as ONNX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from classifier import artifact, errors, evaluate
from classifier.artifact import Manifest
from classifier.head import LinearHead
from classifier.prediction import IntentPrediction, RankedIntent

HEAD_FILE = "head.safetensors"

Logits = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts → float32 (n, classes)."""


class TextEncoder(Protocol):
    """The part of an encoder that a head needs."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, dim)."""


class IntentClassifier:
    """Ranks intents; safe to call from one thread at a time."""

    def __init__(self, manifest: Manifest, logits: Logits) -> None:
        """Serve `logits` under the labels and the temperature of `manifest`."""
        self.manifest = manifest
        self.model_id = manifest.model_id
        self._logits = logits

    def probabilities(self, texts: Sequence[str]) -> evaluate.Probabilities:
        """Calibrated probabilities (n, classes), columns as in `manifest.labels`."""
        return evaluate.softmax(self._logits(texts), self.manifest.temperature)

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """All intents for each text, best first."""
        return [self._ranking(row) for row in self.probabilities(texts)] if texts else []

    def _ranking(self, row: NDArray[np.float32]) -> IntentPrediction:
        best = np.argsort(-row, kind="stable")
        labels = self.manifest.labels
        ranking = tuple(RankedIntent(name=labels[i], confidence=float(row[i])) for i in best)
        return IntentPrediction(ranking=ranking, model_id=self.model_id)


def load(folder: Path, encoder: TextEncoder, *, threads: int = 1) -> IntentClassifier:
    """The classifier in `folder`, after its hashes were checked.

    Args:
        folder: a sealed model folder.
        encoder: the encoder that a `head` was trained on; a `full` one brings its own.
        threads: for the ONNX session of a `full` one.

    Raises:
        errors.ArtifactError: the folder is missing, incomplete or was changed.
    """
    manifest = artifact.read(folder)
    if manifest.method == "head":
        return IntentClassifier(manifest, _head_logits(folder, encoder))
    if manifest.method == "full":
        return IntentClassifier(manifest, _network_logits(folder, threads))
    raise errors.ArtifactError(
        f"{folder} was trained by the unknown method {manifest.method!r}.",
        hint="Train again with `frontdesk train`.",
    )


def save_head(folder: Path, head: LinearHead) -> None:
    """Write the weights of `head` into `folder`."""
    save_file({"weight": head.weight, "bias": head.bias}, folder / HEAD_FILE)


def _head_logits(folder: Path, encoder: TextEncoder) -> Logits:
    weights = load_file(folder / HEAD_FILE)
    head = LinearHead(weight=weights["weight"], bias=weights["bias"])
    return lambda texts: head.logits(encoder.encode(texts))


def _network_logits(folder: Path, threads: int) -> Logits:
    from retrieval.encoders import runtime  # noqa: PLC0415 - loads onnxruntime

    network = runtime.OnnxTextModel(folder, threads=threads)
    prefix = network.spec.query_prefix
    return lambda texts: network.run(texts, prefix)["logits"]
