"""From a query and a segment to scored candidates: the parts of the evidence, weighted.

Every answer that meaning or words bring up is scored exactly: all its texts, all its languages.
The weights make the score log-odds: its softmax over the candidates is the probability of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.candidate import Candidate, Query
from retrieval.index import Mask
from retrieval.layer import Layer
from retrieval.lexical import LexicalQuery
from retrieval.segment import Ints, Segment

Floats = NDArray[np.float32]
Weights = Mapping[str, float]
ROWS_BY_MEANING = 96  # nearest texts looked at; they belong to some 25 answers
ROWS_BY_WORDS = 64

# Log-odds per unit of evidence, fitted as a conditional logit (McFadden 1974) on
# knowledge/eval/dev: once with all phrasings, once with one phrasing left of each answer, where the
# answer itself has to tell more (docs/decisions/0014). In between, they are mixed.
MANY: Weights = {
    "question": 6.3, "answer": 1.5, "centre": 10.9, "words": 7.9, "answer_words": 0.6,
    "expert": 4.3, "expert_answer": 2.6, "code": 12.0,
}  # fmt: skip
ONE: Weights = {
    "question": 0.8, "answer": 8.3, "centre": 8.0, "words": 3.0, "answer_words": 3.9,
    "expert": 3.1, "expert_answer": 7.4, "code": 12.0,
}  # fmt: skip
MANY_PHRASINGS = 4  # from which an answer counts as one with many
DENSE = frozenset({"question", "answer", "centre", "expert", "expert_answer"})
LEXICAL = frozenset({"words", "answer_words", "code"})
NOTHING = frozenset[str]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query in all the forms that are searched with."""

    query: Query
    vector: Floats
    """(dim,) whitened, unit length."""
    expert: Floats | None
    """(dim,) from the encoder of the query's language, if it has one."""
    words: LexicalQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Which evidence counts, and how much."""

    by_meaning: bool = True
    """Whether vectors find and rank candidates."""
    by_words: bool = True
    """Whether words and codes do."""
    many: Weights = field(default_factory=lambda: MANY)
    """For answers with many phrasings."""
    one: Weights = field(default_factory=lambda: ONE)
    """For answers with a single one."""
    _table: tuple[Weights, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Mix the weights for every number of phrasings once."""
        table = tuple(self._mixed(n) for n in range(MANY_PHRASINGS + 1))
        object.__setattr__(self, "_table", table)

    def weights(self, phrasings: int) -> Weights:
        """What the evidence counts for an answer with so many phrasings."""
        return self._table[min(phrasings, MANY_PHRASINGS)]

    def _mixed(self, phrasings: int) -> Weights:
        share = (max(phrasings, 1) - 1) / (MANY_PHRASINGS - 1)
        kept = (DENSE if self.by_meaning else NOTHING) | (LEXICAL if self.by_words else NOTHING)
        return {
            name: share * weight + (1 - share) * self.one[name]
            for name, weight in self.many.items()
            if name in kept
        }


HYBRID = Ways()


def candidates(layer: Layer, asked: Asked, ways: Ways = HYBRID) -> list[Candidate]:
    """The best `k` usable variants of `layer` that meaning or words bring up, best first.

    Args:
        layer: where it is looked for.
        asked: what is looked for.
        ways: which evidence counts.
    """
    segment, reach = layer.segment, layer.reach(asked.query)
    usable, allowed = reach.variants, reach.rows
    if not allowed.count:
        return []
    mask = allowed.rows
    matches = segment.lexical.match(asked.words)
    found: list[Ints] = []
    if ways.by_meaning:
        found.append(segment.dense.search(asked.vector, allowed, ROWS_BY_MEANING)[0])
        if segment.expert is not None and asked.expert is not None and len(mask) <= EXPERT_SCAN:
            found.append(_by_expert(segment, asked.expert, mask))
    if ways.by_words:
        found.append(matches.top(mask if allowed.given else None, ROWS_BY_WORDS))
    rows = np.concatenate(found)
    if not len(rows):
        return []
    shape = segment.shape
    entries = np.unique(shape.entry_of[shape.variant_of[rows]])
    rows = shape.rows(entries)
    evidence = Evidence(segment, asked, entries, rows, matches.of(rows))
    scores = evidence.scores(ways)
    scores[~usable[evidence.variants]] = -np.inf
    best = np.argsort(-scores, kind="stable")[: asked.query.k]
    return [
        evidence.candidate(int(place), float(scores[place]))
        for place in best
        if scores[place] > -np.inf
    ]


EXPERT_SCAN = 20_000  # rows up to which the second encoder looks for candidates of its own


