"""From entries to the vectors of their texts, and to layers that can be searched.

What stands in an older layer already is copied from there; only what is new is looked up or
embedded, and whitened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import reranking, segment, whitening
from retrieval.candidate import PastAnswer
from retrieval.encoders.spec import Side, Vectors
from retrieval.index import FLAT_ROWS
from retrieval.ints import Ints, spans
from retrieval.layer import Layer
from retrieval.segment import Row, rows_of
from retrieval.shelf import Shelf
from retrieval.vectors import Progress, TextEncoder, VectorCache
from retrieval.whitening import Whitening

HALVED = 40_000  # rows from which vectors are kept in half precision
AT_ONCE = 20_000  # rows that are widened to single precision at a time
Entries = Mapping[str, Sequence[PastAnswer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A second encoder that knows one language better."""

    lang: str
    encoder: TextEncoder
    cache: VectorCache
    name: str = ""
    """Names the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What turns texts into vectors; the same for all versions."""

    encoder: TextEncoder
    cache: VectorCache
    whitening: Whitening
    expert: Expert | None
    shelf: Shelf | None
    on_progress: Progress | None
    judge: reranking.Judge | None

    @property
    def made_with(self) -> str:
        """Names the encoders."""
        return made_with(self.cache, self.expert)

    def layer(self, entries: Entries, among: Sequence[Layer] = ()) -> Layer:
        """A new layer of `entries`, at least one.

        Args:
            entries: the variants of each entry, by id.
            among: layers from which the vectors of entries that live there are taken over.
        """
        vectors, expert = self._vectors(entries, among)
        large = self.on_progress if len(vectors) > FLAT_ROWS else None
        if large:
            large(f"indexing {len(vectors)} texts", 0.0)
        built = segment.build(entries, vectors, expert)
        if large:
            large(f"indexing {len(vectors)} texts", 1.0)
        return Layer(built)

    def _vectors(
        self, entries: Entries, among: Sequence[Layer]
    ) -> tuple[Vectors, NDArray[Any] | None]:
        """Whitened vectors (rows, dim), and those of the expert if there is one."""
        sizes = [sum(len(a.questions) + 1 for a in variants) for variants in entries.values()]
        upto = np.cumsum(sizes)
        whole, special = _Growing(int(upto[-1])), _Growing(int(upto[-1]))
        missing = np.ones(len(sizes), np.bool_)
        for layer in among:
            places = np.array([layer.place(name) for name in entries], np.int64)
            missing[places >= 0] = False
            here = np.flatnonzero(places >= 0)
            rows = layer.segment.shape.block(places[here]).rows
            targets = spans(upto[here] - np.array(sizes)[here], upto[here])
            whole.put(targets, layer.segment.vectors[rows])
            if layer.segment.expert is not None:
                special.put(targets, layer.segment.expert[rows])
        new = np.flatnonzero(missing)
        if len(new):
            targets = spans(upto[new] - np.array(sizes)[new], upto[new])
            variants = list(entries.values())
            found = [row for place in new.tolist() for a in variants[place] for row in rows_of(a)]
            self._embed(found, targets, whole)
            self._embed_special(found, targets, special)
        assert whole.array is not None  # noqa: S101 - for the type checker; there are entries
        return whole.array, special.array

    def _embed(self, rows: Sequence[Row], targets: Ints, whole: _Growing) -> None:
        keys = [row.key for row in rows]
        self.cache.learn(keys, self.encoder, self.on_progress)
        for start in range(0, len(keys), AT_ONCE):
            raw = self.cache.vectors(keys[start : start + AT_ONCE], self.encoder)
            whole.put(targets[start : start + AT_ONCE], self.whitening.apply(raw))

    def _embed_special(self, rows: Sequence[Row], targets: Ints, special: _Growing) -> None:
        """The expert's vectors of the texts in its language; the others stay zero."""
        expert = self.expert
        if expert is None:
            return
        some = [place for place, row in enumerate(rows) if row.answer.lang == expert.lang]
        keys = [rows[place].key for place in some]
        if not keys:
            return
        expert.cache.learn(keys, expert.encoder, self.on_progress)
        for start in range(0, len(keys), AT_ONCE):
            found = expert.cache.vectors(keys[start : start + AT_ONCE], expert.encoder)
            special.put(targets[some[start : start + AT_ONCE]], found)


class _Growing:
    """Vectors that are filled in piece by piece; rows that never are stay zero."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.array: NDArray[Any] | None = None

    def put(self, targets: Ints, found: NDArray[Any]) -> None:
        """Put `found` (m, dim) into the rows `targets` (m,)."""
        if self.array is None:
            kind = np.float16 if self._rows > HALVED else np.float32
            self.array = np.zeros((self._rows, found.shape[1]), kind)
        self.array[targets] = found


def made_with(cache: VectorCache, expert: Expert | None) -> str:
    """Names the encoders."""
    return f"{cache.encoder_id}+{expert.cache.encoder_id if expert else ''}"


def all_rows(entries: Entries) -> list[Row]:
    """The texts of all entries."""
    return [row for variants in entries.values() for a in variants for row in rows_of(a)]


def fitted(
    rows: Iterable[Row], cache: VectorCache, encoder: TextEncoder, on_progress: Progress | None
) -> Whitening:
    """The whitening of these texts' phrasings; of many, some that are spread evenly."""
    texts = list(rows)
    if not texts:
        return Whitening(np.zeros(1, np.float32), np.eye(1, dtype=np.float32))
    cache.learn([row.key for row in texts], encoder, on_progress)
    asked = [row for row in texts if row.side is Side.QUERY]
    if len(asked) > whitening.MAX_ROWS:
        asked = [asked[i] for i in np.linspace(0, len(asked) - 1, whitening.MAX_ROWS).astype(int)]
    raw = cache.vectors([row.key for row in asked], encoder)
    return whitening.fit(raw, [row.answer.id for row in asked])
