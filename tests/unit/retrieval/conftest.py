"""The real encoder, with a record of what it was asked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Side, Vectors
from retrieval.vectors import TextEncoder


class CountingEncoder:
    """Passes everything on to an encoder and remembers the texts."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self.asked: list[tuple[Side, str]] = []

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        self.asked += [(side, text) for text in texts]
        return self._encoder.encode(texts, side)


@pytest.fixture
def counting(encoder: Encoder) -> CountingEncoder:
    """The real encoder, with a record of what it was asked."""
    return CountingEncoder(encoder)


class HashingEncoder:
    """A small encoder by character trigrams: no network, so that tests of the index are quick."""

    dim = 64

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        found = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            padded = f"  {text.casefold()} "
            for start in range(len(padded) - 2):
                found[row, zlib.crc32(padded[start : start + 3].encode()) % self.dim] += 1
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(lengths, 1e-9), np.float32)


@pytest.fixture
def hashing() -> HashingEncoder:
    """An encoder without a network."""
    return HashingEncoder()


@pytest.fixture
def counting_hash(hashing: HashingEncoder) -> CountingEncoder:
    """The encoder without a network, with a record of what it was asked."""
    return CountingEncoder(hashing)
