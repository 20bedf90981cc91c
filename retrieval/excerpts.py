"""The sentences of an answer that a question is about, word for word.

A passage is split into sentences; those nearest to the question are kept, each only if it adds to
the ones before it (maximal marginal relevance, Carbonell & Goldstein 1998), in their own order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.spec import Vectors

AT_MOST = 2  # sentences of one passage
RELEVANCE = 0.5  # what nearness to the question counts; the rest is nearness to what was kept
LEAST_SHARE = 0.6  # of the best sentence's cosine that a further one must have
LEAST_COSINE = 0.05
MAX_SENTENCES = 40  # of a passage that are looked at

_SHORT = ("Mr", "Ms", "Mrs", "Dr", "No", "St", "approx", "e.g", "i.e")
_ABBREVIATION = "".join(rf"(?<!\b{re.escape(word)}\.)" for word in _SHORT)
_CLOSING = "\"'”’)」』）"
_END = re.compile(
    rf"{_ABBREVIATION}(?:(?<=[.!?])|(?<=[.!?][{_CLOSING}]))\s+(?=[\"'“‘(]?[A-Z0-9\u3400-\u9fff])"
    rf"|(?<=[。！？；])(?![{_CLOSING}])|(?<=[。！？；][{_CLOSING}])"
    r"|\s*\n+\s*"
)


def split(text: str) -> list[str]:
    """The sentences of an English or Chinese text; together they are the text but for spaces."""
    return [piece for piece in (p.strip() for p in _END.split(text) if p) if piece]


def choose(question: NDArray[np.float32], sentences: Vectors) -> list[int]:
    """Rows of the sentences that are kept, ascending.

    Args:
        question: (dim,) unit length.
        sentences: (n, dim) unit length, at least one.
    """
    relevance = sentences @ question  # (n,)
    alike = sentences @ sentences.T  # (n, n)
    kept = [int(relevance.argmax())]
    least = max(LEAST_COSINE, LEAST_SHARE * float(relevance[kept[0]]))
    while len(kept) < min(AT_MOST, len(sentences)):
        gain = RELEVANCE * relevance - (1 - RELEVANCE) * alike[:, kept].max(axis=1)
        gain[kept] = -np.inf
        gain[relevance < least] = -np.inf
        best = int(gain.argmax())
        if gain[best] == -np.inf:
            break
        kept.append(best)
    return sorted(kept)


def joined(sentences: Sequence[str]) -> str:
    """Sentences as running text: with a space where the script has one."""
    text = ""
    for sentence in sentences:
        wide = not text or ord(text[-1]) > 0x2E80  # after Chinese, and its full stops
        text += sentence if wide else f" {sentence}"
    return text
