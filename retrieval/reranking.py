"""A second look at the best candidates: a cross-encoder reads question and candidate together.

It costs a pass over every pair, so it looks at few candidates and short texts, and only serves
where one was trained and found better (docs/decisions/0052).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval import errors
from retrieval.candidate import Candidate

FOLDER = "reranker"  # in the models folder; what lies there serves
ABOUT = "reranker.json"
DEPTH = 6  # candidates that are read again
LONGEST = 64  # tokens of question and candidate together
ANSWER_CHARS = 160  # of an answer that are read
HINT = "Delete the folder, or train it again with `frontdesk retrieval train --reranker`."

Floats = NDArray[np.float32]


class Judge(Protocol):
    """The part of a reranker that search needs."""

    weight: float
    """Log-odds per unit of its score."""

    def scores(self, query: str, texts: Sequence[str]) -> Floats:
        """How well each of `texts` fits `query`, (len(texts),), unbounded."""


class Reranker:
    """A trained cross-encoder. Safe in several threads."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """Load it.

        Raises:
            errors.ArtifactError: the folder was changed since it was written, or is incomplete.
        """
        from retrieval.encoders import manifest, runtime  # noqa: PLC0415 - loads onnxruntime

        manifest.verify(folder)
        self._model = runtime.OnnxTextModel(folder, threads=threads)
        self.weight = _weight(folder)

    def scores(self, query: str, texts: Sequence[str]) -> Floats:
        """How well each of `texts` fits `query`, (len(texts),), unbounded."""
        return self._model.run_pairs([(query, text) for text in texts])["score"][:, 0]


def text_of(question: str, answer: str) -> str:
    """What of a candidate is read: the phrasing that matched, and the beginning of the answer."""
    return question if answer in ("", question) else f"{question}\n{answer[:ANSWER_CHARS]}"


def again(query: str, found: Sequence[Candidate], judge: Judge) -> list[Candidate]:
    """The candidates, best first, with the reranker's word in the scores of the first ones.

    The others keep their distance to the last of those, so that none overtakes unread.
    """
    top = list(found[:DEPTH])
    if len(top) < 2:
        return list(found)
    said = judge.weight * judge.scores(query, [text_of(c.matched, c.answer.text) for c in top])
    said -= said.max()
    read = [_with(candidate, float(gain)) for candidate, gain in zip(top, said, strict=True)]
    read.sort(key=lambda candidate: -candidate.score)
    drop = min(0.0, read[-1].score - top[-1].score)
    return [*read, *(_with(candidate, drop) for candidate in found[DEPTH:])]


def _with(candidate: Candidate, gain: float) -> Candidate:
    parts = {**candidate.parts, "rerank": gain}
    return replace(candidate, score=candidate.score + gain, parts=parts)


def _weight(folder: Path) -> float:
    path = folder / ABOUT
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["weight"])
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise errors.ArtifactError(f"{path} cannot be read: {cause}", hint=HINT) from cause
