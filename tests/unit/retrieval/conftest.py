"""The real encoder, with a record of what it was asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Side, Vectors


class CountingEncoder:
    """Passes everything on to the real encoder and remembers the texts."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.asked: list[tuple[Side, str]] = []

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        self.asked += [(side, text) for text in texts]
        return self._encoder.encode(texts, side)


@pytest.fixture
def counting(encoder: Encoder) -> CountingEncoder:
    """The real encoder, with a record of what it was asked."""
    return CountingEncoder(encoder)
