"""Finds past answers by meaning and by words, in the newest version of the answers.

A `Retriever` is one version: a few segments and a mask of what later edits replaced. An edit makes
a new Retriever that shares the large segments with the one before and embeds only what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval import (
    corpus,
    lexical,
    probability,
    reranking,
    scoring,
    segment,
    tokens,
    whitening,
)
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.encoders.spec import Side, Vectors
from retrieval.index import Mask
from retrieval.scoring import HYBRID, Asked, Ways
from retrieval.segment import Row, Segment, entries_of, rows_of
from retrieval.vectors import Progress, TextEncoder, VectorCache
from retrieval.whitening import Whitening

__all__ = ["Expert", "Retriever", "Row", "rows_of"]

FRESH_LEAST = 24  # entries of the last segment that an edit makes anew in any case
FRESH_ENTRIES = 512  # and at most
MERGE_RATIO = 4  # a segment is merged into one that is not this many times as large
MAX_LAYERS = 6  # more make searching slow
COMPACTED = 2_000  # entries of segments that are always merged when compacting
REFIT_SHARE = 0.5  # of changed entries from which the whitening is fitted again
DEAD_SHARE = 0.2  # of replaced entries from which a segment is made anew
SAVED_ANSWERS = 20_000  # up to which every edit writes the vectors to the disk again
MAX_QUERY = 2_000  # characters of a query that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A second encoder that knows one language better."""

    lang: str
    encoder: TextEncoder
    cache: VectorCache
    name: str = ""
    """Names the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    """What turns texts into vectors; the same for all versions."""

    encoder: TextEncoder
    cache: VectorCache
    whitening: Whitening
    expert: Expert | None
    on_progress: Progress | None
    judge: reranking.Judge | None

    def embed(self, rows: Sequence[Row]) -> tuple[Vectors, Vectors | None]:
        """Whitened vectors (rows, dim), and those of the expert if there is one."""
        raw = self.cache.vectors([row.key for row in rows], self.encoder, self.on_progress)
        return self.whitening.apply(raw), _expert_vectors(self.expert, rows, self.on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """A segment and which of its entries are still alive."""

    segment: Segment
    alive: Mask

    @property
    def mask(self) -> Mask | None:
        """(entries,) or None when all are alive."""
        return None if self.alive.all() else self.alive

    @property
    def size(self) -> int:
        """How many entries are alive."""
        return int(self.alive.sum())

    def without(self, names: Iterable[str]) -> _Layer:
        """The layer with these entries struck out."""
        places = self.segment.places
        gone = [places[name] for name in names if name in places]
        if not gone:
            return self
        alive = self.alive.copy()
        alive[gone] = False
        return replace(self, alive=alive)

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        """The variants of a living entry."""
        place = self.segment.places.get(name)
        if place is None or not self.alive[place]:
            return None
        return self.segment.entry_answers(place)

    def entries(self) -> dict[str, tuple[PastAnswer, ...]]:
        """The living entries."""
        return {
            self.segment.names[i]: self.segment.entry_answers(i)
            for i in np.flatnonzero(self.alive).tolist()
        }


class Retriever:
    """Searches one version of the answers; a new version is a new Retriever."""

    def __init__(
        self,
        answers: Sequence[PastAnswer],
        encoder: TextEncoder,
        cache: VectorCache,
        *,
        encoder_id: str,
        expert: Expert | None = None,
        ways: Ways = HYBRID,
        judge: reranking.Judge | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        """Embed what is new and build the index.

        Args:
            answers: all approved answers, usable or not.
            encoder: embeds the queries, and the texts that `cache` does not know.
            cache: vectors of earlier versions; saved when anything was added.
            encoder_id: names the encoder in the reasons.
            expert: an encoder that knows one language better, if there is one.
            ways: which evidence counts.
            judge: reads the best candidates again, if there is one.
            on_progress: told about the embedding of many texts.
        """
        self.encoder_id = encoder_id
        self.revision = corpus.fingerprint(answers)[:12]
        self._ways = ways
        entries = entries_of(answers)
        self._layers: tuple[_Layer, ...] = ()
        rows = _rows(entries)
        raw = cache.vectors([row.key for row in rows], encoder, on_progress) if rows else None
        self._tools = _Tools(
            encoder=encoder,
            cache=cache,
            whitening=_fit(raw, rows),
            expert=expert,
            on_progress=on_progress,
            judge=judge,
        )
        if rows:
            self._layers = (_layer(entries, self._tools),)
            self._save(rows)

    def updated(self, answers: Sequence[PastAnswer]) -> Retriever:
        """The version with exactly `answers`; shares with this one all that did not change.

        When most of it changed, it is built anew, with a whitening that fits.
        """
        entries = entries_of(answers)
        changed = {name: v for name, v in entries.items() if self.entry(name) != v}
        if len(changed) > REFIT_SHARE * sum(self.sizes):
            return Retriever(answers, self._tools.encoder, self._tools.cache,
                             encoder_id=self.encoder_id, expert=self._tools.expert,
                             ways=self._ways, judge=self._tools.judge,
                             on_progress=self._tools.on_progress)  # fmt: skip
        gone = [name for name in self.names() if name not in entries]
        after = self.edited(changed, gone, revision=corpus.fingerprint(answers)[:12])
        if after.is_scattered:
            after = after.compacted()
        if changed and len(answers) <= SAVED_ANSWERS:
            after._save(_rows(entries))
        return after

    def edited(
        self, changed: Mapping[str, Sequence[PastAnswer]], gone: Iterable[str], *, revision: str
    ) -> Retriever:
        """The version after an edit; takes as long as what changed is large, nothing is saved.

        Args:
            changed: all variants of each entry that is new or changed.
            gone: ids of entries that are no more.
            revision: names the new version.
        """
        layers = _with_changes(self._layers, changed, {*changed, *gone}, self._tools)
        return self._with(layers, revision)

    def compacted(self) -> Retriever:
        """The same version in fewer segments and without what edits replaced; takes a while."""
        entries: dict[str, tuple[PastAnswer, ...]] = {}
        kept = list(self._layers)
        while kept and (kept[-1].size < MERGE_RATIO * len(entries) or kept[-1].size < COMPACTED):
            entries = kept.pop().entries() | entries
        if kept and kept[0].size < len(kept[0].alive) * (1 - DEAD_SHARE):
            entries = kept.pop(0).entries() | entries
        layers = (*kept, _layer(entries, self._tools)) if entries else tuple(kept)
        return self._with(layers, self.revision)

    @property
    def expert_id(self) -> str:
        """Names the second encoder, which helps with one language; empty when there is none."""
        return self._tools.expert.name if self._tools.expert else ""

    def whitened(self, raw: Vectors) -> Vectors:
        """Vectors (n, dim) of the encoder as they are compared."""
        return self._tools.whitening.apply(raw)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What is searched, the oldest first."""
        return tuple(layer.segment for layer in self._layers)

    @property
    def is_scattered(self) -> bool:
        """Whether it is worth to compact it."""
        dead = any(layer.size < len(layer.alive) * (1 - DEAD_SHARE) for layer in self._layers)
        return dead or len(self._layers) > MAX_LAYERS

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        """The variants of an entry, None when there is none of that id."""
        found = (layer.entry(name) for layer in reversed(self._layers))
        return next((variants for variants in found if variants is not None), None)

    def names(self) -> Iterator[str]:
        """The ids of all entries."""
        for layer in self._layers:
            for place in np.flatnonzero(layer.alive).tolist():
                yield layer.segment.names[place]

    def _with(self, layers: tuple[_Layer, ...], revision: str) -> Retriever:
        after = object.__new__(Retriever)
        after.__dict__.update(self.__dict__, revision=revision, _layers=layers)
        return after

    def _save(self, rows: Sequence[Row]) -> None:
        """Write the vectors of these rows to the caches, and forget all others."""
        self._tools.cache.save([row.key for row in rows])
        expert = self._tools.expert
        if expert is not None:
            expert.cache.save([row.key for row in rows if row.answer.lang == expert.lang])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Living entries of each segment, the oldest first."""
        return tuple(int(layer.alive.sum()) for layer in self._layers)

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first."""
        if not self._layers or not queries:
            return [[] for _ in queries]
        return [self._best(asked) for asked in self._asked(queries)]

    def _asked(self, queries: Sequence[Query]) -> list[Asked]:
        """The queries in all the forms that are searched with."""
        texts = [query.text[:MAX_QUERY] for query in queries]
        vectors = np.zeros((len(texts), 1), np.float32)
        if self._ways.by_meaning:
            vectors = self._tools.whitening.apply(self._tools.encoder.encode(texts, Side.QUERY))
        special: dict[int, NDArray[np.float32]] = {}
        expert = self._tools.expert
        if expert is not None and self._ways.by_meaning:
            some = [i for i, query in enumerate(queries) if query.language == expert.lang]
            if some:
                found = expert.encoder.encode([texts[i] for i in some], Side.QUERY)
                special = dict(zip(some, found, strict=True))
        indexes = [layer.segment.lexical for layer in self._layers]
        return [
            Asked(
                query=query,
                vector=vectors[i],
                expert=special.get(i),
                words=lexical.prepare(texts[i], indexes),
            )
            for i, query in enumerate(queries)
        ]

    def _best(self, asked: Asked) -> list[Candidate]:
        found = [
            candidate
            for layer in self._layers
            for candidate in scoring.candidates(layer.segment, asked, layer.mask, self._ways)
        ]
        found.sort(key=lambda candidate: -candidate.score)
        if self._tools.judge is not None:
            text = asked.query.text[:MAX_QUERY]
            found = reranking.again(text, found[: asked.query.k], self._tools.judge)
        found = found[: asked.query.k]
        shares = scoring.with_shares(found)
        return [
            replace(candidate, probability=probability.of(candidate, share))
            for candidate, share in zip(found, shares, strict=True)
        ]