def _by_expert(segment: Segment, vector: Floats, mask: Mask) -> Ints:
    assert segment.expert is not None  # noqa: S101 - for the type checker; the caller looked
    cosines = np.where(mask, segment.expert @ vector, -2)  # (rows,)
    best = min(ROWS_BY_MEANING // 2, int(mask.sum()))
    top: Ints = np.argpartition(-cosines, best - 1)[:best]
    return top


class Evidence:
    """The evidence for some entries of a segment, computed for all their texts at once."""

    def __init__(
        self, segment: Segment, asked: Asked, entries: Ints, rows: Ints, words: Floats
    ) -> None:
        """Compute it.

        Args:
            segment: where the entries are.
            asked: what is looked for.
            entries: (n,) ascending.
            rows: (m,) all their rows.
            words: (m,) lexical scores of these.
        """
        shape = segment.shape
        self._segment, self._asked, self._rows = segment, asked, rows
        of_row = shape.variant_of[rows]  # (m,)
        self._starts = np.flatnonzero(np.diff(of_row, prepend=-1))  # (variants,)
        self.variants = of_row[self._starts]
        self._last = np.append(self._starts[1:], len(rows)) - 1  # (variants,) rows of the answers
        self._cosines = np.zeros(len(rows), np.float32)
        if len(asked.vector) == segment.vectors.shape[1]:  # else only words are asked for
            self._cosines = segment.vectors[rows].astype(np.float32, copy=False) @ asked.vector
        place = np.searchsorted(entries, shape.entry_of[self.variants])
        self.parts: dict[str, Floats] = {
            "question": self._best_phrasing(self._cosines),
            "answer": self._cosines[self._last],
            "centre": self._centre_cosines(entries)[place],
            "words": self._best_phrasing(words),
            "answer_words": words[self._last],
            **self._of_expert(),
            **self._of_codes(),
        }

    def _best_phrasing(self, values: Floats) -> Floats:
        """(variants,) the largest of `values` (m,) among the phrasings of each."""
        asked = values.copy()
        asked[self._last] = -np.inf
        return np.maximum.reduceat(asked, self._starts)

    def _centre_cosines(self, entries: Ints) -> Floats:
        """(entries,) cosine to the centre of the phrasings of each."""
        shape = self._segment.shape
        asked = shape.asked[self._rows]
        of_entry = np.searchsorted(entries, shape.entry_of[shape.variant_of[self._rows[asked]]])
        sums = np.bincount(of_entry, self._cosines[asked], minlength=len(entries))
        counts = np.bincount(of_entry, minlength=len(entries))
        found: Floats = (sums / counts / shape.centre_length[entries]).astype(np.float32)
        return found

    def _of_expert(self) -> dict[str, Floats]:
        """What the second encoder says; of other languages it knows nothing, and is neutral."""
        expert = self._segment.expert
        if expert is None or self._asked.expert is None:
            return {}
        cosines = expert[self._rows].astype(np.float32, copy=False) @ self._asked.expert
        known = cosines[cosines != 0]
        neutral = known.mean() if len(known) else np.float32(0)
        cosines[cosines == 0] = neutral
        return {"expert": self._best_phrasing(cosines), "expert_answer": cosines[self._last]}

    def _of_codes(self) -> dict[str, Floats]:
        """How much of the codes that the query names each variant names, by their rarity."""
        codes = self._asked.words.codes
        if not codes:
            return {}
        named = [self._segment.codes.get(v, frozenset()) for v in self.variants.tolist()]
        sums = [sum(idf for code, idf in codes.items() if code in found) for found in named]
        return {"code": np.array(sums, np.float32)}

    def scores(self, ways: Ways) -> Floats:
        """(variants,) log-odds."""
        phrasings = np.minimum(self._last - self._starts, MANY_PHRASINGS)  # (variants,)
        total = np.zeros(len(self.variants), np.float32)
        for name, values in self.parts.items():
            weights = [ways.weights(max(n, 1)).get(name, 0.0) for n in range(MANY_PHRASINGS + 1)]
            total += np.array(weights, np.float32)[phrasings] * values
        return total

    def candidate(self, place: int, score: float) -> Candidate:
        """The variant number `place` of `variants` as a candidate."""
        answer = self._segment.answers[int(self.variants[place])]
        nearest = int(self._cosines[self._starts[place] : self._last[place]].argmax())
        return Candidate(
            answer=answer,
            score=score,
            cosine=float(self.parts["question"][place]),
            matched=answer.questions[nearest],
            parts={name: float(values[place]) for name, values in self.parts.items()},
        )


def with_shares(found: Sequence[Candidate]) -> list[float]:
    """The softmax of the scores: the probability of each candidate, if one is right."""
    if not found:
        return []
    best = max(candidate.score for candidate in found)
    powers = [math.exp(candidate.score - best) for candidate in found]
    total = sum(powers)
    return [power / total for power in powers]
