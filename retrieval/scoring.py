"""From a query and a segment to scored candidates: the parts of the evidence, weighted.

Every answer that meaning or words bring up is scored exactly: all its texts, all its languages.
The weights make the score log-odds: its softmax over the candidates is the probability of each.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.candidate import Candidate, Query
from retrieval.index import Mask
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
    """Which evidence counts."""

    by_meaning: bool = True
    """Whether vectors find and rank candidates."""
    by_words: bool = True
    """Whether words and codes do."""

    def weights(self, phrasings: int) -> Weights:
        """What the evidence counts for an answer with so many phrasings."""
        return _mixed(min(phrasings, MANY_PHRASINGS), self.by_meaning, self.by_words)


@functools.cache
def _mixed(phrasings: int, by_meaning: bool, by_words: bool) -> Weights:
    share = (phrasings - 1) / (MANY_PHRASINGS - 1)
    kept = (DENSE if by_meaning else frozenset()) | (LEXICAL if by_words else frozenset())
    return {name: share * MANY[name] + (1 - share) * ONE[name] for name in MANY if name in kept}


HYBRID = Ways()


def candidates(
    segment: Segment, asked: Asked, alive: Mask | None, ways: Ways = HYBRID
) -> list[Candidate]:
    """The usable variants of `segment` that meaning or words bring up, in no order.

    Args:
        segment: where it is looked for.
        asked: what is looked for.
        alive: (entries,) False for those that a later edit replaced; None when none was.
        ways: which evidence counts.
    """
    usable = segment.access.usable(asked.query)  # (variants,)
    if alive is not None:
        usable = usable & alive[segment.shape.entry_of]
    if not usable.any():
        return []
    mask = usable[segment.shape.variant_of]  # (rows,)
    matches = segment.lexical.match(asked.words)
    found: list[Ints] = []
    if ways.by_meaning:
        found.append(segment.dense.search(asked.vector, mask, ROWS_BY_MEANING)[0])
        if segment.expert is not None and asked.expert is not None and len(mask) <= EXPERT_SCAN:
            found.append(_by_expert(segment, asked.expert, mask))
    if ways.by_words:
        found.append(matches.top(mask, ROWS_BY_WORDS))
    rows = np.concatenate(found)
    if not len(rows):
        return []
    shape = segment.shape
    entries = np.unique(shape.entry_of[shape.variant_of[rows]])
    rows = shape.rows(entries)
    evidence = Evidence(segment, asked, entries, rows, matches.of(rows))
    wanted = [i for i, v in enumerate(evidence.variants.tolist()) if usable[v]]
    return [evidence.candidate(place, ways) for place in wanted]


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
        self._ends = np.append(self._starts[1:], len(rows))
        self._cosines = np.zeros(len(rows), np.float32)
        if len(asked.vector) == segment.vectors.shape[1]:  # else only words are asked for
            self._cosines = segment.vectors[rows].astype(np.float32, copy=False) @ asked.vector
        self._words = words
        self._expert = None
        if segment.expert is not None and asked.expert is not None:
            self._expert = segment.expert[rows].astype(np.float32, copy=False) @ asked.expert
        self._centres = self._centre_cosines(entries)
        self._place = np.searchsorted(entries, shape.entry_of[self.variants])

    def _centre_cosines(self, entries: Ints) -> Floats:
        """(entries,) cosine to the centre of the phrasings of each."""
        shape = self._segment.shape
        asked = shape.asked[self._rows]
        of_entry = np.searchsorted(entries, shape.entry_of[shape.variant_of[self._rows[asked]]])
        sums = np.bincount(of_entry, self._cosines[asked], minlength=len(entries))
        counts = np.bincount(of_entry, minlength=len(entries))
        found: Floats = (sums / counts / shape.centre_length[entries]).astype(np.float32)
        return found

    def candidate(self, place: int, ways: Ways) -> Candidate:
        """The variant number `place` of `variants` as a candidate."""
        start, last = int(self._starts[place]), int(self._ends[place]) - 1
        variant = int(self.variants[place])
        cosines = self._cosines[start:last]
        nearest = int(cosines.argmax())
        parts = {
            "question": float(cosines[nearest]),
            "answer": float(self._cosines[last]),
            "centre": float(self._centres[self._place[place]]),
            "words": float(self._words[start:last].max()),
            "answer_words": float(self._words[last]),
        }
        if self._expert is not None:
            parts["expert"] = float(self._expert[start:last].max())
            parts["expert_answer"] = float(self._expert[last])
        codes = self._asked.words.codes
        if codes:
            named = self._segment.codes.get(variant, frozenset())
            parts["code"] = sum(idf for code, idf in codes.items() if code in named)
        answer = self._segment.answers[variant]
        weights = ways.weights(len(answer.questions))
        return Candidate(
            answer=answer,
            score=sum(weights.get(name, 0.0) * value for name, value in parts.items()),
            cosine=parts["question"],
            matched=answer.questions[nearest],
            parts=parts,
        )


def with_shares(found: Sequence[Candidate]) -> list[float]:
    """The softmax of the scores: the probability of each candidate, if one is right."""
    if not found:
        return []
    best = max(candidate.score for candidate in found)
    powers = [math.exp(candidate.score - best) for candidate in found]
    total = sum(powers)
    return [power / total for power in powers]
