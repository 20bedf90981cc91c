"""The trained classifier at work: texts in, calibrated rankings out.

Two experts read each text: the encoder with its head (`Dense`), and the n-grams (`lexical`).
`fusion` makes one probability of them, `familiarity` says whether the text is of a known kind.
In a `head` folder the vectors come from an encoder given by the caller; the other methods hold
their own network as ONNX (see `classifier.artifact`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from classifier import artifact, errors, evaluate, familiarity, lexical
from classifier.artifact import Manifest
from classifier.familiarity import Familiarity
from classifier.fusion import Fusion
from classifier.head import LinearHead
from classifier.lexical import LexicalHead
from classifier.methods import Method
from classifier.prediction import IntentPrediction, RankedIntent

HEAD_FILE = "head.safetensors"
HEAD = "head"
AT_ONCE = 5000  # texts whose vectors and margins are in memory together
NETWORKS = tuple(method.value for method in Method if method.tunes)

Floats = NDArray[np.float32]
Dense = Callable[[Sequence[str]], tuple[Floats, Floats]]
"""Texts → logits (n, classes) and unit vectors (n, dim)."""
Told = Callable[[str, float], None]
"""Called with the name of a step and the share of it that is done, 0 to 1."""


class TextEncoder(Protocol):
    """The part of an encoder that a head needs."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, dim)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a classifier is made of."""

    dense: Dense
    lexical: LexicalHead
    fusion: Fusion
    familiarity: Familiarity


class IntentClassifier:
    """Ranks intents; safe to call from one thread at a time."""

    def __init__(self, manifest: Manifest, parts: Parts) -> None:
        """Serve `parts` under the labels of `manifest`."""
        self.manifest = manifest
        self.model_id = manifest.model_id
        self._parts = parts

    def under(self, manifest: Manifest) -> IntentClassifier:
        """The same parts under another manifest."""
        return IntentClassifier(manifest, self._parts)

    def read(
        self, texts: Sequence[str], on_progress: Told = lambda _step, _share: None
    ) -> tuple[evaluate.Probabilities, Floats]:
        """Calibrated probabilities (n, classes) and familiarity scores (n,), higher is usual.

        Of very many texts some thousands are read at a time, to spare the memory.

        Args:
            texts: n of them.
            on_progress: told the step and the share of the texts that is done.
        """
        found = [self._read(texts[:AT_ONCE])]
        for start in range(AT_ONCE, len(texts), AT_ONCE):
            on_progress(f"reading {len(texts)} texts", start / len(texts))
            found.append(self._read(texts[start : start + AT_ONCE]))
        said, scores = zip(*found, strict=True)
        return np.concatenate(said), np.concatenate(scores)

    def _read(self, texts: Sequence[str]) -> tuple[evaluate.Probabilities, Floats]:
        parts = self._parts
        dense, vectors = parts.dense(texts)
        margins = parts.lexical.margins(texts)
        said = parts.fusion.probabilities(dense, margins)
        scores = parts.familiarity.scores(vectors, dense, margins, said.argmax(axis=1))
        return said, scores

    def probabilities(self, texts: Sequence[str]) -> evaluate.Probabilities:
        """Calibrated probabilities (n, classes), columns as in `manifest.labels`."""
        return self.read(texts)[0]

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """All intents for each text, best first."""
        if not texts:
            return []
        said, scores = self.read(texts)
        usual = self._parts.familiarity.p_values(scores)
        return [self._ranking(row, float(p)) for row, p in zip(said, usual, strict=True)]

    def _ranking(self, row: Floats, usual: float) -> IntentPrediction:
        best = np.argsort(-row, kind="stable")
        labels = self.manifest.labels
        ranking = tuple(RankedIntent(name=labels[i], confidence=float(row[i])) for i in best)
        return IntentPrediction(ranking=ranking, model_id=self.model_id, familiarity=usual)


def load(folder: Path, encoder: TextEncoder | None, *, threads: int = 1) -> IntentClassifier:
    """The classifier in `folder`, after its hashes were checked.

    Args:
        folder: a sealed model folder.
        encoder: the encoder that a `head` was trained on; the other methods bring their own.
        threads: for the ONNX session of those.

    Raises:
        errors.ArtifactError: the folder is missing, incomplete or was changed.
    """
    manifest = artifact.read(folder)
    parts = Parts(
        dense=_dense(folder, manifest, encoder, threads),
        lexical=lexical.load(folder),
        fusion=Fusion(**manifest.fusion),
        familiarity=familiarity.load(folder),
    )
    return IntentClassifier(manifest, parts)


def with_head(head: LinearHead, encoder: TextEncoder) -> Dense:
    """A head on a frozen encoder."""

    def dense(texts: Sequence[str]) -> tuple[Floats, Floats]:
        vectors = encoder.encode(texts)
        return head.logits(vectors), vectors

    return dense


def network(folder: Path, file: str, threads: int) -> Dense:
    """The fine-tuned network in `folder`, as its ONNX `file` holds it."""
    from retrieval.encoders import runtime  # noqa: PLC0415 - loads onnxruntime

    served = runtime.OnnxTextModel(folder, file, threads=threads)
    prefix = served.spec.query_prefix

    def dense(texts: Sequence[str]) -> tuple[Floats, Floats]:
        found = served.run(texts, prefix)
        return found["logits"], found["embedding"]

    return dense


def save_head(folder: Path, head: LinearHead) -> None:
    """Write the weights of `head` into `folder`."""
    save_file({"weight": head.weight, "bias": head.bias}, folder / HEAD_FILE)


def _dense(folder: Path, manifest: Manifest, encoder: TextEncoder | None, threads: int) -> Dense:
    if manifest.method in NETWORKS:
        return network(folder, manifest.network, threads)
    if manifest.method != HEAD:
        raise errors.ArtifactError(
            f"{folder} was trained by the unknown method {manifest.method!r}.",
            hint="Train again with `frontdesk train`.",
        )
    if encoder is None:
        raise errors.ArtifactError(
            f"{folder} needs the encoder {manifest.encoder!r}.", hint="Name it with --encoder."
        )
    weights = load_file(folder / HEAD_FILE)
    return with_head(LinearHead(weight=weights["weight"], bias=weights["bias"]), encoder)
