"""The large segment of an index on disk, so that a start does not build it again.

The database is the truth: what is loaded is compared with it entry by entry, and entries that are
no longer the same are struck out. A file that we did not seal, that was damaged, or that was made
with another encoder is not used; whoever asked builds the index anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import arrays, errors, segment
from retrieval.candidate import PastAnswer
from retrieval.index import ClusterIndex
from retrieval.layer import Layer
from retrieval.lexical import LexicalIndex
from retrieval.segment import Segment, Shape
from retrieval.whitening import Whitening

FORMAT = "1"
KEY_BYTES = 32
Entries = Mapping[str, tuple[PastAnswer, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was found on the shelf."""

    layer: Layer
    """Its living entries are those that are still as they were."""
    whitening: Whitening


class Shelf:
    """One file for the large segment of one encoder, or pair of encoders."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Keep it at `path`, sealed with `key`."""
        self._path = path
        self._key = key

    def save(self, kept: Segment, whitening: Whitening, made_with: str) -> None:
        """Put `kept`, a segment in clusters, on the shelf in the place of what was there.

        Args:
            kept: the segment.
            whitening: what its vectors were mapped with.
            made_with: names the encoders.
        """
        if not isinstance(kept.dense, ClusterIndex):
            raise TypeError(f"{type(kept.dense).__name__} is quick to build: not kept.")
        found: dict[str, NDArray[Any]] = {
            "mean": whitening.mean.astype(np.float32),
            "matrix": whitening.matrix.astype(np.float32),
            "names": _blob(kept.names),
            "digests": _digests(kept.answers),
            "vectors": kept.vectors,
            **{f"shape.{field.name}": getattr(kept.shape, field.name) for field in fields(Shape)},
            **{f"dense.{name}": array for name, array in kept.dense.parts().items()},
            "words.terms": _blob(tuple(kept.lexical.terms)),
            "words.starts": kept.lexical.starts,
            "words.rows": kept.lexical.rows,
            "words.weights": kept.lexical.weights,
        }
        if kept.expert is not None:
            found["expert"] = kept.expert
        arrays.write(self._path, found, {"format": FORMAT, "made_with": made_with}, key=self._key)

    def load(self, entries: Entries, made_with: str) -> Stored | None:
        """The segment, with exactly those entries alive that are in `entries` as they were.

        None when there is no file, or one that is not ours, damaged, or made otherwise.
        """
        try:
            found, about = arrays.read(self._path, key=self._key)
        except errors.ArtifactError:
            return None
        if about != {"format": FORMAT, "made_with": made_with}:
            return None
        return _unpacked(found, entries)


def own_key(path: Path) -> bytes:
    """The key in `path`, made at the first call and readable by its owner only."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        beside.replace(path)
        return path.read_bytes()


def _unpacked(found: Mapping[str, NDArray[Any]], entries: Entries) -> Stored:
    shape = Shape(**{field.name: found[f"shape.{field.name}"] for field in fields(Shape)})
    names = _words(found["names"])
    answers, alive = _compared(names, shape, found["digests"], entries)
    terms = {term: number for number, term in enumerate(_words(found["words.terms"]))}
    vectors = found["vectors"]
    dense = {n.removeprefix("dense."): a for n, a in found.items() if n.startswith("dense.")}
    kept = segment.assembled(
        names,
        answers,
        shape,
        vectors=vectors,
        expert=found.get("expert"),
        dense=ClusterIndex(vectors, dense),
        lexical=LexicalIndex(
            terms,
            found["words.starts"],
            found["words.rows"],
            found["words.weights"],
            count=len(vectors),
        ),
    )
    whitening = Whitening(np.array(found["mean"]), np.array(found["matrix"]))
    return Stored(layer=Layer(kept, alive), whitening=whitening)


def _compared(
    names: Sequence[str], shape: Shape, digests: NDArray[np.uint8], entries: Entries
) -> tuple[list[PastAnswer], NDArray[np.bool_]]:
    """The answers of all variants, and which entries are as they were.

    What has changed since gets a place holder, which nobody ever sees: its entry is struck out.
    """
    alive = np.zeros(len(names), np.bool_)
    starts = shape.variant_starts.tolist()
    answers: list[PastAnswer] = []
    were = digests.tobytes()
    for place, name in enumerate(names):
        start, end = starts[place], starts[place + 1]
        now = entries.get(name, ())
        same = len(now) == end - start and all(
            _digest(answer) == were[row * DIGEST : (row + 1) * DIGEST]
            for row, answer in enumerate(now, start=start)
        )
        alive[place] = same
        answers += now if same else [_gone(name)] * (end - start)
    return answers, alive


DIGEST = 16  # bytes


def _digest(answer: PastAnswer) -> bytes:
    said = (
        answer.id, answer.lang, answer.intent, answer.questions, answer.text, answer.channel,
        answer.audience, answer.valid_from, answer.valid_until, answer.enabled, answer.source,
    )  # fmt: skip
    return hashlib.blake2b(repr(said).encode(), digest_size=DIGEST).digest()


def _digests(answers: Sequence[PastAnswer]) -> NDArray[np.uint8]:
    """Of each variant, (variants, DIGEST)."""
    whole = b"".join(map(_digest, answers))
    return np.frombuffer(whole, np.uint8).reshape(-1, DIGEST)


def _gone(name: str) -> PastAnswer:
    return PastAnswer(id=name, lang="", intent="", questions=("",), text="", enabled=False)


def _blob(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words as one array of bytes; each ends with a zero byte, which no word holds."""
    return np.frombuffer("".join(f"{word}\0" for word in words).encode(), np.uint8)


def _words(blob: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(blob.tobytes().decode().split("\0")[:-1])
