"""Finds past answers: a query is compared with every phrasing and text of the usable answers.

The best of an answer's rows counts. Usable means: enabled, for this channel, valid now, and in the
language of the query; only an answer that lacks that language is looked for in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrieval import corpus
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.encoders.spec import Side
from retrieval.index import FaissIndex, Mask
from retrieval.vectors import Key, Progress, TextEncoder, VectorCache

ROWS_PER_ANSWER = 8  # about how many rows an answer has; so many more rows than answers are fetched
FOREVER = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text of one answer in the index."""

    answer: PastAnswer
    text: str
    side: Side

    @property
    def key(self) -> Key:
        """What its vector is remembered by."""
        return self.side, self.text


class Retriever:
    """Searches one version of the answers; a new version is a new Retriever."""

    def __init__(
        self,
        answers: Sequence[PastAnswer],
        encoder: TextEncoder,
        cache: VectorCache,
        *,
        encoder_id: str,
        on_progress: Progress | None = None,
    ) -> None:
        """Embed what is new and build the index.

        Args:
            answers: all approved answers, usable or not.
            encoder: embeds the queries, and the texts that `cache` does not know.
            cache: vectors of earlier versions; saved when anything was added.
            encoder_id: names the encoder in the reasons.
            on_progress: told about the embedding of many texts.
        """
        self.encoder_id = encoder_id
        self.revision = corpus.fingerprint(answers)[:12]
        self._encoder = encoder
        self._rows = [row for answer in answers for row in rows_of(answer)]
        keys = [row.key for row in self._rows]
        self._index = FaissIndex(cache.vectors(keys, encoder, on_progress)) if keys else None
        cache.save(keys)
        self._texts = np.array([row.text for row in self._rows], dtype=object)  # (rows,)
        self._from = _instants([row.answer.valid_from for row in self._rows], -FOREVER)
        self._until = _instants([row.answer.valid_until for row in self._rows], FOREVER)
        self._masks: dict[tuple[str, str], Mask] = {}

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first."""
        if self._index is None or not queries:
            return [[] for _ in queries]
        vectors = self._encoder.encode([query.text for query in queries], Side.QUERY)  # (n, dim)
        return [self._nearest(query, v) for query, v in zip(queries, vectors, strict=True)]

    def _nearest(self, query: Query, vector: NDArray[np.float32]) -> list[Candidate]:
        if self._index is None:
            return []
        mask = self._usable(query)
        rows, cosines = self._index.search(vector, mask, query.k * ROWS_PER_ANSWER)
        best: dict[str, Candidate] = {}
        for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
            place = self._rows[row]
            if place.answer.id not in best and len(best) < query.k:
                best[place.answer.id] = Candidate(
                    answer=place.answer, score=cosine, cosine=cosine, matched=place.text
                )
        return list(best.values())

    def _usable(self, query: Query) -> Mask:
        now = query.now.timestamp()
        mask = self._standing(query.language, query.channel)
        mask = mask & (self._from <= now) & (now <= self._until)
        if query.exclude is not None:
            mask = mask & (self._texts != query.exclude)
        return mask

    def _standing(self, language: str, channel: str) -> Mask:
        """The rows that this language and channel may use, at any time."""
        key = language, channel
        if key not in self._masks:
            spoken = {row.answer.id for row in self._rows if row.answer.lang == language}
            self._masks[key] = np.array(
                [
                    row.answer.enabled
                    and row.answer.channel in (None, channel)
                    and (row.answer.lang == language or row.answer.id not in spoken)
                    for row in self._rows
                ]
            )
        return self._masks[key]


def rows_of(answer: PastAnswer) -> list[Row]:
    """The texts by which an answer is found: its phrasings, and the answer itself."""
    asked = [Row(answer=answer, text=question, side=Side.QUERY) for question in answer.questions]
    return [*asked, Row(answer=answer, text=answer.text, side=Side.PASSAGE)]


def _instants(moments: Sequence[datetime | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if moment is None else moment.timestamp() for moment in moments])
