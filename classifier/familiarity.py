"""Whether a text is of the kind that the classifier has learned, without any text that is not.

Three signs are added up, each in standard deviations over unseen texts of known intents: the mean
cosine to the nearest examples of the guessed intent (k nearest neighbours, Sun et al. 2022,
arXiv:2204.06507), the free energy of the encoder's logits (Liu et al. 2020, arXiv:2010.03759,
section 3), and the largest margin of the n-grams. What it becomes is a conformal p-value (Bates et
al. 2023, arXiv:2104.08279, section 2): of texts like the training data, at most the share p looks
stranger than a text with value p. Nothing is promised about how many strange texts it catches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from classifier.evaluate import Gold

FILE = "familiarity.safetensors"
NEIGHBOURS = 5
KEPT = 200  # examples of an intent that are compared, at most

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Unit vectors of the training examples, by intent."""

    vectors: Floats  # (m, dim), grouped by class
    ends: NDArray[np.int64]  # (classes + 1,): class c lies at ends[c]:ends[c + 1]

    def nearness(self, vectors: Floats, guesses: Gold) -> Floats:
        """Mean cosine (n,) of `vectors` (n, dim) to the nearest examples of the guessed classes."""
        near = np.zeros(len(vectors), np.float32)
        for guess in np.unique(guesses):
            asked = guesses == guess
            known = self.vectors[self.ends[guess] : self.ends[guess + 1]]
            cosines = np.sort(vectors[asked] @ known.T, axis=1)  # (asked, known)
            near[asked] = cosines[:, -NEIGHBOURS:].mean(axis=1) if len(known) else -1.0
        return near


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """The signs, how they vary over familiar texts, and the scores of such texts."""

    examples: Examples
    mean: Floats  # (3,)
    deviation: Floats  # (3,)
    known: Floats  # sorted scores of unseen texts of known intents

    def scores(self, vectors: Floats, dense: Floats, lexical: Floats, guesses: Gold) -> Floats:
        """How familiar (n,) each text is; about 0 for usual ones, lower for strange ones."""
        return self.of_signs(signs(self.examples.nearness(vectors, guesses), dense, lexical))

    def of_signs(self, found: Floats) -> Floats:
        """Scores (n,) of the signs (n, 3)."""
        total: Floats = ((found - self.mean) / self.deviation).sum(axis=1)
        return total

    def p_values(self, scores: Floats) -> Floats:
        """The share of familiar texts at least as strange, in (0, 1]; one per score."""
        stranger = np.searchsorted(self.known, scores, side="right")
        shares: Floats = ((1 + stranger) / (1 + len(self.known))).astype(np.float32)
        return shares


def examples_of(vectors: Floats, gold: Gold, classes: int) -> Examples:
    """Keep up to `KEPT` vectors of each class, spread evenly over the data."""
    kept = [_spread(np.flatnonzero(gold == label)) for label in range(classes)]
    ends = np.cumsum([0] + [len(rows) for rows in kept])
    return Examples(vectors=vectors[np.concatenate(kept)], ends=ends.astype(np.int64))


def calibrate(examples: Examples, seen: Floats) -> Familiarity:
    """Set means, deviations and known scores by the signs (n, 3) of unseen familiar texts."""
    mean, deviation = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-6)
    known = np.sort(((seen - mean) / deviation).sum(axis=1))
    return Familiarity(examples=examples, mean=mean, deviation=deviation, known=known)


def save(folder: Path, familiarity: Familiarity) -> None:
    """Write `familiarity` into `folder`; vectors in half precision."""
    arrays = {
        "vectors": familiarity.examples.vectors.astype(np.float16),
        "ends": familiarity.examples.ends,
        "mean": familiarity.mean,
        "deviation": familiarity.deviation,
        "known": familiarity.known,
    }
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / FILE)


def load(folder: Path) -> Familiarity:
    """What `save` wrote into `folder`."""
    arrays = load_file(folder / FILE)
    vectors = arrays.pop("vectors").astype(np.float32)
    return Familiarity(examples=Examples(vectors=vectors, ends=arrays.pop("ends")), **arrays)


def signs(nearness: Floats, dense: Floats, lexical: Floats) -> Floats:
    """The three signs (n, 3): nearness (n,), and what logits and margins (n, classes) say."""
    peak = dense.max(axis=1)
    energy = peak + np.log(np.exp(dense - peak[:, None]).sum(axis=1))
    return np.stack((nearness, energy, lexical.max(axis=1)), axis=1).astype(np.float32)


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(rows) <= KEPT:
        return rows
    return rows[np.linspace(0, len(rows) - 1, KEPT).astype(np.int64)]
