"""The names of the labels as supervision: "card_arrival" is an example of itself.

Worth one to two points with 5 or 10 examples per label, nothing with 100 (docs/benchmarks.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import Gold

FEW = 20  # examples of the middle label, up to which names are learned from

Floats = NDArray[np.float32]
_SEPARATOR = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDY = re.compile(r"[^\W\d_]{2,}|[\u3400-\u9fff]")


class TextEncoder(Protocol):
    """The part of an encoder that is needed."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, dim)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Names that say something, with their vectors and their labels; may be none."""

    texts: tuple[str, ...]
    vectors: Floats  # (m, dim)
    gold: Gold  # (m,)

    def beside(self, vectors: Floats, gold: Gold) -> tuple[Floats, Gold]:
        """`vectors` (n, dim) and `gold` (n,) with those of the names after them."""
        return np.concatenate([vectors, self.vectors]), np.concatenate([gold, self.gold])

    def after(self, texts: Sequence[str], gold: Gold) -> tuple[list[str], Gold]:
        """The n `texts` and `gold` (n,) with those of the names after them."""
        return [*texts, *self.texts], np.concatenate([gold, self.gold])


def hints(labels: Sequence[str], gold: Gold, encoder: TextEncoder) -> Hints:
    """The names in words, if the middle label has at most `FEW` examples; else none.

    Args:
        labels: the classes' names.
        gold: (n,), of the examples.
        encoder: gives the vectors.
    """
    few = are_few(gold, len(labels))
    named = [(words(label), i) for i, label in enumerate(labels)] if few else []
    kept = [(text, i) for text, i in named if _WORDY.search(text)]
    texts = tuple(text for text, _ in kept)
    return Hints(
        texts=texts,
        vectors=encoder.encode(texts),
        gold=np.array([i for _, i in kept], dtype=np.int64),
    )


def are_few(gold: Gold, classes: int) -> bool:
    """Whether the middle label has at most `FEW` of the examples `gold` (n,)."""
    return bool(np.median(np.bincount(gold, minlength=classes)) <= FEW)


def none(dim: int) -> Hints:
    """No names at all, beside vectors of that size."""
    return Hints(texts=(), vectors=np.zeros((0, dim), np.float32), gold=np.zeros(0, np.int64))


def words(label: str) -> str:
    """A label as a person would say it: `Refund_not-showingUp?` → "refund not showing up"."""
    return _SEPARATOR.sub(" ", _CAMEL.sub(" ", label)).strip().casefold()
