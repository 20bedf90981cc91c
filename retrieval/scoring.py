"""From a query and a segment to scored answers: what brings them up, and what evidence counts.

Every answer that meaning or words bring up is scored exactly: all its texts, all its languages.
The weights make the score log-odds: its softmax over the candidates is the probability of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrieval.evidence import Asked, Evidence, Floats
from retrieval.index import Mask
from retrieval.ints import Ints, distinct
from retrieval.layer import Layer
from retrieval.lexical import Matches
from retrieval.segment import Block, Segment

Weights = Mapping[str, float]
ROWS_BY_MEANING = 96  # nearest texts looked at; they belong to some 25 answers
ROWS_BY_WORDS = 64
WHOLE_ROWS = 1_000  # up to so many, every answer is scored: quicker than to look for candidates
EXPERT_SCAN = 20_000  # rows up to which the second encoder looks for candidates of its own

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
    _table: Mapping[str, Floats] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Mix the weights for every number of phrasings once."""
        mixed = [self._mixed(n) for n in range(MANY_PHRASINGS + 1)]
        table = {name: np.array([row[name] for row in mixed], np.float32) for name in mixed[0]}
        object.__setattr__(self, "_table", table)

    def weights(self, phrasings: int) -> Weights:
        """What the evidence counts for an answer with so many phrasings."""
        return self._mixed(min(phrasings, MANY_PHRASINGS))

    def scores(self, evidence: Evidence) -> Floats:
        """(variants,) log-odds of each; weighted by how many phrasings it has."""
        phrasings = np.minimum(evidence.block.phrasings, MANY_PHRASINGS)  # (variants,)
        total = np.zeros(len(phrasings), np.float32)
        for name, values in evidence.parts.items():
            if name in self._table:
                total += self._table[name][phrasings] * values
        return total

    def _mixed(self, phrasings: int) -> Weights:
        share = (max(phrasings, 1) - 1) / (MANY_PHRASINGS - 1)
        kept = (DENSE if self.by_meaning else NOTHING) | (LEXICAL if self.by_words else NOTHING)
        return {
            name: share * weight + (1 - share) * self.one[name]
            for name, weight in self.many.items()
            if name in kept
        }


HYBRID = Ways()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A variant and what speaks for it; a candidate is made of it when it is among the best."""

    score: float
    evidence: Evidence
    place: int
    """Of the variant, in the evidence."""


def best(layer: Layer, asked: Asked, ways: Ways = HYBRID) -> list[Scored]:
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
    matches = segment.lexical.match(asked.words)
    block = layer.whole if len(allowed.rows) <= WHOLE_ROWS else _found(layer, asked, ways, matches)
    if not len(block.rows):
        return []
    evidence = Evidence(segment, asked, block, matches)
    scores = ways.scores(evidence)
    scores[~usable[block.variants]] = -np.inf
    top = np.argsort(-scores, kind="stable")[: asked.query.k]
    return [
        Scored(score=score, evidence=evidence, place=place)
        for place, score in zip(top.tolist(), scores[top].tolist(), strict=True)
        if score > -math.inf
    ]


def _found(layer: Layer, asked: Asked, ways: Ways, matches: Matches) -> Block:
    """The entries that meaning or words bring up."""
    segment, allowed = layer.segment, layer.reach(asked.query).rows
    mask = allowed.rows
    found: list[Ints] = []
    if ways.by_meaning:
        found.append(segment.dense.search(asked.vector, allowed, ROWS_BY_MEANING)[0])
        if segment.expert is not None and asked.expert is not None and len(mask) <= EXPERT_SCAN:
            found.append(_by_expert(segment, asked.expert, mask))
    if ways.by_words:
        found.append(matches.top(mask if allowed.given else None, ROWS_BY_WORDS))
    shape = segment.shape
    return shape.block(distinct(shape.entry_of[shape.variant_of[np.concatenate(found)]]))


def _by_expert(segment: Segment, vector: Floats, mask: Mask) -> Ints:
    assert segment.expert is not None  # noqa: S101 - for the type checker; the caller looked
    cosines = np.where(mask, segment.expert @ vector, -2)  # (rows,)
    many = min(ROWS_BY_MEANING // 2, int(mask.sum()))
    top: Ints = np.argpartition(-cosines, many - 1)[:many]
    return top


def shares(scores: Sequence[float]) -> list[float]:
    """The softmax of the scores: the probability of each candidate, if one is right."""
    highest = max(scores, default=0.0)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
