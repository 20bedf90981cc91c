"""Finds past answers by meaning and by words, in the newest version of the answers.

A `Retriever` is one version: a few segments and a mask of what later edits replaced. An edit makes
a new Retriever that shares the large segments with the one before and embeds only what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieval import corpus, embedding, excerpts, lexical, probability, reranking, scoring
from retrieval.candidate import Candidate, Excerpt, PastAnswer, Query, Wanted
from retrieval.embedding import Expert, Tools
from retrieval.encoders.spec import Side, Vectors
from retrieval.evidence import Asked
from retrieval.index import ClusterIndex
from retrieval.layer import Layer
from retrieval.scoring import HYBRID, Ways
from retrieval.segment import Row, Segment, entries_of, rows_of
from retrieval.shelf import Shelf
from retrieval.vectors import Progress, TextEncoder, VectorCache

__all__ = ["Expert", "Retriever", "Row", "rows_of"]

FRESH_LEAST = 120  # entries of the last segment that an edit makes anew in any case
FRESH_ENTRIES = 512  # and at most
MERGE_RATIO = 4  # a segment is merged into one that is not this many times as large
MAX_LAYERS = 3  # more make searching slow
COMPACTED = 2_000  # entries of segments that are always merged when compacting
REFIT_SHARE = 0.5  # of changed entries from which the whitening is fitted again
DEAD_SHARE = 0.2  # of replaced entries from which a segment is made anew


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
        shelf: Shelf | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        """Embed what is new and build the index, or take what still holds from the shelf.

        Args:
            answers: all approved answers, usable or not.
            encoder: embeds the queries, and the texts that `cache` does not know.
            cache: vectors of earlier versions; saved when anything was added.
            encoder_id: names the encoder in the reasons.
            expert: an encoder that knows one language better, if there is one.
            ways: which evidence counts.
            judge: reads the best candidates again, if there is one.
            shelf: keeps what is slow to build.
            on_progress: told about steps that take long.
        """
        self.encoder_id = encoder_id
        self.revision = corpus.fingerprint(answers)[:12]
        self._ways = ways
        entries = entries_of(answers)
        self._layers: tuple[Layer, ...] = ()
        self._on_shelf: Segment | None = None
        tools = partial(Tools, encoder=encoder, cache=cache, expert=expert, shelf=shelf,
                        judge=judge, on_progress=on_progress)  # fmt: skip
        stored = shelf.load(entries, embedding.made_with(cache, expert)) if shelf else None
        if stored is not None and stored.layer.size >= (1 - REFIT_SHARE) * len(entries):
            self._tools = tools(whitening=stored.whitening)
            self._on_shelf = stored.layer.segment
            missing = {n: v for n, v in entries.items() if stored.layer.entry(n) is None}
            self._layers = _with_changes((stored.layer,), missing, set(), self._tools)
            cache.note()
            return
        rows = embedding.all_rows(entries)
        self._tools = tools(whitening=embedding.fitted(rows, cache, encoder, on_progress))
        if rows:
            self._layers = (self._tools.layer(entries),)
            self._save(rows)
            self._put_on_shelf()

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
        """The same version in fewer segments and without what edits replaced; takes a while.

        What was embedded since the last time is written to the disk, and a large segment to the
        shelf when it is a new one.
        """
        entries: dict[str, tuple[PastAnswer, ...]] = {}
        kept, merged = list(self._layers), list[Layer]()
        while kept and (kept[-1].size < MERGE_RATIO * len(entries) or kept[-1].size < COMPACTED):
            merged.append(kept.pop())
            entries = merged[-1].entries() | entries
        if kept and kept[0].dead_share > DEAD_SHARE:
            merged.append(kept.pop(0))
            entries = merged[-1].entries() | entries
        layers = (*kept, self._tools.layer(entries, merged)) if entries else tuple(kept)
        after = self._with(tuple(sorted(layers, key=lambda layer: -layer.size)), self.revision)
        after.note()
        after._put_on_shelf()
        return after

    def note(self) -> None:
        """Write the vectors that edits brought to the disk."""
        self._tools.cache.note()
        if self._tools.expert is not None:
            self._tools.expert.cache.note()

    def _put_on_shelf(self) -> None:
        """Keep the largest segment, if it was slow to build and is not there already."""
        shelf, largest = self._tools.shelf, self._layers[0].segment if self._layers else None
        if shelf is None or largest is None or largest is self._on_shelf:
            return
        if isinstance(largest.dense, ClusterIndex):
            shelf.save(largest, self._tools.whitening, self._tools.made_with)
            self._on_shelf = largest

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
        dead = any(layer.dead_share > DEAD_SHARE for layer in self._layers)
        return dead or len(self._layers) > MAX_LAYERS

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        """The variants of an entry, None when there is none of that id."""
        found = (layer.entry(name) for layer in reversed(self._layers))
        return next((variants for variants in found if variants is not None), None)

    def of_intent(self, intent: str) -> list[PastAnswer]:
        """All answers to an intent."""
        return [
            layer.segment.answers[variant]
            for layer in self._layers
            for variant in layer.segment.intents.get(intent, ())
            if layer.alive[layer.segment.shape.entry_of[variant]]
        ]

    def names(self) -> Iterator[str]:
        """The ids of all entries."""
        for layer in self._layers:
            for place in np.flatnonzero(layer.alive).tolist():
                yield layer.segment.names[place]

    def _with(self, layers: tuple[Layer, ...], revision: str) -> Retriever:
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
        return tuple(layer.size for layer in self._layers)

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first."""
        if not self._layers or not queries:
            return [[] for _ in queries]
        return [self._best(asked) for asked in self._asked(queries)]

    def excerpts(self, wanted: Sequence[Wanted]) -> list[Excerpt]:
        """The sentences of each answer that its question is about."""
        split = [excerpts.split(one.answer.text)[: excerpts.MAX_SENTENCES] for one in wanted]
        encode, whiten = self._tools.encoder.encode, self._tools.whitening.apply
        found = []
        for one, sentences in zip(wanted, split, strict=True):
            question = whiten(encode([one.question], Side.QUERY))[0]
            vectors = whiten(encode(sentences, Side.PASSAGE))
            kept = excerpts.choose(question, vectors)
            said = tuple(sentences[row] for row in kept)
            cosine = float((vectors @ question).max())
            found.append(Excerpt(text=excerpts.joined(said), sentences=said, cosine=cosine))
        return found

    def _asked(self, queries: Sequence[Query]) -> list[Asked]:
        """The queries in all the forms that are searched with."""
        texts = [query.shown for query in queries]
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
        scored = [one for layer in self._layers for one in scoring.best(layer, asked, self._ways)]
        scored.sort(key=lambda one: -one.score)
        found = [one.evidence.candidate(one.place, one.score) for one in scored[: asked.query.k]]
        if self._tools.judge is not None:
            found = reranking.again(asked.query.shown, found, self._tools.judge)
        shares = scoring.shares([candidate.score for candidate in found])
        return [
            replace(candidate, probability=probability.of(candidate, share))
            for candidate, share in zip(found, shares, strict=True)
        ]


def _with_changes(
    layers: Iterable[Layer], changed: Mapping[str, Sequence[PastAnswer]], gone: set[str],
    tools: Tools,
) -> tuple[Layer, ...]:  # fmt: skip
    """The layers after an edit: old entries struck out, changed ones in a new last layer.

    A small last layer is merged with what is added, so that there are few layers and every entry
    is copied few times (a log-structured merge tree, O'Neil et al. 1996).
    """
    kept = [layer.without(gone) for layer in layers]
    kept = [layer for layer in kept if layer.size]
    if not changed:
        return tuple(kept)
    entries: dict[str, Sequence[PastAnswer]] = dict(changed)
    merged: list[Layer] = []
    while kept and kept[-1].size <= min(FRESH_ENTRIES, MERGE_RATIO * len(entries) + FRESH_LEAST):
        merged.append(kept.pop())
        entries = {**merged[-1].entries(), **entries}
    return (*kept, tools.layer(entries, merged))
