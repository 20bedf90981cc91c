"""Finds past answers: FAISS gives the nearest texts, their answers are then scored exactly.

Three kinds of evidence make the score of an answer: its nearest phrasing, its text, and the centre
of its phrasings in all languages. Usable answers are enabled, for this channel, valid now, and in
the language of the query; only an answer that lacks that language is looked for in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrieval import corpus, whitening
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.encoders.spec import Side
from retrieval.index import FaissIndex, Mask
from retrieval.vectors import Key, Progress, TextEncoder, VectorCache

# Log-odds per unit of cosine, fitted as a conditional logit on knowledge/eval/dev
# (McFadden 1974); docs/decisions/0006 says how to fit them again.
WEIGHTS = {"question": 8.8, "answer": 3.0, "centre": 12.6}
ROWS_FETCHED = 96  # nearest texts that FAISS gives; they belong to some 25 answers
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
        self._from = _instants([row.answer.valid_from for row in self._rows], -FOREVER)
        self._until = _instants([row.answer.valid_until for row in self._rows], FOREVER)
        self._masks: dict[tuple[str, str], Mask] = {}
        self._places: dict[tuple[str, str], list[int]] = {}  # (id, lang) → its rows
        for place, row in enumerate(self._rows):
            self._places.setdefault((row.answer.id, row.answer.lang), []).append(place)
        if self._rows:
            self._build(cache, on_progress)

    def _build(self, cache: VectorCache, on_progress: Progress | None) -> None:
        keys = [row.key for row in self._rows]
        raw = cache.vectors(keys, self._encoder, on_progress)  # (rows, dim)
        cache.save(keys)
        asked = np.array([row.side is Side.QUERY for row in self._rows])  # (rows,)
        ids = [row.answer.id for row in self._rows]
        asked_ids = [name for name, is_asked in zip(ids, asked, strict=True) if is_asked]
        self._whitening = whitening.fit(raw[asked], asked_ids)
        self._vectors = self._whitening.apply(raw)  # (rows, dim)
        self._index = FaissIndex(self._vectors)
        names, place = np.unique(np.array(asked_ids), return_inverse=True)
        self._centres = whitening.unit(whitening.centres(self._vectors[asked], place))
        self._centre_of = {str(name): i for i, name in enumerate(names)}

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first."""
        if not self._rows or not queries:
            return [[] for _ in queries]
        raw = self._encoder.encode([query.text for query in queries], Side.QUERY)  # (n, dim)
        vectors = self._whitening.apply(raw)  # (n, dim)
        return [self._nearest(query, v) for query, v in zip(queries, vectors, strict=True)]

    def _nearest(self, query: Query, vector: NDArray[np.float32]) -> list[Candidate]:
        rows, _ = self._index.search(vector, self._usable(query), ROWS_FETCHED)
        found = dict.fromkeys(
            (self._rows[row].answer.id, self._rows[row].answer.lang) for row in rows.tolist()
        )
        scored = [self._score(self._places[key], vector) for key in found]
        return sorted(scored, key=lambda candidate: -candidate.score)[: query.k]

    def _score(self, places: list[int], vector: NDArray[np.float32]) -> Candidate:
        """The candidate of the answer whose texts are the rows `places`, phrasings first."""
        answer = self._rows[places[0]].answer
        cosines = self._vectors[places] @ vector  # (texts,)
        nearest = int(cosines[:-1].argmax())
        parts = {
            "question": float(cosines[nearest]),
            "answer": float(cosines[-1]),
            "centre": float(self._centres[self._centre_of[answer.id]] @ vector),
        }
        return Candidate(
            answer=answer,
            score=sum(WEIGHTS[name] * value for name, value in parts.items()),
            cosine=parts["question"],
            matched=answer.questions[nearest],
            parts=parts,
        )

    def _usable(self, query: Query) -> Mask:
        now = query.now.timestamp()
        valid = (self._from <= now) & (now <= self._until)  # (rows,)
        return self._standing(query.language, query.channel) & valid

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
    """The texts by which an answer is found: its phrasings, and last the answer itself."""
    asked = [Row(answer=answer, text=question, side=Side.QUERY) for question in answer.questions]
    return [*asked, Row(answer=answer, text=answer.text, side=Side.PASSAGE)]


def _instants(moments: Sequence[datetime | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if moment is None else moment.timestamp() for moment in moments])
