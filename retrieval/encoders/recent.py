"""An encoder that remembers the vectors of recent texts.

Classifier and retriever ask for the same text at the same time: the second one waits and gets the
vector of the first. A question asked again costs nothing.
"""

import collections
import collections.abc
import threading
from typing import Protocol

import numpy as np

from retrieval.encoders.spec import Side, Vectors

REMEMBERED = 2048  # texts; at 384 floats each about 3 MB
LARGEST = 32  # more texts at once are a bulk job, not a conversation: passed through


class TextEncoder(Protocol):
    """What is wrapped."""

    def encode(self, texts: collections.abc.Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (n, dim)."""


class RecentEncoder:
    """Wraps an encoder; safe in several threads, which take turns."""

    def __init__(self, encoder: TextEncoder) -> None:
        """Remember what `encoder` gives."""
        self._encoder = encoder
        self._lock = threading.Lock()
        self._known: collections.OrderedDict[tuple[Side, str], np.ndarray] = (
            collections.OrderedDict()
        )

    def encode(self, texts: collections.abc.Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (len(texts), dim), as the wrapped encoder gives them."""
        if len(texts) > LARGEST or not texts:
            return self._encoder.encode(texts, side)
        with self._lock:
            missing = [t for t in dict.fromkeys(texts) if (side, t) not in self._known]
            if missing:
                fresh = self._encoder.encode(missing, side)
                self._known.update(((side, t), row) for t, row in zip(missing, fresh, strict=True))
            rows = [self._known[side, t] for t in texts]
            for text in texts:
                self._known.move_to_end((side, text))
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return np.stack(rows)