def _fit(raw: Vectors | None, rows: Sequence[Row]) -> Whitening:
    if raw is None:
        return Whitening(np.zeros(1, np.float32), np.eye(1, dtype=np.float32))
    asked = np.array([row.side is Side.QUERY for row in rows])  # (rows,)
    ids = [row.answer.id for row, is_asked in zip(rows, asked, strict=True) if is_asked]
    return whitening.fit(raw[asked], ids)


def _rows(entries: Mapping[str, Sequence[PastAnswer]]) -> list[Row]:
    return [row for variants in entries.values() for a in variants for row in rows_of(a)]


def _layer(entries: Mapping[str, Sequence[PastAnswer]], tools: _Tools) -> _Layer:
    rows = _rows(entries)
    vectors, expert = tools.embed(rows)
    words = [tokens.terms(row.text) for row in rows]
    built = segment.build(entries, vectors, expert, words=words)
    return _Layer(segment=built, alive=np.ones(len(entries), np.bool_))


def _with_changes(
    layers: Iterable[_Layer], changed: Mapping[str, Sequence[PastAnswer]], gone: set[str],
    tools: _Tools,
) -> tuple[_Layer, ...]:  # fmt: skip
    """The layers after an edit: old entries struck out, changed ones in a new last layer.

    A small last layer is merged with what is added, so that there are few layers and every entry
    is copied few times (a log-structured merge tree, O'Neil et al. 1996).
    """
    kept = [layer.without(gone) for layer in layers]
    kept = [layer for layer in kept if layer.alive.any()]
    if not changed:
        return tuple(kept)
    entries: dict[str, Sequence[PastAnswer]] = dict(changed)
    while kept and kept[-1].size <= min(FRESH_ENTRIES, MERGE_RATIO * len(entries) + FRESH_LEAST):
        entries = {**kept.pop().entries(), **entries}
    return (*kept, _layer(entries, tools))


def _expert_vectors(
    expert: Expert | None, rows: Sequence[Row], on_progress: Progress | None
) -> Vectors | None:
    """(rows, dim) of the expert's encoder, zero where the text is of another language."""
    if expert is None:
        return None
    some = [i for i, row in enumerate(rows) if row.answer.lang == expert.lang]
    if not some:
        return None
    found = expert.cache.vectors([rows[i].key for i in some], expert.encoder, on_progress)
    whole = np.zeros((len(rows), found.shape[1]), np.float32)
    whole[some] = found
    return whole
